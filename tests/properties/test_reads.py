"""Any split of any file over flows, and anything that may befall them: the proof is never wrong.

What reached whom is known from the construction: of each byte behind the header row, how often a segment received it.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from craft import END, VERSION, Block, Capture, Conversation, ok_head, request
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from gpinspect.inspection import Inspection, inspect
from gpinspect.model import Delivery, FileCoverage

PROVEN, REFUTED, UNPROVABLE = Delivery.PROVEN, Delivery.REFUTED, Delivery.UNPROVABLE

HARMLESS = ("plain", "pieces", "swapped", "resent", "lost and resent", "overlapping")
"""What may happen to a block on its way and leaves it delivered and captured."""
UNSEEN = ("content not captured", "head not captured", "block not captured")
"""It arrived, and the capture does not have all of it."""
UNSENT = "unsent"
TWICE = "twice"
ENDS = ("end", "killed", "left", "reset", "no end", "unconfirmed", "stopped")
"""How a flow ends: well; the server goes; the segment goes (FIN, RST); no end package; no acknowledgment; with the capture."""

rows_of_text = st.lists(st.text("abc,;", max_size=12).map(lambda text: text.encode() + b"\n"), min_size=1, max_size=30)
cells = st.text('ab\n"', max_size=6).map(lambda text: b'"' + text.replace('"', '""').encode() + b'"')
rows_of_csv = st.lists(st.lists(cells, min_size=1, max_size=2).map(lambda row: b",".join(row) + b"\n"), min_size=1, max_size=30)


@dataclass
class Source:
    """One file and its blocks."""

    name: str
    content: bytes
    header: int  # bytes of the header row
    rows: int
    blocks: list[Block]


@dataclass
class Flow:
    """What one Greenplum segment is sent."""

    blocks: list[tuple[Block, str]] = field(default_factory=list)
    end: str = "end"


@dataclass
class Story:
    files: list[Source]
    flows: list[Flow]
    csv: bool
    header: bool
    absent: int  # flows at the end of the list that the capture does not have
    seed: int

    @property
    def calm(self) -> bool:
        """Nothing went wrong anywhere."""
        return not self.absent and all(
            flow.end == "end" and all(fate in HARMLESS for _, fate in flow.blocks) for flow in self.flows
        )

    def fates(self) -> Counter[str]:
        return Counter(fate for flow in self.flows for _, fate in flow.blocks)


@st.composite
def sources(draw: st.DrawFn, number: int, csv: bool, header: bool) -> Source:
    rows = draw(rows_of_csv if csv else rows_of_text)
    if draw(st.booleans()):
        rows[-1] = rows[-1][:-1] or b"x"  # the last row has no end
    head = b'"a\nb",c\n' if csv and header else b"a,c\n" if header else b""
    name = f"/data/part-{number}.txt"
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(rows) - 1)), max_size=8)))
    blocks = []
    at, line = len(head), 2 if header else 1
    for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        data = b"".join(rows[first:last])
        if data:
            blocks.append(Block(name, at, line if csv or not blocks else 0, data))
        at += len(data)
        line += last - first
    return Source(name, head + b"".join(rows), len(head), len(rows), blocks)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    csv, header = draw(st.booleans()), draw(st.booleans())
    files = [draw(sources(number, csv, header)) for number in range(draw(st.integers(1, 2)))]
    flows = [Flow() for _ in range(draw(st.integers(1, 4)))]
    mood = draw(st.sampled_from(["calm", "calm", "unseen", "unsent", "twice", "ends", "anything"]))
    fates = {
        "calm": st.sampled_from(HARMLESS),
        "unseen": st.sampled_from((*HARMLESS, *UNSEEN)),
        "unsent": st.sampled_from((*HARMLESS, UNSENT)),
        "twice": st.sampled_from((*HARMLESS, TWICE)),
        "ends": st.sampled_from(HARMLESS),
        "anything": st.sampled_from((*HARMLESS, *UNSEEN, UNSENT, TWICE)),
    }[mood]
    for source in files:
        for block in source.blocks:
            flow = draw(st.sampled_from(flows))
            fate = draw(fates)
            if fate == UNSENT and block is source.blocks[-1]:
                fate = "plain"  # how long a file is, nobody says: what a server withholds at its end is not to be seen
            flow.blocks.append((block, fate))
            if fate == TWICE:
                draw(st.sampled_from(flows)).blocks.append((block, "plain"))
    if mood in ("ends", "anything"):
        for flow in flows:
            flow.end = draw(st.sampled_from(ENDS))
    absent = draw(st.integers(0, len(flows) - 1)) if mood == "anything" or draw(st.integers(0, 5)) == 0 else 0
    return Story(files, flows, csv, header, absent, draw(st.integers(0, 1 << 16)))


class Teller:
    """Plays a story into a capture and counts what arrived."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.capture = Capture()
        self.elsewhere = Capture()  # what nobody recorded
        self.arrived: Counter[tuple[str, int]] = Counter()
        self.captured: Counter[tuple[str, int]] = Counter()
        self.clean = True
        self.size = 3 + story.seed % 40

    def tell(self) -> None:
        count = len(self.story.flows)
        seen = count - self.story.absent
        options = f"m{int(self.story.csv)}x 34q 34n0h{int(self.story.header)}"
        path = "/part-*.txt" if len(self.story.files) > 1 else "/part-0.txt"
        talks = []
        for number in range(count):
            capture = self.capture if number < seen else self.elsewhere
            talk = Conversation(capture, ("10.0.0.1", 40000 + number))
            talk.open()
            talk.client(request(path, segment=number, count=count, csvopt=options))
            talk.server(ok_head(1, version=VERSION if not self.story.absent else "small blocks 1"))
            talks.append(talk)
        for number, (talk, flow) in enumerate(zip(talks, self.story.flows, strict=True)):
            self._flow(talk, flow, number < seen)

    def _flow(self, talk: Conversation, flow: Flow, recorded: bool) -> None:
        confirmed = flow.end != "unconfirmed"
        half = len(flow.blocks) // 2
        for number, (block, fate) in enumerate(flow.blocks):
            if flow.end in ("killed", "left", "reset", "stopped") and number >= half:
                break
            if fate != UNSENT:
                self._send(talk, block, fate if confirmed else "unconfirmed", recorded)
        if flow.end != "end":
            self.clean = False
        if flow.end in ("end", "unconfirmed"):
            talk.server(END, ack=confirmed)
        if flow.end in ("end", "killed", "no end"):
            talk.close()
        elif flow.end == "left":
            talk.close("client")
        elif flow.end == "reset":
            talk.rst("client")

    def _send(self, talk: Conversation, block: Block, fate: str, recorded: bool) -> None:
        data, size = block.bytes, self.size
        lost = (0, 0)
        if fate == "pieces":
            talk.server(data, mss=size)
        elif fate == "swapped":
            talk.swap("server", data[:size], data[size:])
        elif fate == "resent":
            for piece in talk.server(data):
                talk.retransmit(piece)
        elif fate == "lost and resent":
            piece = talk.lose("server", data[:size])
            talk.server(data[size:])
            talk.retransmit(piece)
        elif fate == "overlapping":
            talk.server(data[:-1])
            talk.overlap("server", min(size, len(data) - 1), data[-1 - min(size, len(data) - 1) :])
        elif fate == "content not captured":
            middle = len(block.head) + len(block.data) // 2
            talk.server(data[:middle])
            talk.gap("server", data[middle:])
            lost = (len(block.data) // 2, len(block.data))
        elif fate == "head not captured":
            talk.gap("server", block.head)
            talk.server(block.data)
            lost = (0, len(block.data))
        elif fate == "block not captured":
            talk.gap("server", data)
            lost = (0, len(block.data))
        elif fate == "unconfirmed":
            talk.server(data, ack=False)
        else:
            talk.server(data)
        for at in range(len(block.data)):
            if fate != "unconfirmed":
                self.arrived[block.name, block.offset + at] += 1
            if recorded and not lost[0] <= at < lost[1]:
                self.captured[block.name, block.offset + at] += 1

    @property
    def exactly_once(self) -> bool:
        return self.clean and all(
            self.arrived[source.name, at] == 1 for source in self.story.files for at in range(source.header, len(source.content))
        )


def look(capture: Capture, folder: Path) -> Inspection:
    inspection = inspect([str(capture.write(folder / "made.pcap"))], hashes=True)
    inspection.close()
    return inspection


def told(teller: Teller, source: Source) -> tuple[int, int, list[tuple[int, int]], list[tuple[int, int]]] | None:
    """First offset, bytes, gaps and overlaps of a file as its captured bytes are."""
    here = sorted(at for (name, at), count in teller.captured.items() if name == source.name and count)
    if not here:
        return None
    gaps = [(one + 1, other) for one, other in pairwise(here) if other > one + 1]
    twice = [at for at in here if teller.captured[source.name, at] > 1]
    overlaps: list[tuple[int, int]] = []
    for at in twice:
        if overlaps and overlaps[-1][1] == at:
            overlaps[-1] = (overlaps[-1][0], at + 1)
        else:
            overlaps.append((at, at + 1))
    return here[0], len(here), gaps, overlaps


def shown(file: FileCoverage) -> tuple[int, int, list[tuple[int, int]], list[tuple[int, int]]]:
    merged: list[tuple[int, int]] = []
    for start, end in file.overlaps:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return file.first_offset, file.bytes, list(file.gaps), merged


@given(stories())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_proof_of_a_read_is_never_wrong(tmp_path: Path, story: Story) -> None:
    teller = Teller(story)
    teller.tell()
    found = look(teller.capture, tmp_path)
    if not found.sessions:
        return  # nobody of it was recorded
    (session,) = found.sessions
    event(session.delivery.value)
    why = (session.delivery, session.delivery_reasons)
    if session.delivery is PROVEN:
        assert teller.exactly_once, why
    if session.delivery is REFUTED:
        assert not teller.exactly_once, why
    if story.absent:
        assert session.delivery is not PROVEN, why
    fates, ends = story.fates(), {flow.end for flow in story.flows}
    unseen = any(fates[fate] for fate in UNSEEN)
    if story.calm:
        assert session.delivery is PROVEN, why
        assert session.rows == sum(source.rows for source in story.files)
        assert session.payload_bytes == sum(len(source.content) - source.header for source in story.files)
        assert not [finding for finding in found.findings if finding.severity > 1]
    elif not story.absent and ends == {"end"} and not unseen and fates[TWICE]:
        assert session.delivery is REFUTED and "GPI208" in session.delivery_reasons, why
    elif unseen and ends == {"end"} and not fates[TWICE] and not story.absent:
        assert session.delivery is not PROVEN, why
    if not story.absent and not unseen and not fates[UNSENT] and not fates[TWICE]:
        if ends & {"killed", "no end"} and ends <= {"end", "killed", "no end"}:
            assert session.delivery is REFUTED and "GPI210" in session.delivery_reasons, why
        elif ends & {"left", "reset"} and ends <= {"end", "left", "reset"}:
            assert session.delivery is UNPROVABLE and "GPI204" in session.delivery_reasons, why
    if not story.absent and not ends & {"killed", "left", "reset", "stopped", "unconfirmed"} and not fates["head not captured"]:
        by_name = {file.name: file for file in session.files}
        for source in story.files:
            wanted = told(teller, source)
            if wanted is not None and not unseen:
                assert shown(by_name[source.name]) == wanted
