"""Where bytes come from: the few things that readers ask of a file, a pipe, a decompressor or a child process."""

import os
import select
from typing import Protocol


class BrokenInputError(Exception):
    """The bytes end where they should not. What came before is good.

    `cut` says that the end is missing (a recorder or a copy that stopped); otherwise what comes next is damaged.
    """

    def __init__(self, problem: str, *, cut: bool = False) -> None:
        self.problem = problem
        self.cut = cut
        super().__init__(problem)


class Raw(Protocol):
    """A source of bytes, read once from front to back."""

    @property
    def consumed(self) -> int:
        """Bytes taken from the input so far, as they are on disk (before decompression)."""

    def readinto(self, view: memoryview, /) -> int:
        """Fill some of `view`, blocking until there is something; 0 only at the end. Raises `BrokenInputError`, OSError."""

    def close(self) -> None: ...


class Descriptor:
    """Reads a file descriptor, which it closes when it owns it."""

    def __init__(self, fd: int, *, owned: bool = True) -> None:
        self._fd = fd
        self._owned = owned
        self.consumed = 0

    def readinto(self, view: memoryview, /) -> int:
        while True:
            try:
                count = os.readv(self._fd, [view])
            except BlockingIOError:
                select.select([self._fd], [], [])
                continue
            self.consumed += count
            return count

    def close(self) -> None:
        if self._owned:
            self._owned = False
            os.close(self._fd)


class Stretch:
    """Reads a file from a position on without moving the descriptor's own place; never closes it."""

    def __init__(self, fd: int, position: int) -> None:
        self._fd = fd
        self._position = position
        self.consumed = 0

    def readinto(self, view: memoryview, /) -> int:
        count = os.preadv(self._fd, [view], self._position)
        self._position += count
        self.consumed += count
        return count

    def close(self) -> None:
        pass


class Primed:
    """Gives bytes that were read ahead once more, then the rest."""

    def __init__(self, head: bytes, rest: Raw) -> None:
        self._head = head
        self._rest = rest

    @property
    def consumed(self) -> int:
        return self._rest.consumed

    def readinto(self, view: memoryview, /) -> int:
        if not self._head:
            return self._rest.readinto(view)
        count = min(len(view), len(self._head))
        view[:count] = self._head[:count]
        self._head = self._head[count:]
        return count

    def close(self) -> None:
        self._rest.close()


def first_bytes(raw: Raw, wanted: int) -> bytes:
    """Read ahead: `wanted` bytes, less only where the input ends before."""
    buffer = bytearray(wanted)
    have = 0
    with memoryview(buffer) as view:
        while have < wanted:
            count = raw.readinto(view[have:])
            if not count:
                break
            have += count
    return bytes(buffer[:have])
