"""`tls` told what the settings and revocation lists are."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from craft import Capture, Conversation
from cryptography import x509
from oracles.programs import Authority

from gpinspect.cli.group import gpinspect
from gpinspect.grammar.postgres import SSL_REQUEST, build_startup

OPENGAUSS = Path(__file__).parents[2] / "captures" / "tls" / "pg_opengauss_dhe_aes128ccm.pcap"
ACCEPTED = b"R\0\0\0\x08\0\0\0\0"  # AuthenticationOk


@pytest.fixture(autouse=True)
def no_key_log_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)


def tls(*arguments: str | Path) -> Result:
    return CliRunner().invoke(gpinspect, ["tls", *map(str, arguments)])


def declined(tmp_path: Path) -> Path:
    """A server without ssl and a client that prefers it: row 17 or 18."""
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(SSL_REQUEST)
    talk.server(b"N")
    talk.client(build_startup({"user": "u"}))
    talk.server(ACCEPTED)
    return capture.write(tmp_path / "declined.pcap")


def test_nothing_asked_is_nothing_said(tmp_path: Path) -> None:
    result = tls(declined(tmp_path), "--json")
    told = json.loads(result.stdout)
    assert (told["negotiation"], told["expected_row"], told["expected_rows"], told["agrees"]) == ([17, 18], None, None, None)
    assert "Expected" not in tls(declined(tmp_path)).stdout


def test_three_settings_name_the_row_and_whether_it_agrees(tmp_path: Path) -> None:
    settings = ("--expect-ssl", "off", "--expect-require-ssl", "off", "--expect-sslmode")
    told = [json.loads(tls(declined(tmp_path), "--json", *settings, mode).stdout) for mode in ("prefer", "require")]
    assert [(one["expected_row"], one["expected_rows"], one["agrees"]) for one in told] == [(18, [18], True), (20, [20], False)]


def test_settings_that_leave_rows_open_name_no_single_row(tmp_path: Path) -> None:
    told = json.loads(tls(declined(tmp_path), "--json", "--expect-ssl", "off", "--expect-sslmode", "prefer").stdout)
    assert (told["expected_row"], told["expected_rows"], told["agrees"]) == (None, [17, 18], True)


def test_a_difference_is_said_in_words_and_shown_in_the_table(tmp_path: Path) -> None:
    result = tls(declined(tmp_path), "--expect-ssl", "on", "--expect-sslmode", "require")
    assert result.exit_code == 0
    assert "connection 1: wanted row 7-8 (SSLRequest, S, TLS), seen row 17-18 (SSLRequest, N, then a clear start" in result.stderr
    header, row = result.stdout.splitlines()
    assert "Rows" in header and "Expected 7-8" in header
    assert row.split()[-2:] == ["17-18", "differs"]


def test_a_difference_counts_as_a_warning_for_fail_on(tmp_path: Path) -> None:
    capture = declined(tmp_path)
    for level, status in (("note", 1), ("warning", 1)):
        assert tls(capture, "--expect-ssl", "on", "--expect-sslmode", "require", "--fail-on", level).exit_code == status
    assert tls(capture, "--expect-ssl", "off", "--fail-on", "error").exit_code == 0
    assert tls(capture, "--expect-ssl", "on", "--expect-sslmode", "require", "--fail-on", "error").exit_code == 0


def test_tls_that_was_not_negotiated_neither_agrees_nor_differs() -> None:
    told = json.loads(tls(OPENGAUSS.with_name("tls12_rsa_null_sha256.pcap"), "--json", "--expect-ssl", "on").stdout)
    assert (told["negotiation"], told["agrees"]) == (None, None)


def test_a_recorded_opengauss_connection_agrees_with_its_defaults() -> None:
    settings = ("--expect-ssl", "on", "--expect-require-ssl", "off", "--expect-sslmode", "prefer")
    told = json.loads(tls(OPENGAUSS, "--json", *settings).stdout)
    assert (told["expected_row"], told["agrees"]) == (6, True)


def test_a_word_that_is_no_setting_is_a_usage_error() -> None:
    assert tls(OPENGAUSS, "--expect-sslmode", "maybe").exit_code == 2
    assert tls(OPENGAUSS, "--expect-ssl", "yes").exit_code == 2


def list_of(tmp_path: Path, serial: int, issuer: str) -> Path:
    """A revocation list with one serial, in the name of an issuer whose key nobody needs."""
    import datetime

    from cryptography.hazmat.primitives import hashes, serialization

    authority = Authority(tmp_path)
    now = datetime.datetime.now(datetime.UTC)
    revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
    builder = x509.CertificateRevocationListBuilder().issuer_name(x509.Name.from_rfc4514_string(issuer))
    made = builder.last_update(now).next_update(now + datetime.timedelta(1)).add_revoked_certificate(revoked)
    path = tmp_path / "given.crl"
    path.write_bytes(made.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(("off", "words"), [(0, "server"), (1, "no")])
def test_a_certificate_on_the_list_is_marked(tmp_path: Path, off: int, words: str) -> None:
    certificate = json.loads(tls(OPENGAUSS, "--json").stdout)["server_certificate"]
    assert certificate["revoked"] is None
    crl = list_of(tmp_path, int(certificate["serial"], 16) + off, certificate["issuer"])
    told = json.loads(tls(OPENGAUSS, "--json", "--crl", crl).stdout)
    assert told["server_certificate"]["revoked"] is (off == 0)
    header, row = tls(OPENGAUSS, "--crl", crl).stdout.splitlines()
    assert header.split()[-1] == "Revoked" and row.split()[-1] == words


def test_a_list_that_is_none_ends_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "x.crl").write_bytes(b"garbage")
    result = tls(OPENGAUSS, "--crl", tmp_path / "x.crl")
    assert (result.exit_code, result.stdout) == (5, "")
    assert "x.crl: no certificate revocation list" in result.stderr and "Traceback" not in result.output


RECORDING = Path(__file__).parents[1] / "tls" / "recordings" / "dhe_tls11.json"


def test_tls_that_opens_to_something_else_is_still_ours(tmp_path: Path) -> None:
    """With its key a connection turns out to be neither HTTP nor gpfdist: it is TLS all the same."""
    recording = json.loads(RECORDING.read_text())
    (tmp_path / "keys.log").write_text("\n".join(recording["keylog"]) + "\n")
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    for side, data in recording["events"]:
        talk.send("server" if side else "client", bytes.fromhex(data))
    talk.close()
    result = tls(capture.write(tmp_path / "in.pcap"), "--json", "--keylog", tmp_path / "keys.log")
    assert (result.exit_code, json.loads(result.stdout)["decrypted"]) == (0, "full")


def plain(tmp_path: Path, parameters: bytes) -> Path:
    """A clear start with these parameters as they stand on the wire."""
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client((8 + len(parameters)).to_bytes(4, "big") + b"\0\3\0\0" + parameters)
    talk.server(ACCEPTED)
    return capture.write(tmp_path / "plain.pcap")


LOGIN = b"user\0erika\0database\0dw\0\0"


def test_start_up_parameters_are_masked_until_they_are_asked_for(tmp_path: Path) -> None:
    capture = plain(tmp_path, LOGIN)
    for more in ((), ("--json",)):
        said = tls(capture, "--all", *more).output
        assert "erika" not in said and "dw" not in said
    assert json.loads(tls(capture, "--all", "--json").stdout)["startup"] == {"user": "***", "database": "***"}
    assert json.loads(tls(capture, "--all", "--json", "--reveal").stdout)["startup"] == {"user": "erika", "database": "dw"}
    assert tls(capture, "--all", "--reveal").stdout.splitlines()[1].endswith("user=erika database=dw")


def test_a_value_in_the_place_of_a_name_is_masked_too(tmp_path: Path) -> None:
    capture = plain(tmp_path, b"user\0\0secret\0database\0dw\0\0")
    assert json.loads(tls(capture, "--all", "--json").stdout)["startup"] == {"user": "***"}


def test_a_terminal_is_safe_from_start_up_parameters(tmp_path: Path) -> None:
    assert "\x1b" not in tls(plain(tmp_path, b"user\0\x1b[2Jx\0\0"), "--all", "--reveal").output


def test_a_declined_request_shows_the_start_that_follows(tmp_path: Path) -> None:
    assert json.loads(tls(declined(tmp_path), "--json", "--reveal").stdout)["startup"] == {"user": "u"}


def test_what_was_not_a_postgres_client_has_no_start_up() -> None:
    assert json.loads(tls(OPENGAUSS.with_name("tls12_rsa_null_sha256.pcap"), "--json").stdout)["startup"] is None


def test_a_start_up_inside_tls_is_read_with_the_key_and_not_without() -> None:
    key = OPENGAUSS.with_name("keys") / OPENGAUSS.with_suffix(".keylog").name
    assert json.loads(tls(OPENGAUSS, "--json", "--reveal").stdout)["startup"] is None
    assert "user" in json.loads(tls(OPENGAUSS, "--json", "--reveal", "--keylog", key).stdout)["startup"]


def test_a_plain_postgres_connection_alone_is_not_ours(tmp_path: Path) -> None:
    capture = plain(tmp_path, LOGIN)
    assert tls(capture).exit_code == 4
    assert CliRunner().invoke(gpinspect, ["cut", str(capture), "-o", str(tmp_path / "out.pcapng")]).exit_code == 4
