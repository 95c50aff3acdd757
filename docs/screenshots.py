"""Makes the pictures of the README: python docs/screenshots.py (in the virtual environment, from the top of the checkout)."""

import asyncio
import os
import time
from pathlib import Path

from gpinspect.inspection import open_inspection
from gpinspect.tui.app import InspectApp
from gpinspect.tui.look import Look
from gpinspect.tui.reading import FileReader

LOADS = (
    "gp-get-csv-header-4seg.pcapng",
    "gp-get-two-servers.pcapng",
    "gp-get-cursor-close.pcapng",
    "gp-get-killed-server.pcapng",
    "gp-get-line-too-long-s.pcapng",
    "gp-post-cancelled-s.pcapng",
    "stalls/seg-sigstop-fifo.pcap.gz",
)
STALLED = LOADS[-1:]
PICTURES = {"sessions": (LOADS, ("G",)), "ladder": (STALLED, ("enter", "v", "]"))}
"""By file: captures, and keys from the start screen on."""


async def picture(captures: tuple[str, ...], keys: tuple[str, ...]) -> str:
    inspection = open_inspection([f"captures/{name}" for name in captures], again=True)
    reader = FileReader(inspection)
    app = InspectApp(reader, look=Look(unicode=True, color=True), utc=True)
    async with app.run_test(size=(110, 30)) as pilot:
        while not app.snapshot.complete:
            await pilot.pause(0.1)
        await pilot.pause(1)  # the header follows a little later
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.5)
        svg = app.export_screenshot(title="gpinspect")
    reader.close()
    return svg


def main() -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    for name, (captures, keys) in PICTURES.items():
        Path(f"docs/{name}.svg").write_text(asyncio.run(picture(captures, keys)))


if __name__ == "__main__":
    main()
