"""Revocation lists: who is on one, who is not, of whom nothing is known; and files that are none."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.programs import Authority

from gpinspect.engine.tls.certificates import read_certificate
from gpinspect.engine.tls.report import Certificate
from gpinspect.errors import TlsKeyError
from gpinspect.inspection.revocation import Revocations, read_revocations


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "A CA")


@pytest.fixture(scope="module")
def pair(authority: Authority) -> tuple[Path, Path]:
    return authority.issue("one", "one.test")[0], authority.issue("two", "two.test")[0]


def certificate(path: Path) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    read = read_certificate(x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER))
    assert read is not None
    return read


@pytest.mark.parametrize("der", [False, True])
def test_who_is_on_the_list_is_revoked_and_who_is_not_is_not(authority: Authority, pair: tuple[Path, Path], der: bool) -> None:
    lists = read_revocations([str(authority.revoke(f"one-{der}.crl", pair[0], der=der))])
    assert [lists.revoked(certificate(path)) for path in pair] == [True, False]


def test_of_another_issuer_nothing_is_known(authority: Authority, pair: tuple[Path, Path]) -> None:
    lists = read_revocations([str(authority.revoke("one.crl", pair[0]))])
    assert lists.revoked(replace(certificate(pair[0]), issuer="CN=Somebody else")) is None


def test_without_a_list_nothing_is_known(pair: tuple[Path, Path]) -> None:
    assert not read_revocations([])
    assert read_revocations([]).revoked(certificate(pair[0])) is None


def test_an_empty_list_clears_its_issuers_certificates(authority: Authority, pair: tuple[Path, Path]) -> None:
    lists = read_revocations([str(authority.revoke("empty.crl"))])
    assert bool(lists) and lists.revoked(certificate(pair[0])) is False


def test_lists_add_up_also_in_one_file(authority: Authority, pair: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = authority.revoke("1.crl", pair[0]), authority.revoke("2.crl", pair[1])
    (tmp_path / "both.crl").write_bytes(b"a word in front\n" + first.read_bytes() + b"\r\n" + second.read_bytes())
    for names in ([str(first), str(second)], [str(tmp_path / "both.crl")]):
        lists = read_revocations(names)
        assert [lists.revoked(certificate(path)) for path in pair] == [True, True]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x30", b"\x30\x82\xff\xff", b"hello", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", b"\x00" * 100],
)
def test_a_file_that_is_no_list_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.crl").write_bytes(data)
    with pytest.raises(TlsKeyError, match=r"x\.crl: .*revocation list"):
        read_revocations([str(tmp_path / "x.crl")])


def test_a_certificate_given_as_a_list_is_refused(pair: tuple[Path, Path]) -> None:
    with pytest.raises(TlsKeyError, match="no certificate revocation list"):
        read_revocations([str(pair[0])])


def test_a_list_cut_short_is_refused(authority: Authority, pair: tuple[Path, Path], tmp_path: Path) -> None:
    whole = authority.revoke("whole.crl", *pair, der=True).read_bytes()
    for length in range(1, len(whole), 7):
        with pytest.raises(TlsKeyError):
            Revocations().add(whole[:length], "cut.crl")


@pytest.mark.parametrize("name", ["missing.crl", ".", "x\0y"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TlsKeyError, match="wanted a certificate revocation list"):
        read_revocations([name])


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for text in (data, b"\x30" + data):
        try:
            Revocations().add(text, "x")
        except TlsKeyError as error:
            assert str(error).startswith("x: ")
