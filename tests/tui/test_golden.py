"""Lists and the package as text at two sizes: golden/NAME-WIDTHxHEIGHT.txt. GOLDEN=1 writes them anew, for a person to read."""

import os
from pathlib import Path

import pytest

from gpinspect.tui.app import InspectApp
from tui import made
from tui.support import press, settled, text

GOLDEN = Path(__file__).with_name("golden")
WAYS = {
    "sessions": "",
    "folded": "f",
    "filter": "/ s e g m",
    "flows": "enter",
    "exchanges": "j enter enter",
    "packages": "enter enter",
    "package": "enter enter enter tab j",
    "findings": "d j",
    "palette": ": f i l",
}


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
@pytest.mark.parametrize("name", WAYS)
async def test_a_screen_reads_as_it_was_agreed(name: str, size: tuple[int, int]) -> None:
    app = InspectApp(made.reader(), utc=True)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await press(pilot, *WAYS[name].split())
        await pilot.pause(0.1)
        shown = "\n".join(line.rstrip() for line in text(app).splitlines()) + "\n"
    path = GOLDEN / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown)
    assert shown == path.read_text()
