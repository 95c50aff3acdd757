"""When pace and skew of a load are worth a word, and when they are not."""

from dataclasses import replace
from pathlib import Path

import pytest
from craft import END, Block, Capture, Conversation, ok_head, request

from analysis.hand import SECOND as S
from analysis.hand import START, Made
from gpinspect.inspection import inspect
from gpinspect.model import Outcome, PackageTable, Severity
from gpinspect.model.packages import COMPLETE, DATA

CAPTURES = sorted(path for path in (Path(__file__).parents[2] / "captures").iterdir() if path.suffix in (".pcap", ".pcapng"))
BLOCK = 32_000


def table(number: int, start_s: float, step_s: float, length: int = BLOCK, took_s: float = 0.0001) -> PackageTable:
    made = PackageTable()
    file = made.file_index(b"/data/a.txt")
    for index in range(number):
        ns = START + int((start_s + index * step_s) * S)
        made.append(0, 36, length, file, index * length, 0, ns, ns + int(took_s * S), 1, 1, 0, DATA, COMPLETE)
    return made


def load(
    *amounts: int, seconds: float = 4.0, busy: float = 0.9, joined: dict[int, float] | None = None, length: int = BLOCK
) -> Made:
    """A read in which segment n got `amounts[n]` packages; the first one all the time, `busy` of its time spent in packages."""
    made = Made()
    for segment, amount in enumerate(amounts):
        join = (joined or {}).get(segment, 0.0)
        step = (seconds - join) / max(1, amount)
        rows = table(amount, join, step, length, took_s=step * busy)
        made.read(
            Outcome.COMPLETE,
            segment=segment,
            segment_count=len(amounts),
            packages=rows,
            payload_bytes=amount * length,
            start_ns=START + int(join * S),
            first_byte_ns=START + int(join * S) if amount else None,
            end_ns=START + int(seconds * S),
        )
    made.session(
        payload_bytes=sum(amounts) * length, start_ns=START, end_ns=START + int(seconds * S), segments=tuple(range(len(amounts)))
    )
    return made


def pace_codes(made: Made) -> list[str]:
    return [code for code in made.codes() if "GPI330" <= code <= "GPI349"]


def test_one_of_four_with_most_blocks_of_a_long_busy_read_is_a_warning() -> None:
    found = load(400, 40, 40, 40).one("GPI331")
    assert found.severity is Severity.WARNING and found.segment == 0
    assert "segment 0 on 10.0.0.1 took 77 % of the rows, 3.1 times the mean" in found.message  # 400 of 520


def dealt(folder: Path, *turns: int, dt: float = 0.004) -> Path:
    """A read of small blocks: `turns[n]` of every 40 go to segment n."""
    capture = Capture()
    talks = [Conversation(capture, ("10.0.0.1", 40000 + number), dt=dt) for number in range(len(turns))]
    for number, talk in enumerate(talks):
        talk.open()
        talk.client(request("/a.txt", segment=number, count=len(turns)))
        talk.server(ok_head(1))
    order = [number for number, turn in enumerate(turns) for _ in range(turn)]
    for index in range(160):
        talk = talks[order[index % len(order)]]
        block = Block("/data/a.txt", index * 2000, index, b"x" * 1999 + b"\n")
        talk.server(block.head)
        talk.server(block.data)
    for talk in talks:
        talk.server(END)
        talk.close()
    return capture.write(folder / "dealt.pcap")


def test_a_capture_in_which_one_member_has_most_of_the_blocks_shows_it(tmp_path: Path) -> None:
    uneven = [finding for finding in inspect([str(dealt(tmp_path, 34, 2, 2, 2))]).findings if finding.code == "GPI331"]
    assert [finding.segment for finding in uneven] == [0] and "85 %" in uneven[0].message  # 34 of 40
    assert not any(finding.code == "GPI331" for finding in inspect([str(dealt(tmp_path, 10, 10, 10, 10))]).findings)


