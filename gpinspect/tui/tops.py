"""Ways from anywhere to the screens on top: sessions, findings, files, TLS, statistics."""

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from gpinspect.tui.app import InspectApp


class Tops:
    """Part of the application."""

    def _to(self, name: str) -> None:
        """Back to such a screen about the same session where the way went through one, else on to a new one."""
        walk = cast("InspectApp", self)
        from gpinspect.tui.screens.base import WalkScreen

        here, kind = walk.screen, walk.table.entries[name]
        if not isinstance(here, WalkScreen) or kind.entry is None:
            return
        if here.place == kind.place:
            walk.say("you are there")
            return
        for depth, below in enumerate(reversed(walk.screen_stack[:-1]), 1):
            if isinstance(below, kind) and below.session_id() == here.session_id():
                for _ in range(depth):
                    walk.pop_screen()
                return
        walk.enter(kind.entry, here)

    def do_to_sessions(self, count: int | None) -> None:
        walk = cast("InspectApp", self)
        for _ in walk.screen_stack[1:]:
            walk.pop_screen()

    def do_to_findings(self, count: int | None) -> None:
        self._to("findings")

    def do_to_files(self, count: int | None) -> None:
        self._to("files")

    def do_to_tls(self, count: int | None) -> None:
        self._to("tls")

    def do_to_statistics(self, count: int | None) -> None:
        self._to("statistics")
