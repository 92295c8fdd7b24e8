"""Tests of the comparison, and of whole runs with a program that is a few lines of shell."""

import pathlib
import tempfile
import unittest

import comparison
import document
import run

PROGRAM = """#!/bin/sh
case "$1" in
ledgers) echo '{"ledgers":[{"name":"demo"}]}' ;;
simulate) echo yes > started ;;
count) echo "census: 31 episodes"; echo "position 8,358"; test -t 1 && echo "on a terminal" ;;
refuse) echo "error: /minutes must be from 1 to 720" >&2; exit 2 ;;
break) exit 1 ;;
serve) trap 'exit 0' INT; echo "serving on http://127.0.0.1:$EPISODE_LEDGER_PORT" >&2
    while :; do sleep 0.05; done ;;
esac
"""

DOCUMENT = """# A document

Words.

```console
$ Scripts/run count
census: 31 episodes
…
on a terminal
$ Scripts/run refuse
error: /minutes must be from … to 720
$ echo $?
2
$ NAME=$(echo first |
  tr f F)
$ cat <<'END'
$NAME
END
$NAME
$ echo "$NAME"
First
```

## Service

```console background
$ Scripts/run serve
serving on http://127.0.0.1:8080
```

```console
$ echo 127.0.0.1:8080
127.0.0.1:8080
```
"""


def compare(expected, got):
    return comparison.difference(list(enumerate(expected.split("\n"), 1)), got.split("\n"))


class ComparisonTests(unittest.TestCase):
    def test_the_same_lines_are_no_difference(self):
        self.assertIsNone(compare("a\n\nb", "a\n\nb\n"))

    def test_a_difference_has_its_line_what_was_expected_and_what_was_got(self):
        self.assertEqual(compare("a\nb 1\nc", "a\nb 2\nc"), (2, "b 1", "b 2"))

    def test_missing_and_additional_lines_are_differences(self):
        self.assertEqual(compare("a\nb", "a"), (2, "b", "(the output has ended)"))
        self.assertEqual(compare("a", "a\nb"), (1, "(the output ends here)", "b"))

    def test_left_out_text_is_within_a_line_and_is_not_nothing(self):
        self.assertIsNone(compare("at …, … s", "at 12:00, 0.2 s"))
        self.assertEqual(compare("at … s", "at  s"), (1, "at … s", "at  s"))
        self.assertEqual(compare("{…}", "{a\nb}"), (1, "{…}", "{a"))

    def test_left_out_lines_may_be_any_number_at_any_place(self):
        for got in ["b", "a\nb\nc", "b\nb\nc\nd", "x\nb"]:
            self.assertIsNone(compare("…\nb\n…", got), got)
        self.assertIsNone(compare("a\n…\nb\nc\n…\nc", "a\nb\nb\nc\nc"))
        self.assertEqual(compare("a\n…\nb 1\n…", "a\nx\nb 2")[:2], (3, "b 1"))

    def test_the_first_and_the_last_lines_stand_at_the_ends(self):
        self.assertEqual(compare("a\n…", "x\na")[:2], (1, "a"))
        self.assertEqual(compare("…\na", "a\nx")[:2], (2, "a"))
        self.assertEqual(compare("a\n…\na", "a")[:2], (3, "a"))

    def test_characters_mean_themselves(self):
        self.assertEqual(compare("a.c (1)", "abc (1)"), (1, "a.c (1)", "abc (1)"))

    def test_a_figure_that_could_be_another_one_is_found(self):
        lines = [(1, "0 … 5 …")]
        self.assertEqual(
            comparison.unnoticed_figure(lines, ["0 a 5 b 6 c"]), (1, "0 … 6 …")
        )
        self.assertIsNone(comparison.unnoticed_figure(lines, ["0 a 5 b"]))


class DocumentTests(unittest.TestCase):
    def test_a_command_has_its_line_and_its_output(self):
        found = document.commands(DOCUMENT)
        self.assertEqual([command.line for command in found], [6, 10, 12, 14, 16, 20, 27, 32])
        self.assertEqual(found[0].output[2], (9, "on a terminal"))
        self.assertTrue(found[6].is_background and found[6].section == found[7].section)

    def test_no_command_stays_untried(self):
        for text in ["```\n$ a\n```", "```sh\n$ a\n```", "```console\na\n```"]:
            with self.assertRaisesRegex(document.DocumentError, "line 2"):
                document.commands(text)
        with self.assertRaisesRegex(document.DocumentError, "ends before END"):
            document.commands("```console\n$ a <<END\nb\n```")


class RunTests(unittest.TestCase):
    def differences(self, text):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "program")
            program.write_text(PROGRAM, encoding="utf-8")
            program.chmod(0o755)
            path = pathlib.Path(folder, "document.md")
            path.write_text(text, encoding="utf-8")
            return [text.replace(f"{path}:", "") for text in run.differences(path, str(program))]

    def test_a_document_that_is_right_has_no_difference(self):
        self.assertEqual(self.differences(DOCUMENT), [])

    def test_a_changed_figure_is_told_with_its_line(self):
        self.assertEqual(
            self.differences(DOCUMENT.replace("31 episodes", "32 episodes")),
            ["7: expected: census: 32 episodes\n7:      got: census: 31 episodes"],
        )
        self.assertEqual(
            self.differences(DOCUMENT.replace("to 720", "to 721")),
            [
                "11: expected: error: /minutes must be from … to 721\n"
                "11:      got: error: /minutes must be from 1 to 720"
            ],
        )

    def test_a_command_that_fails_and_shows_no_error_is_told(self):
        found = self.differences(DOCUMENT.replace("run count", "run break"))
        self.assertEqual(len(found), 2)
        self.assertTrue(found[0].startswith("6: expected: exit status 0\n6:      got: 1"))

    def test_a_command_that_should_fail_and_does_not_is_told(self):
        found = self.differences(DOCUMENT.replace("$ Scripts/run refuse", "$ echo error: 5"))
        self.assertIn("10: expected: a failure\n10:      got: 0", found[0])

    def test_a_command_without_output_must_succeed(self):
        found = self.differences("```console\n$ Scripts/run break\n$ true\n```\n")
        self.assertEqual(len(found), 1)
        self.assertIn("2: expected: exit status 0", found[0])

    def test_a_service_that_ends_or_says_something_else_is_told(self):
        found = self.differences(DOCUMENT.replace("$ Scripts/run serve", "$ Scripts/run break"))
        self.assertIn("27: expected: exit status 0", found[0])
        self.assertIn("28: expected: serving on http://127.0.0.1:8080", found[1])

    def test_a_command_that_no_shell_understands_is_told(self):
        found = self.differences("```console\n$ echo (\n$ echo 1\n1\n```\n")
        self.assertTrue(any("syntax error" in text or "has ended" in text for text in found), found)

    def test_what_scripts_run_does_comes_first(self):
        self.assertEqual(self.differences("```console\n$ cat started\nyes\n```\n"), [])

    def test_a_document_without_a_command_is_none(self):
        self.assertIn("no command", self.differences("Words.\n")[0])


if __name__ == "__main__":
    unittest.main()
