"""The rows as files: by offset, by Greenplum segment, by exchange."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from views import samples
from views.samples import Found

from gpinspect.cli.rebuild import MOST_PARTS, WIDEST_HOLE, Rebuild
from gpinspect.model import Address, Outcome

from .conftest import Run
from .test_names import NASTY_NAMES

HERE = "10.0.0.5_8080/1"


def read_of(*exchanges: list[tuple[bytes | None, int, bytes]], **changed: Any) -> Found:
    """One session; each exchange has packages of (file, offset, content), all captured."""
    return Found(
        exchanges=[samples.exchange(n, packages=samples.table(*rows), **changed) for n, rows in enumerate(exchanges, 1)],
        contents={n: [(at, 0, row[2]) for at, row in enumerate(rows)] for n, rows in enumerate(exchanges, 1)},
    )


def posts(*bodies: tuple[int, int | None, bytes, Outcome]) -> Found:
    """One write session; bodies of (segment, SEQ, rows, outcome)."""
    return Found(
        exchanges=[
            samples.exchange(n, method="POST", path="/out.txt", segment=segment, seq=seq, outcome=outcome, proto=0)
            for n, (segment, seq, _, outcome) in enumerate(bodies, 1)
        ],
        sessions=[samples.session(method="POST", path="/out.txt", proto=0)],
        contents={n: [(None, 0, body)] if body else [] for n, (_, _, body, _) in enumerate(bodies, 1)},
    )


def objects(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_packages_of_two_segments_become_the_source_file(run: Run, tmp_path: Path, calls: list[dict[str, Any]]) -> None:
    found = read_of([(b"/d/a.csv", 47, b"1,x\n"), (b"/d/a.csv", 55, b"3,z\n")], [(b"/d/a.csv", 51, b"2,y\n")])
    (made,) = objects(run(found, "payload", "x", "-o", str(tmp_path), "--json"))
    rows = b"1,x\n2,y\n3,z\n"
    assert (tmp_path / HERE / "d/a.csv").read_bytes() == rows
    assert made == {
        "schema": "gpinspect.payload/1",
        "session": 1,
        "server": "10.0.0.5:8080",
        "by": "file",
        "path": str(tmp_path / HERE / "d/a.csv"),
        "name": "/d/a.csv",
        "segment": None,
        "exchange": None,
        "first_offset": 47,
        "bytes": 12,
        "lines": 3,
        "gaps": [],
        "missing_bytes": 0,
        "repeated_bytes": 0,
        "sha256": hashlib.sha256(rows).hexdigest(),
    }
    assert calls[0]["hashes"] is True


def test_what_was_not_captured_stays_a_hole_and_is_listed(run: Run, tmp_path: Path) -> None:
    found = read_of([(b"f", 100, b"abcdef"), (b"f", 110, b"xy"), (b"f", 120, b"never")])
    found.contents = {1: [(0, 0, b"ab"), (0, 4, b"ef"), (1, 0, b"xy")]}
    (made,) = objects(run(found, "payload", "x", "-o", str(tmp_path), "--json"))
    assert (tmp_path / HERE / "f").read_bytes() == b"ab\0\0ef\0\0\0\0xy"
    assert made["gaps"] == [[102, 104], [106, 110], [112, 120]]
    assert (made["bytes"], made["missing_bytes"]) == (6, 14)
    assert made["sha256"] == hashlib.sha256(b"abefxy").hexdigest()


def test_of_bytes_that_come_twice_the_package_that_begins_first_counts(run: Run, tmp_path: Path) -> None:
    found = read_of([(b"f", 4, b"EFGH")], [(b"f", 0, b"abcdef"), (b"f", 4, b"zzzz")])
    (made,) = objects(run(found, "payload", "x", "-o", str(tmp_path), "--json"))
    assert (tmp_path / HERE / "f").read_bytes() == b"abcdefGH"
    assert (made["bytes"], made["repeated_bytes"]) == (8, 6)


def test_a_cut_package_does_not_keep_its_place_from_one_that_is_whole(run: Run, tmp_path: Path) -> None:
    found = read_of([(b"f", 0, b"abcd")], [(b"f", 2, b"cdef")])
    cut = samples.table((b"f", 0, b"abcd"), complete=False)
    found.exchanges[0] = samples.exchange(1, packages=cut)
    found.contents = {1: [(0, 0, b"ab")], 2: [(0, 0, b"cdef")]}
    (made,) = objects(run(found, "payload", "x", "-o", str(tmp_path), "--json"))
    assert (tmp_path / HERE / "f").read_bytes() == b"abcdef"
    assert made["gaps"] == []


def test_content_without_offset_or_name_follows_in_wire_order(run: Run, tmp_path: Path) -> None:
    found = read_of([(None, samples.UNKNOWN, b"1\n"), (None, samples.UNKNOWN, b"2\n")], [(None, samples.UNKNOWN, b"3\n")])
    (made,) = objects(run(found, "payload", "x", "-o", str(tmp_path), "--json"))
    assert (tmp_path / HERE / "a.csv").read_bytes() == b"1\n2\n3\n"
    assert (made["first_offset"], made["name"]) == (None, None)


def test_accepted_bodies_stand_by_segment_then_seq_and_repeats_are_dropped(run: Run, tmp_path: Path) -> None:
    taken = Outcome.ACCEPTED
    found = posts(
        (1, 1, b"", taken), (1, 2, b"b2\n", taken), (0, 3, b"a3\n", taken), (0, 2, b"a2\n", taken),
        (0, 2, b"a2\n", Outcome.DUPLICATE), (1, 3, b"lost\n", Outcome.REFUSED), (1, 4, b"gone\n", Outcome.DISCARDED),
    )  # fmt: skip
    (made,) = objects(run(found, "payload", "x", "-o", str(tmp_path), "--json"))
    assert (tmp_path / HERE / "out.txt").read_bytes() == b"a2\na3\nb2\n"
    assert (made["name"], made["lines"], made["first_offset"]) == ("/out.txt", 3, None)


def test_by_segment_gives_each_its_own_rows(run: Run, tmp_path: Path) -> None:
    found = read_of([(b"f", 4, b"a\n"), (b"g", 0, b"b\n")], [(b"f", 0, b"c\n")])
    made = objects(run(found, "payload", "x", "-o", str(tmp_path), "--json", "--by", "segment"))
    assert [(value["segment"], value["bytes"]) for value in made] == [(0, 4), (1, 2)]
    assert (tmp_path / HERE / "segment-0").read_bytes() == b"a\nb\n"
    assert (tmp_path / HERE / "segment-1").read_bytes() == b"c\n"


def test_by_exchange_also_gives_what_belongs_to_no_session(run: Run, tmp_path: Path) -> None:
    found = read_of([(b"f", 0, b"a\n")])
    found.exchanges.append(samples.exchange(2, session=None, method="POST", outcome=Outcome.REFUSED))
    found.contents = {**found.contents, 2: [(None, 0, b"stray")]}
    made = objects(run(found, "payload", "x", "-o", str(tmp_path), "--json", "--by", "exchange"))
    assert [(value["session"], value["exchange"]) for value in made] == [(1, 1), (None, 2)]
    assert (tmp_path / "10.0.0.5_8080/no-session/exchange-2").read_bytes() == b"stray"


def test_hostile_offsets_make_parts_and_no_absurd_file(run: Run, tmp_path: Path) -> None:
    found = read_of([(b"f", 5, b"near"), (b"f", 2**63, b"far"), (b"f", 2**64 - 2, b"edge")])
    made = objects(run(found, "payload", "x", "-o", str(tmp_path), "--json"))
    assert [(value["first_offset"], value["bytes"]) for value in made] == [(5, 4), (2**63, 3), (2**64 - 2, 4)]
    sizes = sorted(file.stat().st_size for file in (tmp_path / HERE).iterdir())
    assert sizes == [3, 4, 4]


def test_offsets_without_any_order_end_in_one_file_in_wire_order(run: Run, tmp_path: Path) -> None:
    rows = [(b"f", n * 2 * WIDEST_HOLE, b"%02d" % n) for n in range(MOST_PARTS + 3)]
    result = run(read_of(rows), "payload", "x", "-o", str(tmp_path), "--json")
    made = objects(result)
    assert len(made) == MOST_PARTS + 1
    assert made[-1]["first_offset"] is None and made[-1]["bytes"] == 6
    assert "too far apart" in result.stderr


@given(st.lists(st.tuples(st.integers(0, 2**64 - 2), st.binary(min_size=1, max_size=9)), min_size=1, max_size=30))
def test_no_file_is_much_longer_than_the_capture(rows: list[tuple[int, bytes]]) -> None:
    found = read_of([(b"f", offset, content) for offset, content in rows])
    rebuild = Rebuild(found.sessions[0], found.exchanges, "file", 1000)
    given_bytes = sum(len(write.data) for write in rebuild.writes(found.payload))
    assert all(target.reach <= WIDEST_HOLE + 1000 + 9 for target in rebuild.targets.values())
    assert given_bytes + sum(target.repeated for target in rebuild.targets.values()) == sum(len(content) for _, content in rows)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(NASTY_NAMES, min_size=1, max_size=5, unique=True))
def test_names_of_the_wire_stay_inside_the_folder_and_apart(
    run: Run, tmp_path_factory: pytest.TempPathFactory, names: list[bytes]
) -> None:
    base = tmp_path_factory.mktemp("base")
    found = read_of([(name, 0, b"%d" % number) for number, name in enumerate(names)])
    made = objects(run(found, "payload", "x", "-o", str(base / "out"), "--json"))
    files = [file for file in base.rglob("*") if file.is_file()]
    assert sorted(file.read_bytes() for file in files) == sorted(b"%d" % number for number in range(len(names)))
    assert all(file.is_relative_to(base / "out" / HERE) for file in files)
    assert {value["path"] for value in made} == {str(file) for file in files}


def test_a_server_address_cannot_choose_the_folder(run: Run, tmp_path: Path) -> None:
    found = read_of([(b"f", 0, b"x")], server=Address("fe80::1", 8080))
    objects(run(found, "payload", "x", "-o", str(tmp_path), "--json"))
    assert (tmp_path / "fe80--1_8080" / "1" / "f").is_file()


def test_files_that_are_there_stay_unless_force_is_given(run: Run, tmp_path: Path) -> None:
    first, second = read_of([(b"f", 0, b"old rows")]), read_of([(b"f", 0, b"new")])
    assert run(first, "payload", "x", "-o", str(tmp_path)).exit_code == 0
    refused = run(second, "payload", "x", "-o", str(tmp_path))
    assert refused.exit_code == 2 and "--force" in refused.stderr
    assert (tmp_path / HERE / "f").read_bytes() == b"old rows"
    assert run(second, "payload", "x", "-o", str(tmp_path), "--force").exit_code == 0
    assert (tmp_path / HERE / "f").read_bytes() == b"new"


def test_table_names_file_size_lines_and_what_is_missing(run: Run, tmp_path: Path) -> None:
    found = read_of([(b"f", 0, b"a\nb\n"), (b"f", 10, b"c\n")])
    header, row = run(found, "payload", "x", "-o", str(tmp_path)).stdout.splitlines()
    assert header.split()[:4] == ["Session", "File", "Bytes", "Lines"]
    assert row.split()[2:4] == ["6", "3"] and "6 B in 1 gap" in row


def test_tls_without_a_key_leaves_nothing_to_do(run: Run, tmp_path: Path) -> None:
    found = Found(exchanges=[], sessions=[], connections=[samples.connection(1, "tls")])
    result = run(found, "payload", "x", "-o", str(tmp_path))
    assert result.exit_code == 5 and "--keylog" in result.stderr


def test_a_capture_without_rows_is_fine(run: Run, tmp_path: Path) -> None:
    result = run(Found(), "payload", "x", "-o", str(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "")
