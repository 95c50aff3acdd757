"""Drawings: numbers of the page in, SVG elements out. Only numbers and our own words get in; texts are escaped."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from gpinspect.views.activity import Span
from gpinspect.views.page.values import FileBar, Lane, MatrixRow

WIDTH = 1000.0
"""Units across; the page stretches them."""
LANE = 22
ROW = 6
CAUSES = ("server", "segment", "network", "capture", "unknown")
LETTERS = {"server": "S", "segment": "G", "network": "N", "capture": "C", "unknown": "?"}
ENDS = {"whole": "●", "broken": "✖", "left": "◀", "open": "…", "late": "○"}
END_WORDS = {
    "whole": "ended as it should",
    "broken": "broke off or failed",
    "left": "left early",
    "open": "end not captured",
    "late": "came when all was read",
}


def _x(share: float) -> str:
    return f"{share * WIDTH:.1f}".rstrip("0").rstrip(".")


def _wide(span: Span, least: float = 0.0015) -> str:
    return _x(max(least, span[1] - span[0]))


def lane(one: Lane) -> Markup:
    """Transfer, stalls with the letter of their cause, and the end of one Greenplum segment."""
    parts: list[str] = [f'<path class="span" d="M{_x(one.span[0])} 11H{_x(one.span[1])}"/>']
    letters: list[str] = []
    if one.busy:
        path = "".join(f"M{_x(a)} 5h{_wide((a, b))}v12h-{_wide((a, b))}z" for a, b in one.busy)
        parts.append(f'<path class="busy" d="{path}"/>')
    for stall in one.stalls:
        cause = stall.cause if stall.cause in CAUSES else "unknown"
        parts.append(
            f'<g class="stall {cause}"><rect x="{_x(stall.span[0])}" y="2" width="{_wide(stall.span, 0.004)}" height="18"/>'
            f"<title>{escape(stall.text)}</title></g>"
        )
        if stall.span[1] - stall.span[0] > 0.02:
            middle = (stall.span[0] + stall.span[1]) / 2
            letters.append(f'<text class="letter" x="{middle:.2%}" y="16">{LETTERS[cause]}</text>')
    return _svg(parts, LANE, f"segment {one.name}: {one.outcome}, {one.bytes}", letters)


def rate(rates: Sequence[float]) -> Markup:
    """Bytes a second over time as an area."""
    top = max(rates, default=0.0) or 1.0
    step = 1 / max(1, len(rates))
    points = "".join(f"H{_x((at + 1) * step)}V{78 - 74 * value / top:.1f}" for at, value in enumerate((*rates[1:], 0.0)))
    first = f"M0 78V{78 - 74 * (rates[0] if rates else 0.0) / top:.1f}"
    return _svg([f'<path class="area" d="{first}{points}V78H0z"/>'], 80, "payload a second over the time of the session")


def matrix(rows: Sequence[MatrixRow]) -> Markup:
    """Greenplum segments by time: four shades of rate, and stalls."""
    columns = len(rows[0].levels) if rows else 1
    wide = 1 / columns
    paths: dict[int, list[str]] = {}
    for number, row in enumerate(rows):
        at = 0
        while at < columns:
            level = row.levels[at]
            end = at + 1
            while end < columns and row.levels[end] == level:
                end += 1
            if level:
                paths.setdefault(level, []).append(
                    f"M{_x(at * wide)} {number * ROW}h{_x((end - at) * wide)}v{ROW - 1}h-{_x((end - at) * wide)}z"
                )
            at = end
    names = {-1: "stalled"}
    parts = [f'<path class="{names.get(level, f"level{level}")}" d="{"".join(found)}"/>' for level, found in sorted(paths.items())]
    return _svg(parts, max(1, len(rows)) * ROW, "rate of each Greenplum segment over time")


def file(bar: FileBar) -> Markup:
    """What of a source file was delivered."""
    parts = []
    for span, kind, text in bar.pieces:
        high = (4, 14) if kind == "overlap" else (2, 18)
        parts.append(
            f'<g class="{kind}"><rect x="{_x(span[0])}" y="{high[0]}" width="{_wide(span, 0.003)}" height="{high[1]}"/>'
            f"<title>{escape(text)}</title></g>"
        )
    return _svg(parts, LANE, f"file {bar.name}: {bar.text}")


def bar(share: float) -> Markup:
    """One bar of a bar chart."""
    return _svg([f'<rect class="share" x="0" y="4" width="{_x(share)}" height="14"/>'], LANE, f"{share:.0%} of the largest")


def _svg(parts: Iterable[str], height: int, label: str, letters: Iterable[str] = ()) -> Markup:
    """Shapes are stretched to the width of the page, letters are not."""
    shapes = (
        f'<svg viewBox="0 0 {WIDTH:.0f} {height}" preserveAspectRatio="none" width="100%" height="{height}">{"".join(parts)}</svg>'
    )
    return Markup(f'<svg role="img" aria-label="{escape(label)}" height="{height}">{shapes}{"".join(letters)}</svg>')
