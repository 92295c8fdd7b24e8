"""A page's HTML as a tree, for tests that look into it without a browser."""

import html.parser

VOID = {"br", "hr", "input", "link", "meta"}


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.children = []

    def get(self, name):
        return self.attributes.get(name)

    @property
    def classes(self):
        return (self.get("class") or "").split()

    @property
    def text(self):
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return "".join(parts).replace("\xa0", " ")

    def all(self, tag=None, style=None, **attributes):
        """Every element below this one, in the order of the page."""
        for child in self.children:
            if isinstance(child, str):
                continue
            if ((tag is None or child.tag == tag) and (style is None or style in child.classes)
                    and all(child.get(name) == value for name, value in attributes.items())):
                yield child
            yield from child.all(tag, style, **attributes)

    def one(self, tag=None, style=None, **attributes):
        found = list(self.all(tag, style, **attributes))
        if len(found) != 1:
            raise AssertionError(f"{len(found)} of {tag} {style} {attributes}")
        return found[0]

    def within(self, tag, style=None):
        """Whether it stands in such an element."""
        place = self.parent
        while place is not None:
            if place.tag == tag and (style is None or style in place.classes):
                return True
            place = place.parent
        return False


class Builder(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = self.place = Element("", {}, None)

    def handle_starttag(self, tag, attributes):
        element = Element(tag, {name: value or "" for name, value in attributes}, self.place)
        self.place.children.append(element)
        if tag not in VOID:
            self.place = element

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if self.place.tag != tag:
            raise AssertionError(f"</{tag}> ends <{self.place.tag}>")
        self.place = self.place.parent

    def handle_data(self, data):
        self.place.children.append(data)


def read(text):
    """The tree of a page; one that does not close what it opens fails."""
    builder = Builder()
    builder.feed(text)
    builder.close()
    if builder.place is not builder.root:
        raise AssertionError(f"<{builder.place.tag}> has no end")
    return builder.root


def table(element):
    """The rows of a table's body, each the texts of its cells."""
    return [[cell.text.strip() for cell in row.children if not isinstance(cell, str)]
            for row in element.one("tbody").all("tr")]
