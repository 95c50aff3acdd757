"""The start-up message of a PostgreSQL client, kept whole or not at all; what comes behind it never."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.engine.startup import LONGEST, StartupWatch
from gpinspect.grammar.postgres import GSSENC_REQUEST, SSL_REQUEST, build_startup

MESSAGE = build_startup({"user": "erika", "database": "dw"})
PARAMETERS = (("user", "erika"), ("database", "dw"))
PASSWORD = b"p\0\0\0\x0bsecret\0"


def watched(*pieces: bytes) -> StartupWatch:
    watch = StartupWatch()
    for piece in pieces:
        watch.feed(piece)
    return watch


@pytest.mark.parametrize("front", [b"", SSL_REQUEST, GSSENC_REQUEST, GSSENC_REQUEST + SSL_REQUEST])
def test_it_is_read_behind_any_requests_in_any_pieces(front: bytes) -> None:
    said = front + MESSAGE + PASSWORD
    for pieces in ([said], [bytes([byte]) for byte in said], [said[:9], said[9:]]):
        startup = watched(*pieces).startup()
        assert startup is not None and startup.parameters == PARAMETERS


def test_what_comes_behind_it_is_not_kept() -> None:
    assert b"secret" not in bytes(watched(MESSAGE + PASSWORD)._held)
    assert b"secret" not in bytes(watched(MESSAGE, PASSWORD)._held)


def test_its_text_shows_nothing() -> None:
    assert "erika" not in repr(watched(MESSAGE).startup())


@pytest.mark.parametrize(
    "said", [b"", MESSAGE[:-1], b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\0\x05hello", b"\0\0\0\x10\x04\xd2\x16\x2e" + bytes(8)]
)
def test_something_else_or_half_of_it_is_none(said: bytes) -> None:
    assert watched(said).startup() is None


def test_missing_bytes_leave_none() -> None:
    watch = watched(MESSAGE[:10])
    watch.stop()
    watch.feed(MESSAGE[10:])
    assert watch.startup() is None


def test_a_length_that_no_server_takes_keeps_nothing() -> None:
    watch = watched((LONGEST + 1).to_bytes(4, "big") + b"\0\3\0\0" + b"x" * 100_000)
    assert (watch.startup(), len(watch._held)) == (None, 0)


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(0, LONGEST))
def test_no_bytes_raise_or_grow(pieces: list[bytes], length: int) -> None:
    watch = watched(length.to_bytes(4, "big") + b"\0\3\0\0", *pieces, b"y" * 20_000, b"z" * 20_000)
    watch.startup()
    assert len(watch._held) <= LONGEST + 32
