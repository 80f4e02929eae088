"""Makes Data Docs readable without a network.

As Great Expectations writes them, the pages fetch style sheets, scripts and a logo from other hosts; without
these the index is empty and a failure looks like a success. Here the pages lose scripts and remote references
and get one local style sheet, and the index gets a plain table.
"""

import html
import importlib.resources
import re
from collections.abc import Sequence
from pathlib import Path

from vitrail.contracts.validation import SuiteResult

__all__ = ["make_self_contained"]

_STYLE = Path("static") / "styles" / "vitrail.css"
_LOGO = Path("static") / "images" / "logo-long.png"
_ICON = Path("static") / "images" / "favicon.ico"
_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
_REMOTE_STYLE = re.compile(r"<link\b[^>]*\bhref=\"https?://[^>]*>")
_REMOTE_IMAGE = re.compile(r"src=\"https?://[^\"]*\"")
_REMOTE_URL = re.compile(r"url\('https?://[^']*'\)")
_FOOTER = re.compile(r"<footer\b.*?</footer>", re.DOTALL)
_TABS = re.compile(r"<div id=\"section-1-content-block-2\"")


def make_self_contained(docs: Path, results: Sequence[SuiteResult]) -> None:
    """Rewrites every page under `docs`, which Great Expectations has just built for `results`."""
    style = importlib.resources.files(__package__).joinpath("data_docs.css").read_text(encoding="utf-8")
    (docs / _STYLE).write_text(style, encoding="utf-8")
    for path in (docs / "static").rglob("*"):  # 4 MB of fonts and animations that no page needs
        if path.is_file() and path.relative_to(docs) not in (_STYLE, _LOGO, _ICON):
            path.unlink()
    index = docs / "index.html"
    for page in sorted(docs.rglob("*.html")):
        root = "../" * (len(page.relative_to(docs).parts) - 1)
        text = _localise(page.read_text(encoding="utf-8"), root)
        if page == index:
            text = _TABS.sub(lambda tabs: _table(docs, results) + tabs[0], text, count=1)
        page.write_text(text, encoding="utf-8")


def _localise(text: str, root: str) -> str:
    for pattern in (_SCRIPT, _REMOTE_STYLE, _FOOTER):
        text = pattern.sub("", text)
    text = _REMOTE_IMAGE.sub(f'src="{root}{_LOGO.as_posix()}"', text)
    text = _REMOTE_URL.sub("none", text)
    return text.replace("</head>", f'<link rel="stylesheet" href="{root}{_STYLE.as_posix()}">\n</head>', 1)


def _table(docs: Path, results: Sequence[SuiteResult]) -> str:
    rows = "\n".join(_row(docs, result) for result in results)
    head = "<tr><th>Suite</th><th>Status</th><th>Expectations met</th><th>Failed claims</th><th>Note</th></tr>"
    return f'<table class="table vitrail-index"><thead>{head}</thead><tbody>\n{rows}\n</tbody></table>\n'


def _row(docs: Path, result: SuiteResult) -> str:
    page = next((docs / "validations" / result.suite).rglob("*.html")).relative_to(docs).as_posix()
    failed = [expectation for expectation in result.expectations if not expectation.success]
    is_critical = any(expectation.severity == "critical" for expectation in failed)
    status = "critical" if is_critical else "warning" if failed else "passed"
    claims = "<br>".join(html.escape(expectation.claim) for expectation in failed)
    met = f"{len(result.expectations) - len(failed)} of {len(result.expectations)}"
    suite, note = html.escape(result.suite), html.escape(result.note)
    return (
        f'<tr><td><a href="{page}">{suite}</a> (<a href="expectations/{suite}.html">suite</a>)</td>'
        f'<td class="{status}">{status}</td><td>{met}</td><td>{claims}</td><td>{note}</td></tr>'
    )
