"""Findings about the inputs as a whole."""

from collections.abc import Callable, Iterator
from typing import Final

from gpinspect.analysis.case import Scene
from gpinspect.analysis.draft import Draft


def notices(scene: Scene) -> Iterator[Draft]:
    """What the reader of the inputs noticed."""
    for notice in scene.notices:
        yield Draft(
            notice.code,
            notice.values,
            suffix=notice.source,
            time_ns=notice.time_ns or None,
            frames=(notice.frame, notice.frame) if notice.frame else None,
        )


RULES: Final[tuple[Callable[[Scene], Iterator[Draft]], ...]] = (notices,)
