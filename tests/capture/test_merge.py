"""Several inputs are one capture, by time."""

import heapq
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpinspect.capture import merge, open_captures
from gpinspect.errors import CaptureError

from .build import Frame, drain, enhanced, frame, interface, pcap, read, secrets, section, simple

TIMES = st.lists(st.integers(0, 30), max_size=25)


def naive(files: list[list[Frame]]) -> list[Frame]:
    """Always the frame whose time is least among those in front; the earlier file where times are the same."""
    heap = [(frames[0].ns, number, 0) for number, frames in enumerate(files) if frames]
    heapq.heapify(heap)
    merged = []
    while heap:
        _, number, index = heapq.heappop(heap)
        merged.append(files[number][index])
        if index + 1 < len(files[number]):
            heapq.heappush(heap, (files[number][index + 1].ns, number, index + 1))
    return merged


def as_pcapng(frames: list[Frame]) -> bytes:
    """Frames over two interfaces in turn, one with a clock that has to be rewritten."""
    data = section(">") + interface(">", resolution=9) + interface(">", resolution=12)
    for index, one in enumerate(frames):
        data += enhanced(index % 2, one.ns * 1000 if index % 2 else one.ns, one.data, ">")
    return data


def written(folder: Path, files: list[list[Frame]]) -> list[str]:
    paths = [folder / f"{number}.pcap" for number in range(len(files))]
    for number, (path, frames) in enumerate(zip(paths, files, strict=True)):
        path.write_bytes(as_pcapng(frames) if number % 3 == 2 else pcap(frames, "<>"[number % 2], nano=True))
    return [str(path) for path in paths]


def named(times: list[list[int]]) -> list[list[Frame]]:
    return [[frame(ns, b"%d:%d" % (number, i)) for i, ns in enumerate(one)] for number, one in enumerate(times)]


@given(st.lists(TIMES, min_size=2, max_size=5), st.sampled_from([None, 1]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_inputs_in_order_are_merged_as_a_stable_sort(tmp_path: Path, times: list[list[int]], most: int | None) -> None:
    files = named([sorted(one) for one in times])
    with open_captures(written(tmp_path, files)) as capture:
        frames = drain(capture, most).frames
    assert frames == sorted((one for frames in files for one in frames), key=lambda one: one.ns)


@given(st.lists(TIMES, min_size=2, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_frames_out_of_order_keep_the_order_of_their_file(tmp_path: Path, times: list[list[int]]) -> None:
    files = named(times)
    assert read(*written(tmp_path, files)).frames == naive(files)


def test_large_inputs_are_merged_across_refills(tmp_path: Path) -> None:
    chance = random.Random(7)
    files = [sorted((frame(chance.randrange(10**9), bytes(900)) for _ in range(1500)), key=lambda one: one.ns) for _ in range(2)]
    assert read(*written(tmp_path, files)).frames == naive(files)


def test_inputs_one_after_the_other_are_handed_out_in_large_windows(tmp_path: Path) -> None:
    files = [[frame(number * 10**9 + i, bytes(100)) for i in range(2000)] for number in (2, 0, 1)]
    result = read(*written(tmp_path, [files[0], files[1]]))
    assert [one.ns for one in result.frames] == sorted(one.ns for one in files[0] + files[1])
    assert result.windows <= 4


def test_only_inputs_that_overlap_are_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [[frame(number * 100 + i, b"abc") for i in range(5)] for number in range(50)]
    names = [tmp_path / f"{number}" for number in range(50)]
    for name, frames in zip(names, files, strict=True):
        name.write_bytes(pcap(frames, nano=True))
    active, most = 0, 0
    original = merge.Source.windows

    def counted(source: merge.Source):  # type: ignore[no-untyped-def]
        nonlocal active, most
        active += 1
        most = max(most, active)
        yield from original(source)
        active -= 1

    monkeypatch.setattr(merge.Source, "windows", counted)
    assert len(read(*names).frames) == 250
    assert most == 1


def test_positions_tell_inputs_apart(tmp_path: Path) -> None:
    files = [[frame(5, b"a")], [frame(1, b"b"), frame(9, b"c")]]
    assert read(*written(tmp_path, files)).positions == [(1 << 48) + 24, 24, (1 << 48) + 24 + 17]


def test_inputs_without_frames_give_their_notices_and_secrets(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(section() + secrets(b"CLIENT_RANDOM aa bb\n"))
    (tmp_path / "b").write_bytes(pcap([frame(1, b"b")], nano=True) + b"cut")
    (tmp_path / "c").write_bytes(section() + interface() + simple(b"c"))
    (tmp_path / "d").write_bytes(pcap([]))
    result = read(*(tmp_path / name for name in "abcd"))
    assert [one.data for one in result.frames] == [b"c", b"b"]
    assert result.secrets == [b"CLIENT_RANDOM aa bb\n"]
    assert result.notices == [("GPI006", {"count": 1}), ("GPI001", {"position": 41})]


def test_one_damaged_input_among_several_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(pcap([frame(1, b"b")]))
    (tmp_path / "b").write_bytes(pcap([]) + bytes(40))
    with pytest.raises(CaptureError, match="without bytes") as caught:
        read(tmp_path / "a", tmp_path / "b")
    assert caught.value.path == str(tmp_path / "b")


def test_the_same_merge_from_consumers_of_any_appetite(tmp_path: Path) -> None:
    files = named([sorted([*range(0, 60, 3), *range(0, 60, 7)]), list(range(0, 60, 4)), list(range(10, 50))])
    names = written(tmp_path, files)
    for most in (None, 1, 2):
        with open_captures(names) as capture:
            assert drain(capture, most).frames == naive(files)
