"""The commands of a Markdown document, and what it says that they print."""

import re
from dataclasses import dataclass, field

HERE_DOCUMENT = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")


@dataclass
class Command:
    """One command as a reader would paste it."""

    line: int
    text: str
    # What the document prints below it: pairs of a line's number and its text.
    output: list = field(default_factory=list)
    # The number of the section (`## …`) that it stands in.
    section: int = 0
    # Whether it goes on until its section ends, in a terminal of its own.
    is_background: bool = False


class DocumentError(Exception):
    """Says what is wrong with a document, and in which line."""


def commands(text):
    """Returns the commands of the blocks that are marked `console`, in their order.

    A command begins with `$ `. It goes on over the lines of a here-document, and after a line that ends
    with a backslash, a pipe or `&&`. A block marked `console background` holds one command that goes on
    running.

    Raises DocumentError where a block shows commands and is not marked, so that none stays untried.
    """
    found, section, info, current, ends = [], 0, None, None, []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("```"):
            if info is not None and ends:
                raise DocumentError(f"line {number}: the block ends before {ends[0]}")
            info = line[3:].strip() if info is None else None
            current, ends = None, []
        elif info is None:
            section += line.startswith("## ")
        elif info not in ("console", "console background"):
            if line.startswith("$ "):
                raise DocumentError(f"line {number}: a command in a block that is not marked console")
        elif ends:
            current.text += "\n" + line
            if line == ends[0]:
                ends.pop(0)
        elif current is not None and re.search(r"(\\|\||&&)$", current.text):
            current.text += "\n" + line
            ends = [word for _, word in HERE_DOCUMENT.findall(line)]
        elif line.startswith("$ "):
            current = Command(number, line[2:], [], section, info.endswith("background"))
            ends = [word for _, word in HERE_DOCUMENT.findall(line)]
            found.append(current)
        elif current is not None:
            current.output.append((number, line))
        else:
            raise DocumentError(f"line {number}: a block that is marked console begins with no command")
    for command in found:
        while command.output and not command.output[-1][1]:
            command.output.pop()
    return found
