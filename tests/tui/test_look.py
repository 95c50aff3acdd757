"""Text from the wire keeps its place on the screen."""

import pytest
from rich.cells import cell_len

from gpinspect.tui.look import PLAIN, Look
from gpinspect.views.text import cells, printable

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07name",
    "[bold red]name[/] [@click=app.quit]x[/]",
    "表格文件.csv",
    "e\u0301" * 20,
    "a" + "\u0300" * 50,
    "\u0301leading mark",
    "\U0001f1e9\U0001f1ea\U0001f44d\U0001f3fd\u200d\U0001f469",
    "\u202ereversed\u2066",
    "क्षि",
    "\udcff\udcfe",
    "\ue000\U000f0000",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("unicode", [True, False])
def test_a_line_is_as_wide_as_it_is_meant_to_be(name: str, unicode: bool) -> None:
    look = Look(unicode=unicode)
    for width in (1, 7, 40, 80):
        strip = look.line([(look.text(printable(name)), PLAIN), ("  end", PLAIN)], width)
        drawn = "".join(segment.text for segment in strip)
        assert cell_len(drawn) == width
        assert unicode or drawn.isascii()


@pytest.mark.parametrize("name", HOSTILE)
def test_both_tables_of_widths_agree_about_what_is_drawn(name: str) -> None:
    shown = Look().text(printable(name))
    assert cell_len(shown) == cells(shown)


def test_markup_is_shown_and_not_obeyed() -> None:
    strip = Look().line([(Look().text("[bold]x[/]"), PLAIN)], 10)
    assert strip.text == "[bold]x[/]"
    assert not any(segment.style and segment.style.bold for segment in strip)


def test_piles_of_marks_and_marks_on_nothing_become_escapes() -> None:
    look = Look()
    assert look.text("a\u0301b") == "a\u0301b"
    assert look.text("\u0301") == "\\u0301"
    assert look.text("a" + "\u0301" * 4) == "a\u0301\u0301\\u0301\\u0301"


def test_without_unicode_everything_is_ascii() -> None:
    look = Look(unicode=False)
    assert look.text("žluť…") == "\\u017elu\\u0165~"
    assert look.bars([0.0, 0.5, 1.0, None], 10).isascii()


def test_shares_become_small_bars() -> None:
    look = Look()
    assert look.bars([0.0, 0.01, 0.5, 1.0, None], 10) == "_▁▅█-"
    assert Look(unicode=False).bars([0.0, 0.01, 0.5, 1.0, None], 10) == "_158-"
    assert look.bars([0.1] * 99 + [1.0], 50).startswith("▁" * 49 + "█ (2 ")
    assert look.bar(0.5, 12) == "######" and look.bar(0.001, 12) == "." and look.bar(0, 12) == ""


def test_without_colours_no_style_has_one() -> None:
    look = Look(color=False)
    assert all(look.style(tone).color is None for tone in ("", "good", "warn", "bad"))
    assert Look().style("bad").color is not None
