"""The page about the interface tells the keys that there are."""

from pathlib import Path

from gpinspect.tui.keytable import brought_up_to_date

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tui.md"


def test_the_page_lists_the_keys_of_the_table() -> None:
    page = PAGE.read_text()
    assert page == brought_up_to_date(page), "run: python -m gpinspect.tui.keytable docs/tui.md"
