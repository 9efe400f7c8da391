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
