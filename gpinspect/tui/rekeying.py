"""The inputs read once more with one more key, while everything that was found stays to be looked at."""

from pathlib import Path
from typing import TYPE_CHECKING

from gpinspect.tui.reading import Ended, News, Progress, Reader, Snapshot
from gpinspect.views.text import plural, printable
from gpinspect.views.tls_list import opened

if TYPE_CHECKING:
    from gpinspect.tui.app import InspectApp


class Rekeying:
    """Long work that ^C stops (as `gpinspect.tui.working.Task`).

    Args:
        name: The file of key material.
        reader: Made with it, not started.
    """

    def __init__(self, walk: "InspectApp", name: str, reader: Reader) -> None:
        self._walk = walk
        self._name = printable(Path(name).name)
        self._reader = reader
        self._found: Snapshot | None = None
        self.word = f"reading again with {self._name}"
        self.running = False

    def start(self) -> None:
        self.running = True
        self._walk.say(f"{self.word} ...")
        self._reader.start(lambda news: self._walk.call_later(self._told, news))

    def stop(self) -> None:
        self.running = False
        self._reader.cancel()

    def _told(self, news: News) -> None:
        """In the thread of the screens."""
        if isinstance(news, Progress) and self.running:
            part = f" {min(news.bytes * 100 // news.total, 100)}%" if news.total else ""
            self._walk.say(f"{self.word}{part}")
        elif isinstance(news, Snapshot) and news.complete:
            self._found = news
        elif isinstance(news, Ended):
            self._over(news)

    def _over(self, ended: Ended) -> None:
        stopped, self.running = not self.running, False
        if self._found is None or stopped or ended.error is not None or ended.defect is not None:
            self._reader.close()
            problem = str(ended.error or ended.defect or "it was stopped")
            self._walk.say(f"{self.word}: {printable(problem)}; nothing was changed")
            return
        before, after = opened(self._walk.snapshot.tls), opened(self._found.tls)
        closed = len(self._found.tls) - after
        self._walk.look_at(self._reader, self._found)
        if after > before:
            left = f", {closed:,} closed still" if closed else ""
            self._walk.say(f"{self._name} opened {plural(after - before, 'connection')}{left}")
        elif closed:
            self._walk.say(f"{self._name} opens none of the {plural(closed, 'closed connection')}: see why below")
        else:
            self._walk.say("everything was open before")
