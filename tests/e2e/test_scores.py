"""What classify makes of logits: by the number of labels, or as the folder says.

Catches a single label that always has the probability 1, labels that exclude each
other where they should not, and a score that is squeezed although it is the result.
"""

import json
import math
import os
import shutil
import unittest

from driver import (EQUATION_CASES, EXAMPLES, DriverTest, read_npy, write_npy)

SENTIMENT = os.path.join(EXAMPLES, "sentiment-bert")


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


class Scores(DriverTest):
    def entry(self):
        with open(os.path.join(SENTIMENT, "expected.jsonl")) as file:
            return json.loads(next(file))

    def model(self, **keys):
        folder = self.path("folder")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SENTIMENT, folder)
        path = os.path.join(folder, "config.json")
        with open(path) as file:
            config = json.load(file)
        with open(path, "w") as file:
            json.dump({**config, **keys}, file)
        return folder

    def check(self, expected, key, *flags, **keys):
        """`expected` of the logits is printed by each of the three ways."""
        folder, entry = self.model(**keys), self.entry()
        library = self.compile(folder, "m.so", *flags)
        ids = entry["input_ids"]
        write_npy(self.path("ids.npy"), (1, len(ids)), ids)
        self.ashlar("run", library, "--in=input_ids=ids.npy",
                    "--out=logits=o.npy")
        scores = expected(list(read_npy(self.path("o.npy"))[1]))
        best = scores.index(max(scores))
        done = self.ashlar("classify", library, f"--text={entry['input']}")
        label, *fields = done.stdout.rstrip("\n").split("\t")
        names, printed = zip(*(field.rsplit("=", 1) for field in fields))
        self.assertEqual(names[best], label)
        self.assertEqual(done.stderr, "")
        for a, b in zip(printed, scores, strict=True):
            self.assertAlmostEqual(float(a), b, 5)
        done = self.ashlar("classify", library, "--json",
                           f"--text={entry['input']}")
        record = json.loads(done.stdout)
        self.assertAlmostEqual(record[key], scores[best], 5)
        self.assertEqual([set(each) for each in record["classes"]],
                         [{"label", key}] * len(scores))
        program = self.compile(folder, "m", *flags)
        label, score = self.execute([program, entry["input"]]).stdout.split("\t")
        self.assertEqual(label, names[best])
        self.assertAlmostEqual(float(score), scores[best], 5)

    def test_labels_that_exclude_each_other(self):
        def softmax(logits):
            parts = [math.exp(x) for x in logits]
            return [part / sum(parts) for part in parts]
        self.check(softmax, "probability")

    def test_labels_that_do_not(self):
        self.check(lambda logits: [sigmoid(x) for x in logits], "probability",
                   problem_type="multi_label_classification")

    def test_a_single_label(self):
        one = {"id2label": {"0": "relevant"}, "label2id": {"relevant": 0}}
        weights = "--random-weights=3"
        self.check(lambda logits: [sigmoid(logits[0])], "probability", weights,
                   **one)
        self.check(lambda logits: logits, "score", weights, **one,
                   problem_type="regression")
        # What sentence-transformers keeps of its cross-encoders goes first.
        module = "torch.nn.modules."
        self.check(lambda logits: logits, "score", weights, **one,
                   sbert_ce_default_activation_function=module +
                   "linear.Identity")
        self.check(lambda logits: [sigmoid(logits[0])], "probability", weights,
                   **one, problem_type="regression", sentence_transformers={
                       "activation_fn": module + "activation.Sigmoid"})

    def test_a_description_says_it_too(self):
        folder = self.model(problem_type="multi_label_classification")
        text = f"--text={self.entry()['input']}"
        expected = self.ashlar("classify", folder, text).stdout
        self.ashlar("spec", folder, "-o", self.path("m.yaml"))
        self.assertEqual(self.ashlar("classify", "m.yaml", text).stdout,
                         expected)
        folder = self.model(problem_type="ranking")
        done = self.ashlar("classify", folder, text, status=1)
        self.assertIn('"problem_type" is "ranking"; expected regression, '
                      "single_label_classification or "
                      "multi_label_classification", done.stderr)


