"""What `tls` says of a real PostgreSQL server and psql, through every sslmode and kind of certificate."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509

from gpinspect.cli.group import gpinspect

from .postgres import PASSWORD, USER, Server, psql
from .programs import Authority

NAME = "db.test"
MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
TLS12 = {"ssl_max_protocol_version": "TLSv1.2"}
HOSTSSL = "hostssl all all 127.0.0.1/32 trust"
CLASSES = [(1,), (3,), (2, 4, 13, 14, 15, 16), (17, 18), tuple(range(19, 25)), tuple(range(5, 13))]
"""What can be told apart on the wire (openGauss's matrix of 24 rows)."""


@dataclass
class Place:
    """Everything that stands ready for a test."""

    folder: Path
    authority: Authority
    certificates: dict[str, tuple[Path, Path]]
    crl: Path
    server: Server

    def serial(self, name: str) -> str:
        return format(x509.load_pem_x509_certificate(self.certificates[name][0].read_bytes()).serial_number, "x")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """The server's user has to reach its folder, which it cannot below pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="gpinspect-test-"))
    folder.chmod(0o755)
    try:
        authority = Authority(folder, "Known CA")
        assert authority.certificate.exists()
        certificates = {
            "good": authority.issue("good", NAME, days=365.5),
            "expired": authority.issue("expired", NAME, days=-2.5),
            "soon": authority.issue("soon", NAME, days=3.5),
            "unknown": Authority(folder, "Foreign CA").issue("unknown", NAME, days=365.5),
            "revoked": authority.issue("revoked", NAME, days=365.5),
        }
        crl = authority.revoke("known.crl", certificates["revoked"][0])
        with Server(folder).running() as server:
            yield Place(folder, authority, certificates, crl, server)
    finally:
        shutil.rmtree(folder)


def tls(capture: Path, *options: str | Path) -> list[dict[str, Any]]:
    result = CliRunner().invoke(
        gpinspect, ["tls", "--all", "--json", "-q", str(capture), *map(str, options)], env={"SSLKEYLOGFILE": ""}
    )
    told = [json.loads(line) for line in result.stdout.splitlines()]
    # a capture in which nobody asks for TLS is none of ours, though `--all` shows its connections
    assert result.exit_code == (0 if any(one["preface"] for one in told) else 4), result.output
    return told


def connect(place: Place, tmp_path: Path, mode: str, host: str = NAME) -> tuple[list[dict[str, Any]], bool]:
    """One query; what is told of its connections, and whether it was answered."""
    verified = {"sslrootcert": place.authority.certificate, "sslcrl": place.crl} if mode.startswith("verify") else {}
    capture, answered = psql(place.server, tmp_path / f"{mode}.pcap", mode, host=host, home=tmp_path, **verified)
    return tls(capture, "--crl", place.crl), answered


def prefaces(told: list[dict[str, Any]]) -> list[tuple[str | None, str | None, str | None]]:
    return [(one["preface"], one["preface_reply"], one["version"]) for one in told]


PLAIN, ENCRYPTED, REFUSED = (None, None, None), ("SSLRequest", "S", "TLSv1.2"), ("SSLRequest", "N", None)


@pytest.mark.parametrize(
    ("mode", "row", "wire", "answers"),
    [
        ("disable", 14, [PLAIN], True),
        ("allow", 16, [PLAIN], True),
        ("prefer", 18, [REFUSED], True),
        ("require", 20, [REFUSED], False),
        ("verify-ca", 22, [REFUSED], False),
        ("verify-full", 24, [REFUSED], False),
    ],
)
def test_server_without_ssl(place: Place, tmp_path: Path, mode: str, row: int, wire: list[Any], answers: bool) -> None:
    place.server.configure(None)
    told, answered = connect(place, tmp_path, mode)
    assert (prefaces(told), answered) == (wire, answers)
    seen_as(row, told)


@pytest.mark.parametrize(
    ("mode", "row", "wire"),
    [
        ("disable", 2, PLAIN),
        ("allow", 4, PLAIN),
        ("prefer", 6, ENCRYPTED),
        ("require", 8, ENCRYPTED),
        ("verify-ca", 10, ENCRYPTED),
        ("verify-full", 12, ENCRYPTED),
    ],
)
def test_server_with_ssl_and_a_good_certificate(place: Place, tmp_path: Path, mode: str, row: int, wire: Any) -> None:
    place.server.configure(place.certificates["good"], **TLS12)
    told, answered = connect(place, tmp_path, mode)
    assert (prefaces(told), answered) == ([wire], True)
    seen_as(row, told)
    if wire is ENCRYPTED:
        (one,) = told
        certificate = one["server_certificate"]
        assert certificate["subject"] == f"CN={NAME}" and certificate["issuer"] == "CN=Known CA"
        assert (certificate["serial"], certificate["days_left"]) == (place.serial("good"), 365)
        assert (certificate["revoked"], certificate["san"]) == (False, [NAME])
        assert [alert["description"] for alert in one["alerts"] if not alert["encrypted"]] == []
        assert one["client_certificate_requested"] is False


@pytest.mark.parametrize(
    ("mode", "row", "wire", "answers"),
    [
        ("disable", 1, [PLAIN], False),
        ("allow", 3, [PLAIN, ENCRYPTED], True),
        ("prefer", 5, [ENCRYPTED], True),
        ("require", 7, [ENCRYPTED], True),
        ("verify-ca", 9, [ENCRYPTED], True),
        ("verify-full", 11, [ENCRYPTED], True),
    ],
)
def test_server_that_takes_nothing_but_ssl(
    place: Place, tmp_path: Path, mode: str, row: int, wire: list[Any], answers: bool
) -> None:
    place.server.configure(place.certificates["good"], hba=HOSTSSL, **TLS12)
    told, answered = connect(place, tmp_path, mode)
    assert (prefaces(told), answered) == (wire, answers)
    seen_as(row, told)


def seen_as(row: int, told: list[dict[str, Any]]) -> None:
    """Each connection is told as the class that the configured row is in."""
    (expected,) = [rows for rows in CLASSES if row in rows]
    assert [one["negotiation"] for one in told] == [list(expected)] * len(told)


WRONG = {"expired": "certificate_expired", "unknown": "unknown_ca", "revoked": "certificate_revoked"}
DAYS = {"expired": -3, "soon": 3, "unknown": 365, "revoked": 365}  # whole days, rounded down


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", DAYS)
def test_server_with_a_certificate_that_is_or_will_be_trouble(place: Place, tmp_path: Path, kind: str, mode: str) -> None:
    place.server.configure(place.certificates[kind], **TLS12)
    told, answered = connect(place, tmp_path, mode)
    seen_as(2 + 2 * MODES.index(mode), told)
    if mode in ("disable", "allow"):
        assert (prefaces(told), answered) == ([PLAIN], True)
        return
    assert prefaces(told) == [ENCRYPTED]
    (one,) = told
    certificate = one["server_certificate"]
    assert (certificate["serial"], certificate["days_left"]) == (place.serial(kind), DAYS[kind])
    # the list is that of the known authority: of a foreign one's certificate it says nothing
    assert certificate["revoked"] is {"revoked": True, "unknown": None}.get(kind, False)
    alerts = [(alert["from"], alert["level"], alert["description"]) for alert in one["alerts"] if not alert["encrypted"]]
    refused = mode.startswith("verify") and kind in WRONG
    assert (alerts, answered) == ([("client", "fatal", WRONG[kind])] if refused else [], not refused)


def test_a_wrong_name_ends_after_the_handshake_without_a_word(place: Place, tmp_path: Path) -> None:
    place.server.configure(place.certificates["good"], **TLS12)
    told, answered = connect(place, tmp_path, "verify-full", host="other.test")
    assert (prefaces(told), answered) == ([ENCRYPTED], False)
    assert (told[0]["sni"], told[0]["server_certificate"]["san"]) == ("other.test", [NAME])
    assert [alert for alert in told[0]["alerts"] if not alert["encrypted"]] == []


def test_tls13_hides_the_certificate(place: Place, tmp_path: Path) -> None:
    place.server.configure(place.certificates["good"])
    told, answered = connect(place, tmp_path, "require")
    assert (prefaces(told), answered) == ([("SSLRequest", "S", "TLSv1.3")], True)
    assert told[0]["server_certificate"] is None


@pytest.mark.parametrize(("ssl", "require", "hba"), [("on", "off", None), ("on", "on", HOSTSSL), ("off", "off", None)])
def test_settings_that_hold_agree_and_others_do_not(place: Place, tmp_path: Path, ssl: str, require: str, hba: str | None) -> None:
    certificate = place.certificates["good"] if ssl == "on" else None
    place.server.configure(certificate, **({"hba": hba} if hba else {}))
    for number, mode in enumerate(MODES):
        capture, _ = psql(place.server, tmp_path / f"{mode}.pcap", mode, host=NAME, home=tmp_path)
        settings = ("--expect-ssl", ssl, "--expect-require-ssl", require, "--expect-sslmode", mode)
        row = 1 + 2 * number + (require == "off") + 12 * (ssl == "off")
        told = tls(capture, *settings)
        assert {(one["expected_row"], one["agrees"]) for one in told} == {(row, True)}
        other = "off" if ssl == "on" else "on"
        against = tls(capture, "--expect-ssl", other, "--expect-require-ssl", "off", "--expect-sslmode", mode)
        # rows 2 and 14, and 4 and 16, look the same: a clear start that is taken
        assert all(one["agrees"] for one in against) is (mode in ("disable", "allow") and require == "off")


def test_the_server_key_opens_a_connection_and_nothing_of_its_login_is_shown(place: Place, tmp_path: Path) -> None:
    certificate = place.certificates["good"]
    place.server.configure(certificate, hba="hostssl all all 127.0.0.1/32 password", ssl_ciphers="AES128-GCM-SHA256", **TLS12)
    capture, answered = psql(place.server, tmp_path / "in.pcap", "require", host=NAME, home=tmp_path)
    key = ("--server-key", str(certificate[1]))
    (one,) = tls(capture, *key)
    # the start-up message, the password message, the query and the end were in it
    assert (answered, one["decrypted"], one["c2s_bytes"] > len(USER) + len(PASSWORD)) == (True, "full", True)
    assert one["startup"] == {"user": "***", "database": "***", "application_name": "***"}
    (one,) = tls(capture, *key, "--reveal")
    assert one["startup"] == {"user": USER, "database": "postgres", "application_name": "psql"}
    for verb in ("sessions", "flows", "exchanges", "packages", "findings", "tls", "report"):
        for more in ((), ("--json",)):
            said = CliRunner().invoke(gpinspect, [verb, str(capture), *key, *more]).output
            assert PASSWORD not in said and USER not in said, verb
    CliRunner().invoke(gpinspect, ["payload", str(capture), *key, "-o", str(tmp_path / "rows")])
    assert not list((tmp_path / "rows").rglob("*"))
