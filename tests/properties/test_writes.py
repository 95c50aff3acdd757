"""Any writes of any segments, and anything that may befall them: the proof is never wrong.

What gpfdist wrote is known from the construction; the capture shows less.
"""

from dataclasses import dataclass, field
from pathlib import Path

from craft import Capture, Conversation, error_head, late_reply, ok_head, post
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from gpinspect.inspection import Inspection, inspect
from gpinspect.model import Delivery

PROVEN, REFUTED = Delivery.PROVEN, Delivery.REFUTED

HARMLESS = ("taken", "sent again after its answer", "408 and again", "with loss on the way")
FATES = (
    *HARMLESS,
    "no answer",
    "no answer and again",
    "thrown away",
    "without row end",
    "refused",
    "not captured",
    "partly not captured",
    "answer not captured",
)
ENDS = ("done", "done", "done", "no done", "done not captured", "done unanswered", "nothing")


@dataclass
class Writer:
    bodies: list[tuple[bytes, str]] = field(default_factory=list)
    end: str = "done"


bodies = st.lists(st.text("ab,", max_size=8), min_size=1, max_size=5).map(lambda rows: "".join(row + "\n" for row in rows).encode())


@st.composite
def stories(draw: st.DrawFn) -> list[Writer]:
    calm = draw(st.booleans())
    fates = st.sampled_from(HARMLESS if calm else FATES)
    writers = []
    for _ in range(draw(st.integers(1, 3))):
        parts = draw(st.lists(st.tuples(bodies, fates), min_size=1, max_size=4))
        writers.append(Writer(parts, "done" if calm else draw(st.sampled_from(ENDS))))
    return writers


class Teller:
    """Plays writers against a gpfdist and knows what that wrote."""

    def __init__(self, writers: list[Writer]) -> None:
        self.writers = writers
        self.capture = Capture()
        self.elsewhere = Capture()
        self.port = 40000
        self.once = True  # every row stands in the target once, and every segment was told so

    def _talk(self, recorded: bool = True) -> Conversation:
        self.port += 1
        talk = Conversation(self.capture if recorded else self.elsewhere, ("10.0.0.1", self.port))
        talk.open()
        return talk

    def _post(
        self, segment: int, seq: int, body: bytes = b"", *, done: bool = False, answer: bytes = b"", recorded: bool = True
    ) -> None:
        talk = self._talk(recorded)
        talk.client(post(seq, body, done, segment=segment, count=len(self.writers)))
        if answer:
            talk.server(answer)
        talk.close()

    def tell(self) -> None:
        ok = ok_head(0)
        for segment, writer in enumerate(self.writers):
            self._post(segment, 1, answer=ok)
            seq = 1
            broken = False
            for body, fate in writer.bodies:
                seq += 1
                broken = self._body(segment, seq, body, fate)
                if broken:
                    break
            if broken or writer.end == "nothing":
                self.once = False
            elif writer.end == "done":
                self._post(segment, seq, done=True, answer=ok)
            elif writer.end == "done not captured":
                self._post(segment, seq, done=True, answer=ok, recorded=False)
            elif writer.end == "done unanswered":
                self._post(segment, seq, done=True)
            else:
                self.once = False

    def _body(self, segment: int, seq: int, body: bytes, fate: str) -> bool:
        """Send one body; True if the segment gives up."""
        ok = ok_head(0)
        if fate == "sent again after its answer":
            self._post(segment, seq, body, answer=ok)
            self._post(segment, seq, body, answer=ok)
        elif fate == "408 and again":
            talk = self._talk()
            talk.client(post(seq, body, segment=segment, count=len(self.writers))[:60])
            talk.server(error_head(408, "time out"))
            talk.close()
            self._post(segment, seq, body, answer=ok)
        elif fate == "with loss on the way":
            talk = self._talk()
            data = post(seq, body, segment=segment, count=len(self.writers))
            piece = talk.lose("client", data[:100])
            talk.client(data[100:])
            talk.retransmit(piece)
            talk.server(ok)
            talk.close()
        elif fate == "no answer":
            self._post(segment, seq, body)
            self.once = False
            return True
        elif fate == "no answer and again":
            self._post(segment, seq, body)
            self._post(segment, seq, body, answer=ok)
        elif fate == "thrown away":
            self._post(segment, seq, body, answer=late_reply(0))
            self.once = False
        elif fate == "without row end":
            self._post(segment, seq, body + b"tail", answer=ok)
            self.once = False
        elif fate == "refused":
            self._post(segment, seq, body, answer=error_head(500, "cannot write into file"))
            self.once = False
            return True
        elif fate == "not captured":
            self._post(segment, seq, body, answer=ok, recorded=False)
        elif fate == "partly not captured":
            talk = self._talk()
            data = post(seq, body, segment=segment, count=len(self.writers))
            talk.client(data[: -len(body)])
            talk.gap("client", body)
            talk.server(ok)
            talk.close()
        elif fate == "answer not captured":
            talk = self._talk()
            talk.client(post(seq, body, segment=segment, count=len(self.writers)))
            talk.gap("server", ok)
            talk.close()
        else:
            self._post(segment, seq, body, answer=ok)
        return False


def look(capture: Capture, folder: Path) -> Inspection:
    inspection = inspect([str(capture.write(folder / "made.pcap"))], hashes=True)
    inspection.close()
    return inspection


@given(stories())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_proof_of_a_write_is_never_wrong(tmp_path: Path, writers: list[Writer]) -> None:
    teller = Teller(writers)
    teller.tell()
    found = look(teller.capture, tmp_path)
    (session,) = found.sessions
    event(session.delivery.value)
    why = (session.delivery, session.delivery_reasons)
    fates = {fate for writer in writers for _, fate in writer.bodies}
    ends = {writer.end for writer in writers}
    if session.delivery is PROVEN:
        assert teller.once, why
    if session.delivery is REFUTED:
        assert not teller.once, why
    if ends == {"done"} and fates <= set(HARMLESS):
        assert session.delivery is PROVEN, why
        assert session.rows == sum(body.count(b"\n") for writer in writers for body, _ in writer.bodies)
    if ends == {"done"} and fates & {"thrown away", "without row end"} and fates <= {*HARMLESS, "thrown away", "without row end"}:
        assert session.delivery is REFUTED, why
    if ends & {"no done", "nothing", "done not captured", "done unanswered"}:
        assert session.delivery is not PROVEN, why
