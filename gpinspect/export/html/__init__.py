"""The report as one HTML page that needs nothing else: styles, script and drawings are inside, nothing is fetched."""

import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from gpinspect.export.html import svg
from gpinspect.views.page import Page

GLYPHS = {
    "proven": "●",
    "unprovable": "▲",
    "refuted": "✖",
    "error": "✖",
    "warning": "▲",
    "note": "○",
}
"""Each state has a shape of its own, and its word beside it."""


def _text(name: str) -> str:
    return files("gpinspect.export.html").joinpath(name).read_text(encoding="utf-8")


_CODE = re.compile("`([^`]*)`")


def coded(text: str) -> Markup:
    """Text, escaped, in which what stands between backticks is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_text),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["coded"] = coded
    environment.globals.update(
        glyphs=GLYPHS,
        style=Markup(_text("style.css")),  # ours, no value of the wire gets in
        script=Markup(_text("script.js")),
        drawn=svg,
    )
    return environment


def render(page: Page) -> str:
    """The page as HTML. Every text is escaped; the policy in its head forbids all outside references and all other scripts."""
    return _environment().get_template("page.html").render(page=page, hashes=_hashes())


@cache
def _hashes() -> dict[str, str]:
    """What the content security policy allows: exactly our style and our script."""
    from base64 import b64encode
    from hashlib import sha256

    return {name: b64encode(sha256(_text(name).encode()).digest()).decode() for name in ("style.css", "script.js")}
