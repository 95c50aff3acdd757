"""The bytes with which PostgreSQL and openGauss agree on TLS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.errors import EncodeError
from gpinspect.grammar import postgres


def test_requests_for_encryption_are_the_documented_bytes() -> None:
    assert bytes.fromhex("00000008 04d2162f") == postgres.SSL_REQUEST
    assert bytes.fromhex("00000008 04d21630") == postgres.GSSENC_REQUEST
    assert postgres.request_name(postgres.SSL_REQUEST + b"\x16\x03\x01") == "SSLRequest"
    assert postgres.request_name(postgres.GSSENC_REQUEST) == "GSSENCRequest"
    assert postgres.request_name(bytes.fromhex("00000010 04d2162e 00000001 00000002")) == "CancelRequest"


@pytest.mark.parametrize("data", ["", "00000008", "00000009 04d2162f", "00000008 04d21631", "04d2162f 00000008"])
def test_other_bytes_are_no_request(data: str) -> None:
    assert postgres.request_name(bytes.fromhex(data)) is None


def test_answers_are_one_letter() -> None:
    assert {chr(byte): postgres.REPLIES[byte][0] for byte in postgres.REPLIES} == {"S": "S", "N": "N", "E": "E"}
    assert [str(postgres.REPLY.parse(letter).answer) for letter in (b"S", b"N", b"E")] == ["yes", "no", "error"]


def test_start_up_message_has_version_3_0_and_pairs() -> None:
    raw = bytes.fromhex("00000011 00030000") + b"user\0me\0\0"
    assert postgres.build_startup({"user": "me"}) == raw
    assert postgres.parse_startup(raw + b"more") == (3, 0, (("user", "me"),), 17)


words = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=8)


@given(st.dictionaries(words, words, max_size=4))
def test_start_up_messages_are_read_again_and_never_when_cut(parameters: dict[str, str]) -> None:
    raw = postgres.build_startup(parameters)
    found = postgres.parse_startup(raw)
    assert found is not None and dict(found.parameters) == parameters
    assert postgres.parse_startup(raw[:-1]) is None


@given(st.binary(max_size=40))
def test_no_bytes_raise(data: bytes) -> None:
    postgres.request_name(data)
    postgres.parse_startup(data)
    postgres.parse_startup(b"\0\0\0" + data)


@pytest.mark.parametrize("parameters", [{"": "x"}, {"a": "b\0c"}, {"a\0": "b"}])
def test_parameters_that_would_end_early_are_not_built(parameters: dict[str, str]) -> None:
    with pytest.raises(EncodeError):
        postgres.build_startup(parameters)
