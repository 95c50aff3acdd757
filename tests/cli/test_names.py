"""Names out of the wire become paths that stay where they belong."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpinspect.cli.folder import Folder
from gpinspect.cli.names import LONGEST_PART, Names, safe_path
from gpinspect.errors import SourceError

PARTS = st.sampled_from(
    [b"..", b".", b"", b"/", b"\\", b"C:", b"\x00", b"~", b"-rf", b"a", b"a~2", b"%2F", b"\xff\xfe", b"\x1b[2J", b"x" * 300,
     "\u202e".encode(), "é".encode(), b"con", b" ", b"*", b"segment-1", b"\n"]
)  # fmt: skip
_MANY = st.lists(PARTS, max_size=12)
NASTY_NAMES = st.one_of(_MANY.map(b"/".join), _MANY.map(b"".join), st.binary(max_size=600))


@given(NASTY_NAMES)
@example(b"/" * 4096)
@example(b"a/" * 2000)
@example(b"../../../etc/passwd")
def test_any_name_becomes_components_that_cannot_climb(name: bytes) -> None:
    path = safe_path(name)
    assert path
    for part in path:
        assert part not in ("", ".", "..") and part[0] not in "-~"
        assert part.isprintable() and not set(part) & set("/\\:\x00")
        assert len(part.encode("utf-8")) <= LONGEST_PART
    assert len("/".join(path).encode()) < 2000


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"/data/orders1.tbl", ("data", "orders1.tbl")),
        (b"/a/../../etc", ("a", "%2E%2E", "%2E%2E", "etc")),
        (b"C:\\x", ("C%3A%5Cx",)),
        (b"a\x00b", ("a%00b",)),
        (b"caf\xc3\xa9 \xff", ("café %FF",)),
        (b"100%", ("100%25",)),
        (b"", ("unnamed",)),
        (b"-rf", ("%2Drf",)),
    ],
)
def test_what_a_name_becomes(name: bytes, path: tuple[str, ...]) -> None:
    assert safe_path(name) == path


@given(st.lists(NASTY_NAMES, unique=True, max_size=20))
def test_no_two_names_share_a_file_and_none_needs_a_file_as_a_folder(names: list[bytes]) -> None:
    takes = Names()
    paths = [takes.take(("1",), safe_path(name)) for name in names]
    assert len(set(paths)) == len(paths)
    files = set(paths)
    assert not any(path[:depth] in files for path in paths for depth in range(1, len(path)))


def test_a_name_below_another_file_gets_a_path_of_its_own() -> None:
    takes = Names()
    assert takes.take((), ("a",)) == ("a",)
    assert takes.take((), ("a",)) == ("a~2",)
    assert takes.take((), ("a", "b")) == ("a%2Fb~2",)


@given(NASTY_NAMES)
def test_any_name_is_written_inside_the_folder(tmp_path_factory: pytest.TempPathFactory, name: bytes) -> None:
    base = tmp_path_factory.mktemp("base")
    with Folder(str(base / "out")) as folder:
        folder.write(safe_path(name), 0, b"rows")
    made = [Path(top) / file for top, _, files in os.walk(base) for file in files]
    assert len(made) == 1 and made[0].is_relative_to(base / "out") and made[0].read_bytes() == b"rows"


def test_a_link_in_the_folder_leads_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "data").symlink_to(outside)
    (out / "rows.txt").symlink_to(outside / "rows.txt")
    for force in (False, True):
        with Folder(str(out), force=force) as folder, pytest.raises(SourceError):
            folder.write(("data", "rows.txt"), 0, b"x")
    with Folder(str(out)) as folder:
        assert folder.holds(("rows.txt",))
        with pytest.raises(SourceError):
            folder.holds(("data", "rows.txt"))
        with pytest.raises(SourceError):
            folder.write(("rows.txt",), 0, b"x")
    with Folder(str(out), force=True) as folder:
        folder.write(("rows.txt",), 0, b"x")
    assert not (out / "rows.txt").is_symlink() and list(outside.iterdir()) == []


def test_a_file_that_is_swapped_while_it_is_written_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    with Folder(str(tmp_path / "out")) as folder:
        folder.write(("first",), 0, b"x")
        for number in range(40):
            folder.write((f"other{number}",), 0, b"x")
        (tmp_path / "out" / "first").unlink()
        os.link(victim, tmp_path / "out" / "first")
        with pytest.raises(SourceError):
            folder.write(("first",), 0, b"evil")
    assert victim.read_bytes() == b"precious"


def test_files_are_for_their_owner_only_and_holes_take_no_room(tmp_path: Path) -> None:
    with Folder(str(tmp_path)) as folder:
        folder.write(("rows",), 10_000_000, b"x")
    found = (tmp_path / "rows").stat()
    assert found.st_mode & 0o077 == 0
    assert found.st_size == 10_000_001 and found.st_blocks * 512 < 1_000_000


def test_more_files_than_stay_open_keep_their_content(tmp_path: Path) -> None:
    with Folder(str(tmp_path)) as folder:
        for turn in range(3):
            for number in range(50):
                folder.write((str(number),), turn, b"abc"[turn : turn + 1])
    assert {(tmp_path / str(number)).read_bytes() for number in range(50)} == {b"abc"}


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match="-o wants a folder"):
        Folder(str(tmp_path / "file"))
