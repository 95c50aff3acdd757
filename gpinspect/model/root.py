"""What a comparison with the files on the server saw, before anybody judges it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RootFile:
    """One source file of a session and what is below the folder in its place. Sizes in bytes of the decompressed file."""

    name: str  # as in the session
    missing: bool = False
    why: str = ""  # why it was not compared
    size: int = 0
    differs_at: int | None = None  # first offset at which the delivered bytes are others
    content: bool = False  # bytes were compared, not sizes alone


@dataclass(frozen=True, slots=True)
class RootTarget:
    """The target of a write session."""

    name: str
    missing: bool = False
    why: str = ""
    size: int = 0
    accepted: int = 0  # bytes that gpfdist said it took
    lacking: tuple[tuple[int | None, int | None, int], ...] = ()  # segment, X-GP-SEQ and bytes of bodies that are not there
    twice: tuple[tuple[int | None, int | None, int], ...] = ()  # of bodies that are there once more than they were sent
    content: bool = False


@dataclass(frozen=True, slots=True)
class RootSession:
    """All that was seen for one session."""

    files: tuple[RootFile, ...] = ()
    unread: tuple[tuple[str, int], ...] = ()  # files that its path names and no package is of, and their bytes
    listed: bool = True  # the names that the path stands for were all looked up
    target: RootTarget | None = None
