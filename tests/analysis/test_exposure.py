"""Who can see and reach what, from values made by hand."""

import pytest

from gpinspect.analysis.exposure import _leaves, _root
from gpinspect.model import Severity

from .hand import Made, covered, packages


@pytest.mark.parametrize(
    ("path", "leaves"),
    [
        ("/a.txt", False),
        ("/a..b.txt", False),
        ("/a/../b", True),
        ("/..", True),
        ("/%2e%2e/etc", True),
        ("/%2E./etc", True),
        ("/a%2f..%2fb", True),
        ("/a.txt%20../b", True),
        ("/a%5Cb", True),
        ("/a\\b", True),
        ("/100%25/a", False),
        ("/dir/.hidden", False),
    ],
)
def test_paths_that_try_to_leave(path: str, leaves: bool) -> None:
    assert _leaves(path) is leaves


@pytest.mark.parametrize(
    ("name", "wanted", "root"),
    [
        ("/data/etl/a.txt", ("a.txt",), "/data/etl"),
        ("/data/etl/sub/a.txt", ("sub", "*.txt"), "/data/etl"),
        ("/data/etl/sub/a.txt", ("sub",), "/data/etl"),
        ("/a.txt", ("a.txt",), "/"),
        ("/etc/passwd", ("a.txt",), None),
    ],
)
def test_directory_that_a_file_is_served_from(name: str, wanted: tuple[str, ...], root: str | None) -> None:
    assert _root(name, (wanted,)) == root


def test_names_are_told_once_a_server_and_not_inside_tls() -> None:
    made = Made()
    for _ in range(3):
        made.read(user="gpadmin", segment_count=3)
    made.session()
    note = made.one("GPI118")
    assert (note.severity, "X-GP-USER" in note.message, "DATABASE" in note.message) == (Severity.NOTE, True, False)
    sealed = Made()
    sealed.read(user="gpadmin", segment_count=1, on={"tls": True})
    sealed.session()
    assert sealed.findings("GPI118") == []


def test_transform_may_name_any_file() -> None:
    for transform, codes in (("up", []), (None, ["GPI117"])):
        made = Made()
        name = "/etc/gpfdist/list"
        made.read(segment_count=1, transform=transform, payload_bytes=100, packages=packages((0, 100), name=name))
        made.session(files=(covered(100, name=name),))
        assert [code for code in made.codes() if code == "GPI117"] == codes
