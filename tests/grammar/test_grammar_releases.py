"""Releases as headers give them away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.grammar.releases import client_majors, majors_text, server_major, server_release


@pytest.mark.parametrize(
    ("text", "release", "major"),
    [
        ("6.24.3 build commit:25d3498a400ca5230e81abb94861f23389315213", "6.24.3", 6),
        ('"4.3.99.0 build 1"', "4.3.99", 4),
        ("7.0.0-beta.4+dev.37.g0ef7e1498b build dev", "7.0.0", 7),
        ("2.1.0-incubating build dev", "2.1.0", 7),
        ("5.29 build x", "5.29", 5),
        ("Spring XD", None, None),
        ("Spring Dataflow 2.0", None, None),
        ("unknown", None, None),
        ("9.4.26", "9.4.26", None),
        (None, None, None),
    ],
)
def test_release_of_a_server(text: str | None, release: str | None, major: int | None) -> None:
    assert (server_release(text), server_major(text)) == (release, major)


@pytest.mark.parametrize(
    ("options", "zstd", "coordinator", "majors", "shown"),
    [
        ("m0x92q0h0", False, False, {4}, "4.3"),
        ("m0x92q0n0h0", False, False, {5, 6}, "5 or 6"),
        ("m0x 92q  0n0h0", False, False, {6, 7}, "6 or 7"),
        ("m0x 92q  0n0h0", True, True, {7}, "7"),
        (None, True, False, {6, 7}, "6 or 7"),
        (None, False, False, set(), ""),
        ("m0x92q0h0n0", False, False, set(), ""),
        ("m0x92q0h0", True, False, set(), ""),
    ],
)
def test_generation_of_a_segment(options: str | None, zstd: bool, coordinator: bool, majors: set[int], shown: str) -> None:
    found = client_majors(options, zstd, coordinator)
    assert (found, majors_text(found)) == (majors, shown)


@given(st.text(max_size=60), st.booleans(), st.booleans())
def test_no_text_raises(text: str, zstd: bool, coordinator: bool) -> None:
    server_major(text)
    client_majors(text, zstd, coordinator)
