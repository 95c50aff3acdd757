"""An inspection by hand: a read of two Greenplum segments that one of them did not end, and a write of one in three steps."""

from dataclasses import replace

from craft import package
from views import samples
from views.samples import SECOND, START

from gpinspect.inspection import MessageBytes
from gpinspect.model import Connection, Delivery, Exchange, FileCoverage, Finding, Flow, Outcome, PackageTable, Severity
from gpinspect.model.packages import COMPLETE, DATA, END, NO_FILE, UNKNOWN
from gpinspect.tui.reading import Snapshot
from gpinspect.views.browse import entries
from tui.support import Still

FILE = b"/data/load/rows.csv"
HEAD = 5 + len(FILE) + 13 + 13 + 5
ROWS = (b"1,a\n2,b\n", b'3,"c\nc"\n', b"4,d\n5,e\n6,f\n")


def _packages() -> tuple[PackageTable, dict[int, MessageBytes]]:
    """Three packages and the end, one every quarter of a second; the last before the end begins after a second of silence."""
    table, found = PackageTable(), dict[int, MessageBytes]()
    file = table.file_index(FILE)
    position, offset, line = 0, 0, 1
    for index, rows in enumerate(ROWS):
        ns = START + (index + 1) * SECOND // 4 + (SECOND if index == 2 else 0)
        frame = 10 + 3 * index
        table.append(position, HEAD, len(rows), file, offset, line, ns, ns + 1000, frame, frame + 1, 0, DATA, COMPLETE)
        data = package(FILE, offset, line, rows)
        cut = HEAD + 2  # the first frame ends two bytes into the rows
        found[index] = MessageBytes(data, ((0, cut, frame), (cut, len(data) - cut, frame + 1)))
        position, offset, line = position + len(data), offset + len(rows), line + rows.count(b"\n")
    ns = START + 2 * SECOND
    table.append(position, 5, 0, NO_FILE, UNKNOWN, UNKNOWN, ns, ns, 19, 19, 0, END, COMPLETE)
    found[len(ROWS)] = MessageBytes(b"D\0\0\0\0", ((0, 5, 19),))
    return table, found


def _exchanges(table: PackageTable) -> tuple[Exchange, ...]:
    read = samples.exchange(
        1,
        path="/rows.csv",
        packages=table,
        payload_bytes=28,
        end_ns=START + 2 * SECOND,
        csvopt="m1x 34q 34n0h0",
        frames=(4, 19),
        line_delimiter=None,
    )
    broken = samples.exchange(
        2,
        path="/rows.csv",
        segment=1,
        packages=PackageTable(),
        payload_bytes=0,
        ended=False,
        outcome=Outcome.BROKEN,
        frames=(5, 25),
    )
    write = samples.exchange(
        3, session=2, method="POST", path="/out.csv", segment=0, seq=1, content_length=0, payload_bytes=0, frames=(30, 33),
        outcome=Outcome.ACCEPTED, start_ns=START + 60 * SECOND, end_ns=START + 61 * SECOND, cid="4", connection=3,
    )  # fmt: skip
    data = replace(
        write,
        id=4,
        seq=2,
        content_length=8,
        payload_bytes=8,
        frames=(34, 37),
        start_ns=START + 62 * SECOND,
        end_ns=START + 63 * SECOND,
    )
    done = replace(write, id=5, seq=3, done=True, frames=(38, 41), start_ns=START + 64 * SECOND, end_ns=START + 65 * SECOND)
    return read, broken, write, data, done


FINDINGS = (
    Finding("GPI118", "clear-text", Severity.NOTE, "everybody on the way can read the rows", "use gpfdists"),
    Finding(
        "GPI210", "no-end-package", Severity.ERROR, "the answer ended without the end of data", "look at the log", 1, 1, 2, 2,
        START + SECOND, (5, 25),
    ),
    Finding(
        "GPI205", "late-segment", Severity.NOTE, "a silence before the third package", "nothing", 1, 0, 1, 1,
        START + SECOND, (16, 17),
    ),
)  # fmt: skip


def snapshot(**changed: object) -> tuple[Snapshot, dict[tuple[int, int], MessageBytes]]:
    """What was found, and the bytes of the packages of exchange 1."""
    table, packages = _packages()
    coverage = FileCoverage(FILE.decode(), 0, 28, 3, (), ())
    read = samples.session(
        1,
        path="/rows.csv",
        segments=(0, 1),
        files=(coverage,),
        payload_bytes=28,
        delivery=Delivery.REFUTED,
        end_ns=START + 2 * SECOND,
    )
    write = samples.session(
        2, path="/out.csv", method="POST", cid="4", tid="1700000000-0000000042.4.0.1", segments=(0,), segments_with_data=(0,),
        connections=1, exchanges=3, payload_bytes=8, files=(), start_ns=START + 60 * SECOND, end_ns=START + 65 * SECOND,
        members=(3, 4, 5), segment_count=1,
    )  # fmt: skip
    flows = (
        Flow(1, 0, "10.0.0.9", 1, 3, 28, Outcome.COMPLETE, START, START + 2 * SECOND),
        Flow(1, 1, "10.0.0.9", 1, 0, 0, Outcome.BROKEN, START, START + SECOND),
        Flow(2, 0, "10.0.0.9", 3, 0, 8, Outcome.ACCEPTED, START + 60 * SECOND, START + 65 * SECOND),
    )
    connections: tuple[Connection, ...] = tuple(samples.connection(number) for number in (1, 2, 3))
    found = Snapshot(
        sources=("/captures/load.pcapng",),
        frames=41,
        bytes=9_000,
        total=9_000,
        first_ns=START,
        last_ns=START + 65 * SECOND,
        connections=connections,
        exchanges=_exchanges(table),
        sessions=(read, write),
        flows=flows,
        findings=FINDINGS,
        complete=True,
    )
    found = replace(found, **changed)  # type: ignore[arg-type]
    return replace(found, entries=entries(found)), {(1, index): data for index, data in packages.items()}


def reader(**changed: object) -> Still:
    found, packages = snapshot(**changed)
    return Still(found, packages)
