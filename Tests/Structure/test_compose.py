"""Who has which login and which secret in docker-compose.yml, of which no machine here starts a container."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def blocks(text, indent):
    """The blocks of a mapping at an indentation, by name."""
    found, name = {}, None
    for line in text.splitlines():
        start = re.match(rf"^ {{{indent}}}([\w-]+):(.*)$", line)
        if start:
            name = start[1]
            found[name] = start[2] + "\n"
        elif name is not None:
            if line.strip() and len(line) - len(line.lstrip()) < indent:
                name = None
            else:
                found[name] += line + "\n"
    return found


class ComposeTests(unittest.TestCase):
    def setUp(self):
        self.text = (ROOT / "docker-compose.yml").read_text()
        self.services = blocks(blocks(self.text, 0)["services"], 2)
        self.shared = blocks(self.text, 0)["x-episode-ledger"]

    def test_only_migrate_logs_in_as_the_owner(self):
        self.assertEqual(set(self.services), {"database", "migrate", "workers", "service"})
        owner, app = "postgresql://episode_ledger:", "postgresql://ledger_app:"
        self.assertIn(app, self.shared)
        self.assertNotIn(owner, self.shared)
        for name, block in self.services.items():
            self.assertEqual(owner in block, name == "migrate", name)
            self.assertEqual("POSTGRES_PASSWORD" in block, name in ("database", "migrate"), name)

    def test_the_app_gets_no_more_than_the_four_roles(self):
        made = blocks(self.text, 0)["configs"]
        self.assertEqual(
            re.findall(r"grant (.*) to ledger_app;", made),
            ["ledger_writer, ledger_projector, ledger_reader, ledger_sign_in"],
        )
        self.assertEqual(re.findall(r"create role ledger_app (.*);", made), ["login password :'password'"])

    def test_each_secret_is_where_it_is_needed_alone(self):
        for volume, users in (("sealing", {"workers"}), ("tokens", {"service"}), ("database", {"database"})):
            found = {name for name, block in self.services.items() if f"- {volume}:" in block}
            self.assertEqual(found, users)

    def test_the_program_has_no_privileges_and_writes_to_its_volumes_alone(self):
        for line in ("read_only: true", "cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]'):
            self.assertIn(line, self.shared)
        for name in ("migrate", "workers", "service"):
            self.assertIn("<<: *episode-ledger", self.services[name])
            self.assertNotRegex(self.services[name], r"privileged|cap_add|read_only: false|user:")


if __name__ == "__main__":
    unittest.main()
