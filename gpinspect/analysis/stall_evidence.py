"""What the frames of one connection say about one silence of it: window, bytes on their way, retransmission, clock, lost frames."""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gpinspect.analysis.stall_lines import Line
from gpinspect.engine.link import SYN
from gpinspect.engine.silences import Seen, Silence
from gpinspect.engine.stream import MASK
from gpinspect.engine.trace import QUIET_NS, SETTLED_NS, SMALLEST_FRAME
from gpinspect.model import Vantage

MILLISECOND: Final = 1_000_000
PATIENT_NS: Final = 120 * MILLISECOND
"""Bytes that wait longer for their acknowledgment than any receiver delays it are lost or late."""
PROMPT_NS: Final = 60 * MILLISECOND
"""A flow that was held up for long goes on so soon after what held it up is over."""


def prompt_ns(duration: int) -> int:
    """How soon a flow goes on behind what held it up for so long; what comes later came for another reason."""
    return min(PROMPT_NS, max(5 * MILLISECOND, duration // 20))


class Why(enum.Enum):
    """What one silence of one connection shows by itself."""

    RECORDER = "frames are missing in the recording"
    CLIENT_WINDOW = "the client's window was full"
    SERVER_WINDOW = "the server's window was full"
    PATH = "bytes were on their way and not acknowledged"
    OPENING = "the opening of the connection was sent again"
    SERVER_OWED = "the server had nothing to wait for and sent nothing"
    CLIENT_OWED = "the client had not finished and sent nothing"
    NOBODY_KNOWS = "only one direction was recorded"
    NOT_LOOKED_AT = "its frames went by too fast to be looked at"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One silence of one connection, explained as far as it goes. Times are those of the part that is explained."""

    line: Line
    silence: Silence
    why: Why
    start_ns: int
    end_ns: int
    words: str
    zero_window_ns: int = 0
    retransmissions: int = 0
    prompt: bool = True  # the flow went on as soon as what held it up was over

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


def explain(line: Line, silence: Silence) -> Evidence:
    """The strongest explanation that the connection itself gives for a silence."""
    for look in (_recorder, _opening, _server_window, _client_window, _path):
        found = look(line, silence)
        if found is not None:
            return found
    if line.one_way:
        return _one_way(line, silence)
    if silence.standing[line.server].window < 0 and not any(seen.side == line.client for seen in silence.events):
        return _whole(line, silence, Why.NOT_LOOKED_AT, "nothing of it was seen shortly before")
    return owed(line, silence, _owes(line, silence))


def owed(line: Line, silence: Silence, by: str) -> Evidence:
    """A silence in which nothing was on its way and every window was open: somebody had nothing to say."""
    if by == "client":
        return _whole(
            line, silence, Why.CLIENT_OWED, "the client had more to send, the server would have taken it, nothing was on its way"
        )
    return _whole(line, silence, Why.SERVER_OWED, "window open, nothing on its way, nothing sent by the server")


def _whole(line: Line, silence: Silence, why: Why, words: str) -> Evidence:
    return Evidence(line, silence, why, silence.start_ns, silence.end_ns, words)


def _one_way(line: Line, silence: Silence) -> Evidence:
    """Frames of one direction still tell what their sender had heard last: nothing, so nothing but itself held it up."""
    first = silence.after
    if (
        first is not None
        and first.side == line.server
        and first.echo >= 0
        and silence.echo[first.side] >= 0
        and not _resent(silence, first.side)
    ):
        heard = (first.echo - silence.echo[first.side]) & MASK
        ran = (silence.clock[0] if silence.clock is not None else 0) or 1
        if first.sequence == silence.standing[first.side].next and not line.unseen(silence, first.side) and heard * 5 < ran:
            return _whole(line, silence, Why.SERVER_OWED, "the server went on by itself: it had heard nothing of the client since")
    return _whole(line, silence, Why.NOBODY_KNOWS, "only one direction was recorded")


def _owes(line: Line, silence: Silence) -> str:
    """Whose turn it was: who spoke first afterwards; where nobody did, whoever had not finished."""
    if silence.ended == "payload" and silence.after is not None:
        return line.by(silence.after)
    exchange = line.exchange
    if exchange is None:
        return "client" if not line.client_side.payload else "server"
    if exchange.method == "POST" and exchange.content_length and exchange.payload_bytes < exchange.content_length:
        return "client"
    return "server"


# the recorder -----------------------------------------------------------------------------------------------------------


def jump_ns(silence: Silence, tick_ns: float) -> int:
    """How far the recorder's clock went on by itself, as the senders' time stamps did not go along; 0 if one of them did."""
    return 0 if _went_along(silence, tick_ns) else _lag_ns(silence, tick_ns)


def _lag_ns(silence: Silence, tick_ns: float) -> int:
    """How far the time stamp of whoever ended a silence is behind the recorder's clock; 0 where it is not clearly behind."""
    return ahead_ns(*silence.clock, tick_ns) if silence.clock is not None else 0


def ahead_ns(ticks: int, ns: int, tick_ns: float) -> int:
    """How far the recorder's clock ran ahead of a sender's; 0 where it is less than half of the time."""
    ahead = ns - round(ticks * tick_ns)
    return ahead if ahead > max(QUIET_NS, ns // 2) else 0


def _went_along(silence: Silence, tick_ns: float) -> bool:
    """Whether the clock of the side that did not end a silence agrees with the recorder's."""
    if silence.other is None:
        return False
    ticks, ns = silence.other
    return 2 * ns >= silence.duration_ns and 4 * abs(ns - round(ticks * tick_ns)) <= ns


def tick_of(lines: Iterable[Line]) -> float:
    """Nanoseconds of one tick of the time stamps; most senders count milliseconds."""
    rates = sorted(ns / ticks for line in lines for ticks, ns in line.traced.ticks if 0 < ticks < 1 << 31)
    if not rates:
        return float(MILLISECOND)
    middle = rates[len(rates) // 2]
    return min((1_000.0, 1e6, 4e6, 1e7), key=lambda tick: abs(tick - middle) / tick)


def _recorder(line: Line, silence: Silence) -> Evidence | None:
    for side, hole in line.missing:
        inside = min(hole.after_ns, silence.end_ns) - max(hole.before_ns, silence.start_ns)
        if inside * 2 >= silence.duration_ns:
            sender = "server" if side == line.server else "client"
            return _whole(
                line,
                silence,
                Why.RECORDER,
                f"{hole.end - hole.start:,} bytes of the {sender} were acknowledged but are not in the capture",
            )
    return None


# the opening ------------------------------------------------------------------------------------------------------------


def _opening(line: Line, silence: Silence) -> Evidence | None:
    if not silence.opening:
        return None
    again = [seen for seen in silence.events if seen.flags & SYN]
    last = max((seen.ns for seen in again), default=0)
    if last - silence.start_ns < QUIET_NS:
        return None
    traced = line.traced
    what = "SYN" if len(traced.syns) > 1 else "SYN+ACK"
    count = max(len(traced.syns), len(traced.answers)) - 1
    return Evidence(
        line,
        silence,
        Why.OPENING,
        silence.start_ns,
        last,
        f"the {what} was sent {count + 1} times within {(last - silence.start_ns) / 1e9:.1f} s",
        retransmissions=count,
    )


# windows ----------------------------------------------------------------------------------------------------------------


def _client_window(line: Line, silence: Silence) -> Evidence | None:
    return _window(line, silence, sender=line.server, why=Why.CLIENT_WINDOW)


def _server_window(line: Line, silence: Silence) -> Evidence | None:
    if not line.writes:
        return None
    return _window(line, silence, sender=line.client, why=Why.SERVER_WINDOW)


def _window(line: Line, silence: Silence, *, sender: int, why: Why) -> Evidence | None:
    """The receiver of a direction took less than one more frame, for most of the silence."""
    receiver = 1 - sender
    standing = silence.standing[sender]
    scale = line.traced.sides[receiver].scale if line.traced.sides[sender].scale is not None else None
    frame = max(standing.mss, SMALLEST_FRAME)
    said = [seen for seen in silence.events if seen.side == receiver and seen.ack >= 0 and not seen.flags & SYN]
    start: int | None = None
    if standing.window >= 0 and standing.acked and _closed(standing.window, scale, frame, standing.narrow):
        start = silence.start_ns
    zero_from, zero = (silence.start_ns if standing.window == 0 else None), 0
    end = silence.end_ns
    closed = start is not None
    spans = 0
    since = silence.start_ns
    for seen in said:
        now_closed = _closed(seen.window, scale, frame, closed and scale is None and standing.narrow)
        if now_closed and not closed:
            closed, since = True, seen.ns
        elif closed and not now_closed:
            spans += seen.ns - since
            closed, end = False, seen.ns
        if seen.window == 0 and zero_from is None:
            zero_from = seen.ns
        elif seen.window and zero_from is not None:
            zero += seen.ns - zero_from
            zero_from = None
    if closed:
        spans += silence.end_ns - since
        end = silence.end_ns
    if zero_from is not None:
        zero += silence.end_ns - zero_from
    if spans * 2 < silence.duration_ns or spans < QUIET_NS * 2 // 3:
        return None
    if standing.window > 0 and scale is not None and not said and standing.outstanding:
        return None  # not heard of again: the path
    begin = (
        silence.start_ns if start is not None else next(seen.ns for seen in said if seen.window == 0 or seen.ns >= since - spans)
    )
    begin = min(begin, end)
    who = "client" if receiver == line.client else "server"
    most = f"window of the {who} 0 for {zero / 1e9:.3f} s" if zero else f"window of the {who} smaller than one frame"
    return Evidence(
        line,
        silence,
        why,
        begin,
        end,
        f"{most}; {_acks(said)}",
        zero_window_ns=zero,
        prompt=silence.end_ns - end <= prompt_ns(silence.duration_ns),
    )


def _closed(window: int, scale: int | None, frame: int, narrow: bool) -> bool:
    if window == 0:
        return True
    return narrow if scale is None else (window << scale) < frame


def _acks(said: Sequence[Seen]) -> str:
    return f"its system acknowledged {len(said)} times meanwhile" if said else "nothing else was said"


# the path ---------------------------------------------------------------------------------------------------------------


def _path(line: Line, silence: Silence) -> Evidence | None:
    found = [evidence for sender in (0, 1) if (evidence := _unanswered(line, silence, sender)) is not None]
    if found:
        return max(found, key=lambda evidence: evidence.duration_ns)
    return _held(line, silence) or _again(line, silence) or _unseen(line, silence)


def _held(line: Line, silence: Silence) -> Evidence | None:
    """What ended the silence had been sent long before: the other side's clock shows that the recorder's is right."""
    late = _lag_ns(silence, line.tick_ns) if _went_along(silence, line.tick_ns) else 0
    if silence.after is None or silence.clock is None or not silence.duration_ns <= late * 2 <= silence.duration_ns * 5 // 2:
        return None  # or the clock had jumped before the silence
    who = line.by(silence.after)
    words = f"by its time stamp, what came from the {who} at last had been sent {late / 1e9:.3f} s before: the path held it back"
    return _whole(line, silence, Why.PATH, words)


def _resent(silence: Silence, sender: int) -> list[Seen]:
    return [
        seen
        for seen in silence.events
        if seen.side == sender and seen.length > 1 and seen.ns - silence.start_ns > SETTLED_NS and not seen.flags & SYN
    ]


def _unanswered(line: Line, silence: Silence, sender: int) -> Evidence | None:
    """Bytes that were not acknowledged for longer than a living receiver takes."""
    standing = silence.standing[sender]
    if line.one_way or not standing.outstanding or not standing.acked:
        return None
    answers = (seen.ns for seen in silence.events if seen.side != sender and seen.ack >= standing.next)
    answer = next(answers, None)
    resent = _resent(silence, sender)
    if silence.after is not None and silence.after.side == sender and silence.after.sequence < standing.next:
        resent = [*resent, silence.after]
    end = min(answer if answer is not None else silence.end_ns, silence.end_ns)
    if end - silence.start_ns < PATIENT_NS:
        return None
    behind = any(
        seen.side != sender and 0 <= seen.ack < standing.next and seen.ns - silence.start_ns > PATIENT_NS for seen in silence.events
    )
    if answer is None and not resent and not behind:
        return None  # a living sender would have sent them again: only the acknowledgment was not recorded
    who = line.by_side(sender)
    words = f"{standing.outstanding:,} bytes of the {who} unacknowledged for {(end - silence.start_ns) / 1e9:.3f} s"
    if resent:
        words += f", sent again {len(resent)} times"
    return Evidence(
        line,
        silence,
        Why.PATH,
        silence.start_ns,
        end,
        words,
        retransmissions=len(resent),
        prompt=silence.end_ns - end <= prompt_ns(silence.duration_ns),
    )


def _again(line: Line, silence: Silence) -> Evidence | None:
    """A side sends again what the capture shows as acknowledged: the acknowledgment did not reach it."""
    for sender in (line.server, line.client):
        resent = [seen for seen in _resent(silence, sender) if seen.sequence + seen.length <= silence.standing[sender].next]
        if not resent or line.one_way:
            continue
        last = resent[-1].ns
        if last - silence.start_ns < PATIENT_NS:
            continue
        who, other = line.by_side(sender), line.by_side(1 - sender)
        prompt = silence.end_ns - last <= prompt_ns(silence.duration_ns)
        return Evidence(
            line,
            silence,
            Why.PATH,
            silence.start_ns,
            silence.end_ns if prompt else last,
            f"the {who} sent {len(resent)} times again what the {other} had acknowledged: its acknowledgments were lost",
            retransmissions=len(resent),
            prompt=prompt,
        )
    return None


def _unseen(line: Line, silence: Silence) -> Evidence | None:
    """A side did send, but none of it came to the recorder; what ended the silence stood first in line."""
    for sender in (line.server, line.client):
        beside = Vantage.NEAR_SERVER if sender == line.server else Vantage.NEAR_CLIENT
        if line.vantage is beside:
            continue  # nothing gets lost between this sender and the recorder
        missed = line.unseen(silence, sender)
        first = silence.after
        if first is None or first.side != sender or not first.length or first.sequence > silence.standing[sender].next:
            continue
        if missed > _answers_due(silence, sender):
            who = line.by_side(sender)
            return _whole(
                line,
                silence,
                Why.PATH,
                f"packet numbers of the {who} went on by {missed} while no frame of it came through; then it sent them again",
            )
        late = _filled_late(line, silence, sender)
        if late:
            return _whole(
                line, silence, Why.PATH, f"the silence ended with bytes in the wrong order, {late:,} of which were sent again"
            )
    return None


def _answers_due(silence: Silence, sender: int) -> int:
    """Bare acknowledgments that a side may have sent in a silence: that the capture lacks some of them means nothing."""
    other = silence.standing[1 - sender]
    asked = sum(seen.side != sender and seen.ns - silence.start_ns > SETTLED_NS for seen in silence.events)
    return asked + (other.outstanding // max(other.mss, SMALLEST_FRAME) + 1 if other.outstanding else 0)


def came_back_with_holes(line: Line, silence: Silence) -> Evidence | None:
    """A silence that ended with bytes in the wrong order, as nothing but loss on the path makes them."""
    late = 0 if line.vantage is Vantage.NEAR_SERVER else _filled_late(line, silence, line.server)
    words = f"the silence ended with bytes in the wrong order, {late:,} of which were sent again"
    return _whole(line, silence, Why.PATH, words) if late else None


def _filled_late(line: Line, silence: Silence, sender: int) -> int:
    """Bytes that were passed over when the silence ended, and came after all; neighbours that changed places do not count."""
    for hole in line.traced.sides[sender].holes:
        if 0 <= hole.after_ns - silence.end_ns < PROMPT_NS and hole.filled_ns and hole.size >= 3 * line.traced.sides[sender].mss:
            return hole.size
    return 0
