"""Places where a client can be made to misbehave on purpose. The plain `Faults` does nothing anywhere.

A fault is a subclass that overrides some of these; the shells ask at every place and do what it says. Nothing else in this room
knows about faults.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpinspect.peers.client.wire import Wire
    from gpinspect.peers.client.writing import Post


class Faults:
    """Asked at named places, with the Greenplum segment that has come there."""

    async def connecting(self, gp_segment: int) -> None:
        """Before a connection is made."""

    def head(self, gp_segment: int, head: bytes) -> bytes:
        """The head of a GET, as it will be sent."""
        return head

    async def reading(self, gp_segment: int, wire: "Wire", received: int) -> None:
        """Before more bytes are taken from the socket; `received` have been so far. A slow reader waits here."""

    async def package(self, gp_segment: int, wire: "Wire", number: int) -> None:
        """A data package, numbered from 1, was taken. A reset at package n happens here."""

    def post(self, gp_segment: int, post: "Post") -> "Post | None":
        """The next POST, as it will be sent; None leaves it out."""
        return post

    async def sending(self, gp_segment: int, wire: "Wire", post: "Post") -> None:
        """A POST is about to be sent on its open connection."""

    async def sent(self, gp_segment: int, wire: "Wire", post: "Post") -> None:
        """A POST was sent whole; its answer has not been read. A lost answer happens here."""


NO_FAULTS = Faults()
