"""Where a server may be made to misbehave: an object that is asked at named places, and what it may answer.

Without hooks nothing is asked. The places, in the order a connection meets them: `before_accept`, `before_head`, `before_package`,
`before_end`; `sending` sees every stretch of bytes on its way, whatever it belongs to.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gpinspect.peers.server.request import Request


class Act(NamedTuple):
    """What to do at a place."""

    data: bytes | None = None  # to send in place of what was meant; None: that
    then: str = "go"  # "go" on, "fin": end the stream, "rst": reset the connection


GO = Act()


class Hooks:
    """Does nothing. Override what should go wrong; a place may also wait."""

    async def before_accept(self, peer: str) -> Act:
        """A connection was made; nothing of it has been read."""
        return GO

    async def before_head(self, request: "Request | None", head: bytes) -> Act:
        """The head of an answer is about to go. `request` is None where it could not be read."""
        return GO

    async def before_package(self, request: "Request", number: int, head: bytes, rows: bytes) -> Act:
        """Package `number` (from 1) is about to go: F O L and letter and length of D, then the rows or the frame."""
        return GO

    async def before_end(self, request: "Request", end: bytes) -> Act:
        """The end package is about to go."""
        return GO

    async def sending(self, request: "Request | None", position: int, data: bytes) -> Act:
        """Bytes are about to go; the first is byte `position` of the server's stream, from 0."""
        return GO
