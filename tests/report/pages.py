"""Reads pages the way a browser does."""

from html.parser import HTMLParser

VOID = ("meta", "img")


class Page(HTMLParser):
    """Checks that every tag is closed, and collects the parts of a page.

    Attributes:
        html: the page.
        words: its text.
        tags: the names of its elements.
        attributes: the names of their attributes.
        references: the addresses that it names.
        ids: of its elements.
        open: elements that are not closed.
    """

    def __init__(self, html):
        super().__init__()
        self.html = html
        self.open, self.references, self.ids = [], [], []
        self.tags, self.attributes, self._texts = set(), set(), []
        self.feed(html)

    @property
    def words(self):
        return " ".join("".join(self._texts).split())

    def handle_starttag(self, name, attributes):
        self.tags.add(name)
        for key, value in attributes:
            self.attributes.add(key)
            if key in ("src", "href", "action", "data"):
                self.references.append(value)
            if key == "id":
                self.ids.append(value)
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.handle_starttag(name, attributes)
        self.handle_endtag(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self._texts.append(data)
