"""The table of sessions: who joins what, who comes late, what order writes must have. Pure; times are handed in, in seconds.

Source: gpfdist.c, session_attach, session_detach, session_end, sessions_cleanup, handle_post_request (6.24.3).
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Generic, TypeVar

from gpinspect.grammar.refusals import Refusal
from gpinspect.peers.server.request import CSVOPT_REASON, Request

LONGEST_KEY: Final = 1023
MOST_ENDED: Final = 1 << 16
"""Ended sessions that are remembered; beyond that the oldest go before their time."""

TOO_LONG: Final = Refusal(400, "path too long", f"session name and path must have fewer than {LONGEST_KEY} characters")
POISONED: Final = Refusal(500, "session error", "no earlier request of the session may have failed")
BOTH_WAYS: Final = Refusal(
    400, "can't write to and read from the same gpfdist server simultaneously", "a session is for reading or for writing"
)
CSVOPT: Final = Refusal(400, CSVOPT_REASON, "X-GP-CSVOPT must have the fields of this release")
NO_SEQUENCE: Final = Refusal(400, "invalid request due to missing sequence number", "every write has one once one had it")
WRONG_SEQUENCE: Final = Refusal(400, "invalid request due to wrong sequence number", "the last one again, or one more")

Work = TypeVar("Work")


class Told(Enum):
    """What a request finds, besides a session and a refusal."""

    EMPTY = auto()  # the session is over: an empty answer
    NEW = auto()  # nothing: it must be opened


class Step(Enum):
    """What a POST of a session is."""

    OPEN = auto()  # remember the number, leave the body alone
    WRITE = auto()
    AGAIN = auto()  # a retry of what was written: leave the body alone
    DONE = auto()


@dataclass(slots=True, eq=False)
class Session(Generic[Work]):
    """One entry of the table."""

    key: str
    number: int  # counted from 1 since the start
    get: bool
    named: bool  # its key was in the request; else nobody can join
    work: Work
    touched: float
    failed: bool = False
    ended: bool = False
    members: int = 0  # requests that are attached
    active: set[int] = field(default_factory=set)  # segments that write and have not said DONE
    seqs: dict[int, int] = field(default_factory=dict)  # last number of each segment


class SessionTable(Generic[Work]):
    """All sessions of a server.

    Args:
        keep: Seconds that a session without members is remembered.
    """

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._sessions: dict[str, Session[Work]] = {}
        self._unnamed = 0
        self.made = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def all(self) -> list[Session[Work]]:
        """Every session that is remembered."""
        return list(self._sessions.values())

    def key(self, request: Request, path: str) -> str | Refusal:
        """The name of the session that a request belongs to; without XID, CID and SN one that no other request has."""
        tid = f"{request.tid}.{request.proto}"
        if request.tid is None:
            self._unnamed += 1
            tid = f"auto-tid.{self._unnamed}"
        key = f"{tid}:{path}"
        return TOO_LONG if len(key) >= LONGEST_KEY else key

    def find(self, key: str, request: Request) -> Session[Work] | Refusal | Told:
        """What a request with this key is answered from.

        Returns:
            The session to join, a refusal, EMPTY, or NEW: the caller opens files and calls `add`.
        """
        session = self._sessions.get(key)
        if session is None:
            if request.done:
                return Told.EMPTY
            return Told.NEW if request.options_taken or not request.get else CSVOPT
        if session.failed:
            return POISONED
        if session.ended:
            return Told.EMPTY
        return session if session.get == request.get else BOTH_WAYS

    def add(self, key: str, request: Request, work: Work, now: float) -> Session[Work]:
        """A new session, without members so far."""
        self.made += 1
        session = Session(key, self.made, request.get, request.tid is not None, work, now)
        self._sessions[key] = session
        return session

    def join(self, session: Session[Work], request: Request, now: float) -> None:
        """A request is attached."""
        session.members += 1
        session.touched = now
        if not session.get:
            (session.active.discard if request.done else session.active.add)(request.segment)

    def leave(self, session: Session[Work], now: float) -> bool:
        """A request is done with.

        Returns:
            Whether the target of a write is to be closed: nobody is there and nobody is expected.
        """
        session.members -= 1
        session.touched = now
        if session.get:
            if session.members == 0 and session.ended and not session.named:
                self.drop(session)
            return False
        return self.idle(session)

    @staticmethod
    def idle(session: Session[Work]) -> bool:
        """Whether a write session has neither requests nor segments that are not done."""
        return session.members == 0 and not session.active and not session.get

    def drop(self, session: Session[Work]) -> None:
        """Forget a session."""
        if self._sessions.get(session.key) is session:
            del self._sessions[session.key]

    def outdated(self, now: float) -> list[Session[Work]]:
        """Forget sessions that had no member for too long, and give them. Called when a new session is about to be made."""
        old = [s for s in self._sessions.values() if s.members == 0 and now - s.touched > self._keep]
        crowd = len(self._sessions) - len(old) - MOST_ENDED
        if crowd > 0:
            ended = sorted((s for s in self._sessions.values() if s.members == 0 and s.ended), key=lambda s: s.touched)
            old = list(dict.fromkeys([*old, *ended[:crowd]]))
        for session in old:
            self.drop(session)
        return old


def step(session: Session[Work], request: Request) -> Step | Refusal:
    """What a POST is, by its sequence number. The number is remembered by `written`, once the body is in."""
    last = session.seqs.get(request.segment, 0)
    if request.done:
        return Step.DONE
    if request.seq is None:
        return NO_SEQUENCE if last else Step.WRITE
    if request.seq == 1:
        return Step.OPEN
    if request.seq == last:
        return Step.AGAIN
    return Step.WRITE if request.seq == last + 1 and last else WRONG_SEQUENCE


def written(session: Session[Work], request: Request) -> None:
    """Remember the number of a body that is in."""
    if request.seq is not None:
        session.seqs[request.segment] = request.seq
