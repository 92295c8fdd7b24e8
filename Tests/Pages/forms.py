"""Reads the forms of pages and sends them, as a browser without a script does."""

import re

import page_html


def values(form):
    """What a browser would send of a form, by name; of its buttons none."""
    found = {}
    for field in form.all("input"):
        kind = field.get("type") or "text"
        if kind in ("checkbox", "radio"):
            if field.get("checked") is not None:
                found[field.get("name")] = field.get("value")
        else:
            found[field.get("name")] = field.get("value") or ""
    for field in form.all("select"):
        chosen = [option for option in field.all("option") if option.get("selected") is not None]
        found[field.get("name")] = chosen[0].get("value") if chosen else ""
    for field in form.all("textarea"):
        found[field.get("name")] = field.text
    return found


class Form:
    """A form that records something, as it stands on a page."""

    def __init__(self, reader, path):
        self.reader = reader
        self.take(200, reader.get(path))

    def take(self, status, text):
        self.status, self.text = status, text
        self.page = page_html.read(text)
        forms = [form for form in self.page.all("form") if form.get("data-kept") is not None]
        self.form = forms[0] if forms else None
        if self.form:
            self.action = self.form.get("action")
            self.values = values(self.form)

    def send(self, typed=(), **button):
        """Sends it with what is typed; a redirect leaves the form as it is."""
        fields = {**self.values, **dict(typed), **(button or {"do": "record"})}
        status, headers, text = self.reader.once(self.action, fields)
        self.location = headers["Location"]
        self.sent = fields
        if status == 303:
            self.status = status
        else:
            self.take(status, text)
        return status

    @property
    def codes(self):
        """The codes of what is wrong."""
        return [line.get("data-code") for line in self.page.all("li") if line.get("data-code")]

    @property
    def names(self):
        return [name for name in self.values if name.startswith("/")]

    @property
    def episode(self):
        return re.search(r"/episodes/([0-9a-f-]{36})", self.location).group(1)