class ReadAgain(DriverTest):
    def test_the_decoder_reads_the_text_again(self):
        """Texts of a case, whose logits are of the row that the end token's place
        has behind the start token."""
        case = os.path.join(EQUATION_CASES, "bart_classifier")
        folder = self.path("folder")
        shutil.copytree(os.path.join(case, "model"), folder)
        with open(os.path.join(folder, "tokenizer.json"), "w") as file:
            json.dump({"model": {"type": "WordLevel", "unk_token": "w0",
                                 "vocab": {f"w{i}": i for i in range(59)
                                           if i != 2}},
                       "added_tokens": [{"id": 2, "content": "</s>",
                                         "special": True}],
                       "pre_tokenizer": {"type": "WhitespaceSplit"}}, file)
        library = self.compile(folder, "m.so", "--max-tokens=33")
        program = self.compile(folder, "m")
        for run in ("b1_s2", "b1_s7", "b1_s33"):
            _, ids = read_npy(os.path.join(case, run, "in.input_ids.npy"))
            _, logits = read_npy(os.path.join(case, run, "out.logits.npy"))
            parts = [math.exp(x) for x in logits]
            text = " ".join("</s>" if i == 2 else f"w{i}" for i in ids)
            done = self.ashlar("classify", library, "--special",
                               f"--text={text}")
            for field, part in zip(done.stdout.split("\t")[1:], parts,
                                   strict=True):
                self.assertAlmostEqual(float(field.rsplit("=", 1)[1]),
                                       part / sum(parts), 4)
            done = self.execute([program, "--special", text])
            self.assertAlmostEqual(float(done.stdout.split("\t")[1]),
                                   max(parts) / sum(parts), 4)


class Positions(DriverTest):
    def test_padding_in_a_text(self):
        """Its id has a position of its own, and the others do not count it."""
        case = os.path.join(EQUATION_CASES, "roberta_classifier", "model")
        folder = self.path("folder")
        shutil.copytree(case, folder)
        with open(os.path.join(folder, "tokenizer.json"), "w") as file:
            json.dump({"model": {"type": "WordLevel", "unk_token": "w0",
                                 "vocab": {f"w{i}": i for i in range(71)
                                           if i != 1}},
                       "added_tokens": [{"id": 1, "content": "<pad>",
                                         "special": True}],
                       "pre_tokenizer": {"type": "WhitespaceSplit"}}, file)
        library = self.compile(folder, "m.so")

        def logits(positions):
            write_npy(self.path("ids.npy"), (1, 4), [7, 1, 8, 9])
            write_npy(self.path("at.npy"), (1, 4), positions)
            self.ashlar("run", library, "--in=input_ids=ids.npy",
                        "--in=position_ids=at.npy", "--out=logits=o.npy")
            return [f"{x:.4f}" for x in read_npy(self.path("o.npy"))[1]]

        parts = [math.exp(float(x)) for x in logits([2, 1, 3, 4])]
        self.assertNotEqual(logits([2, 1, 3, 4]), logits([2, 3, 4, 5]))
        text = "w7 <pad> w8 w9"
        program = self.compile(folder, "m")
        done = self.ashlar("classify", library, "--special", f"--text={text}")
        self.check_scores(done.stdout.split("\t")[1:], parts)
        done = self.execute([program, "--special", text])
        self.assertAlmostEqual(float(done.stdout.split("\t")[1]),
                               max(parts) / sum(parts), 3)

    def check_scores(self, fields, parts):
        for field, part in zip(fields, parts, strict=True):
            self.assertAlmostEqual(float(field.rsplit("=", 1)[1]),
                                   part / sum(parts), 3)


if __name__ == "__main__":
    unittest.main()