@pytest.mark.parametrize(
    ("why", "made"),
    [
        ("shares are even", load(130, 130, 130, 130)),
        ("a few blocks are chance", load(20, 2, 2, 2)),
        ("it was over in no time", load(400, 40, 40, 40, seconds=0.5)),
        ("one of two has half of it anyway", load(400, 40)),
        ("the source was slow: nothing moved most of the time", load(400, 40, 40, 40, busy=0.02, seconds=40)),
        ("the others came when nearly all was gone", load(400, 1, 1, 1, joined={1: 3.9, 2: 3.9, 3: 3.9})),
    ],
)
def test_an_uneven_share_is_no_news_when(why: str, made: Made) -> None:
    assert "GPI331" not in pace_codes(made), why


def test_a_segment_that_joins_a_large_load_ten_seconds_late_is_a_warning() -> None:
    # 1500 blocks each of two in 40 s, evenly: after 20 s 1500 of all 3500 are gone
    found = load(1500, 1500, 500, seconds=40, joined={2: 20.0}).one("GPI332")
    assert (found.severity, found.segment) == (Severity.WARNING, 2)
    assert found.message == "asked 20 s after rows had begun to flow, when 43 % of them were gone"


def test_late_joiners_of_a_small_or_short_load_are_healthy() -> None:
    assert "GPI332" not in pace_codes(load(15, 15, 0, seconds=40, joined={2: 20.0}))
    assert "GPI332" not in pace_codes(load(1500, 1500, 0, seconds=8, joined={2: 6.0}))


def test_a_large_read_of_some_of_the_segments_names_the_number_of_urls() -> None:
    made = load(1100, 1100, seconds=12)
    made.sessions[0] = replace(made.sessions[0], segment_count=6)
    found = made.one("GPI330")
    assert found.severity is Severity.NOTE
    assert found.message == "2 of 6 segments carried this load of 70 MB; the others never asked"
    assert "gp_external_max_segs" in found.advice


def test_a_large_read_from_one_server_tells_its_rate() -> None:
    found = load(1250, 1250, seconds=20).one("GPI333")
    assert found.message == "one gpfdist gave 80 MB to 2 segments in 20 s, 4.0 MB/s"
    assert "GPI333" not in pace_codes(load(1250, 1250, seconds=5))


def test_blocks_of_the_default_size_in_a_large_load_name_the_option() -> None:
    found = load(1250, 1250).one("GPI335")
    assert found.message == "80 MB went in 2,500 blocks of 32,000 bytes on average" and "-m" in found.advice
    assert "GPI335" not in pace_codes(load(1250, 1250, length=40_000))
    assert "GPI335" not in pace_codes(load(900, 900))


def test_many_small_posts_name_the_buffer() -> None:
    made = Made()
    made.segment_writes(0, *[60_000] * 1100)
    made.session(payload_bytes=66_000_000)
    found = made.one("GPI336")
    assert found.message == "1,100 requests brought 60,000 bytes on average"
    assert "`writable_external_table_bufsize`" in found.advice
    larger = Made()
    larger.segment_writes(0, *[1_000_000] * 66)
    larger.session(payload_bytes=66_000_000)
    assert pace_codes(larger) == []


def test_a_large_unload_of_an_uneven_table_names_its_largest_segment() -> None:
    made = Made()
    for segment, size in enumerate((50_000_000, 5_000_000, 5_000_000, 5_000_000)):
        made.segment_writes(segment, size)
    made.session(payload_bytes=65_000_000)
    found = made.one("GPI337")
    assert (found.severity, found.segment) == (Severity.NOTE, 0)
    assert "77 % of the rows, 3.1 times the mean" in found.message


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_the_small_loads_of_the_museum_have_nothing_to_say_about_pace(capture: Path) -> None:
    codes = {finding.code for finding in inspect([str(capture)]).findings}
    assert not {code for code in codes if "GPI330" <= code <= "GPI349"}
