"""Pages of reports, as a browser would read them."""

import re
from html.parser import HTMLParser

from builders.reported_runs import PIPELINE
from vitrail.reporting import publish_report

__all__ = ["Page", "publish"]


class Page(HTMLParser):
    """What a browser would make of the page, as far as the tests ask."""

    def __init__(self, path):
        super().__init__()
        self.text, self.tags, self.scripts, self._open = "", [], [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        if "script" in self._open:
            self.scripts[-1] += data
        elif "style" not in self._open:
            self.text += data

    def all(self, tag, **attributes):
        return [
            found
            for name, found in self.tags
            if name == tag and all(found.get(key) == value for key, value in attributes.items())
        ]

    def section(self, anchor):
        """The source of one section."""
        return re.search(rf'<section id="{anchor}".*?</section>', self.source, re.DOTALL).group(0)


def publish(run):
    publish_report(run, run / "out.html", PIPELINE)
    return Page(run / "out.html")
