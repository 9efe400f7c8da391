"""`--chat`: a message goes to the model as its folder's template writes it.

Catches a template that is left aside, text of the message that becomes special
tokens, and an executable that does not do what `generate` does.
"""

import json
import os
import shutil
import unittest

from driver import EXAMPLES, DriverTest

STORY = os.path.join(EXAMPLES, "story-llama")
TEMPLATE = ("{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}"
            "({{ message.content | trim }}) {% else %}{{ message.content }}"
            "{% endif %}{% endfor %}{% if add_generation_prompt %} said{% endif %}")


class Chat(DriverTest):
    def model(self, template):
        """The story teller with a chat template."""
        folder = self.path("model")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for name in os.listdir(STORY):
            os.symlink(os.path.join(STORY, name), os.path.join(folder, name))
        path = os.path.join(folder, "tokenizer_config.json")
        config = {}
        if os.path.exists(path):
            with open(path) as file:
                config = json.load(file)
            os.remove(path)
        config.update(template)
        with open(path, "w") as file:
            json.dump(config, file)
        return folder

    def ids(self, model, *flags):
        return self.ashlar("generate", model, "--ids-only",
                           "--max-new-tokens=8", *flags).stdout

    def test_message_is_written_as_the_template_says(self):
        library = os.path.join(self.folder, "m.so")
        self.ashlar("compile", self.model({"chat_template": TEMPLATE}), "-o",
                    library)
        self.assertEqual(self.ids(library, "--chat", "--prompt=Tom"),
                         self.ids(library, "--prompt=Tom said"))
        self.assertEqual(
            self.ids(library, "--chat", "--system= Once upon a time ",
                     "--prompt=Tom"),
            self.ids(library, "--prompt=(Once upon a time) Tom said"))
        self.assertNotEqual(self.ids(library, "--chat", "--prompt=Tom"),
                            self.ids(library, "--prompt=Tom"))

    def test_executables_do_the_same(self):
        program = self.compile(self.model({"chat_template": TEMPLATE}), "m")
        wanted = self.execute([program, "--max-new-tokens=8", "Tom said"]).stdout
        self.assertEqual(
            self.execute([program, "--chat", "--max-new-tokens=8", "Tom"]).stdout,
            wanted)

    def test_chats_of_several_turns(self):
        library = self.compile(self.model({"chat_template": TEMPLATE}), "m.so")
        program = self.compile(self.path("model"), "m")
        flags = ("--max-new-tokens=8", "--ignore-eos")
        first = self.ashlar("generate", library, "--prompt=Tom said",
                            *flags).stdout.rstrip("\n")
        # The template writes a message behind the other, "said" at the end.
        wanted = first + "\n" + self.ashlar(
            "generate", library, f"--prompt=Tom{first} and said", *flags).stdout
        self.assertNotEqual(first, "")
        self.assertEqual(self.ashlar("generate", library, "--prompt-file=-",
                                     "--converse", *flags,
                                     input="Tom\n and\n").stdout, wanted)
        self.assertEqual(self.execute([program, "--converse", *flags, "Tom",
                                       " and"]).stdout, wanted)
        messages = [[{"role": "user", "content": "Tom"}],
                    [{"role": "user", "content": "Tom"},
                     {"role": "assistant", "content": first},
                     {"role": "user", "content": " and"}]]
        with open(self.path("chats.json"), "w") as file:
            file.write("\n".join(map(json.dumps, messages)))
        for command in ([os.environ["ASHLAR"], "generate", library], [program]):
            self.assertEqual(self.execute([*command, "--messages=chats.json",
                                           *flags]).stdout, wanted)
        messages[1].insert(0, {"role": "system", "content": " Once "})
        with open(self.path("chats.json"), "w") as file:
            json.dump(messages[1], file)
        self.assertEqual(
            self.execute([program, "--messages=chats.json", *flags]).stdout,
            self.ashlar("generate", library, *flags,
                        f"--prompt=(Once) Tom{first} and said").stdout)

    def test_bad_files_of_chats(self):
        library = self.compile(self.model({"chat_template": TEMPLATE}), "m.so")
        with open(self.path("chats.json"), "w") as file:
            file.write('[{"role": "tool", "content": ""}]')
        done = self.ashlar("generate", library, "--messages=chats.json",
                           status=1)
        self.assertIn('chats.json:1: message 1 has the role "tool"; expected '
                      '"user" or "system"', done.stderr)
        self.ashlar("generate", library, "--converse", "--ids=1", status=2)

    def test_the_day(self):
        model = self.model({"chat_template":
                            "{{ bos_token }}{{ strftime_now('%Y') }}"
                            "{{ messages[0].content }}"})
        done = self.ashlar("compile", model, "-o", self.path("n.so"))
        self.assertIn("--chat-date", done.stderr)
        done = self.ashlar("compile", model, "-o", self.path("n.so"),
                           "--chat-date=2024-02-29")
        self.assertEqual(done.stderr, "")
        self.assertEqual(self.ids(self.path("n.so"), "--chat", "--prompt= Tom"),
                         self.ids(self.path("n.so"), "--prompt=2024 Tom"))
        done = self.ashlar("compile", model, "-o", self.path("n.so"),
                           "--chat-date=2023-02-29", status=2)
        self.assertIn("YYYY-MM-DD", done.stderr)

    def test_no_template(self):
        library = self.compile(STORY, "m.so")
        done = self.ashlar("generate", library, "--chat", "--prompt=Tom",
                           status=1)
        self.assertIn("chat", done.stderr)

    def test_templates_that_cannot_be_taken(self):
        for template, said in (
                ("{% for m in messages %}", "endfor"),
                ("{{ messages[0]['content'] | upper }}", "template")):
            with self.subTest(template):
                done = self.ashlar("compile",
                                   self.model({"chat_template": template}),
                                   "-o", self.path("n.so"))
                self.assertIn("warning", done.stderr)
                self.assertIn(said, done.stderr)
                done = self.ashlar("generate", self.path("n.so"), "--chat",
                                   "--prompt=Tom", status=1)
                self.assertIn("chat", done.stderr)


if __name__ == "__main__":
    unittest.main()
