"""What the report says of TLS, and words of TLS explained."""

import json
from pathlib import Path

import pytest

from gpinspect.inspection import inspect
from gpinspect.model import Notice
from gpinspect.views.explain import explain, subjects
from gpinspect.views.report import build_report
from gpinspect.views.text import cells
from gpinspect.views.tls_section import tls_lines
from views import samples

TLS = Path(__file__).parents[2] / "captures" / "tls"
ODD = Path(__file__).parents[2] / "captures" / "tls-findings"


def lines(path: Path, *logs: Path, screen: bool = False) -> list[str]:
    with inspect([str(path)], keylogs=[str(log) for log in logs]) as found:
        return [text for text, _ in tls_lines(found.tls, found.notices, screen=screen)]


def logs_of(name: str) -> list[Path]:
    return [TLS / key for key in json.loads((TLS / f"{name}.json").read_text())["keys"] if key.endswith(".keylog")]


def test_closed_connection_is_told_with_one_reason_the_way_to_the_secret_and_the_pace_of_its_host() -> None:
    text = lines(TLS / "tls13_keyupdate_client.pcap")
    assert text[0] == "1 connection: 1 TLSv1.3 TLS_AES_128_GCM_SHA256; 0 opened"
    assert text[1].startswith("why: no key was given") and "only a key log" in text[1]
    assert text[2].startswith("how: ") and "SSLKEYLOGFILE" in text[2]
    # records of application data: 490 bytes by the client, 21,867 by the server
    assert text[3].startswith("127.0.0.1: 1 connection, 22.4 kB in records in ") and text[3].endswith(" MB/s)")


def test_server_key_is_named_where_it_is_enough() -> None:
    assert any(line.startswith("how: --server-key server.key") for line in lines(TLS / "tls10_rsa_aes128sha_gpfdists_profile.pcap"))


def test_postgres_client_is_told_its_own_way() -> None:
    text = lines(ODD / "pg_cert_soon_verifyfull.pcap")
    assert any(line.startswith("how: ") and "libpq 18" in line for line in text)
    assert not any("segments" in line for line in text)


def test_opened_connections_need_one_line() -> None:
    name = "real_gpfdist_tls12_rsa_aes128sha"
    assert lines(TLS / f"{name}.pcap", *logs_of(name)) == ["1 connection: 1 TLSv1.2 TLS_RSA_WITH_AES_128_CBC_SHA; 1 opened"]


def test_failed_handshake_has_no_pace_and_wants_no_key() -> None:
    text = lines(ODD / "gp-gpfdists-wrong-ca-s.pcapng")
    assert any("unknown_ca" in line for line in text)
    assert not any(line.startswith("how: ") or "MB/s" in line for line in text)


def test_secrets_in_the_capture_are_mentioned() -> None:
    assert lines(TLS / "dsb_tls12_dhe_aes256gcm.pcapng")[-1].startswith("the capture carries 1 TLS secret: ")
    assert list(tls_lines([], [Notice("GPI006", "x", {"count": 3})], screen=True)) == [
        ("the capture carries 3 TLS secrets: whoever has the file can open its connections", 0)
    ]


def test_connections_without_tls_give_no_section() -> None:
    assert lines(ODD / "pg_ssloff_prefer.pcap") == []


def test_many_hosts_are_folded_on_a_screen_and_listed_else() -> None:
    with inspect([str(TLS / "tls13_keyupdate_client.pcap")]) as found:
        (one,) = found.tls
    tls = [one._replace(connection=samples.connection(n, "tls", client=samples.Address(f"10.0.0.{n}", 4000))) for n in range(1, 10)]
    shown = [line.text for line in build_report(samples.Found(sessions=[], exchanges=[]), tls=tls, utc=True).lines(80)]
    assert any("and 7 more hosts" in line for line in shown)
    assert len(shown) < 24 and all(cells(line) <= 80 for line in shown)
    whole = [text for text, _ in tls_lines(tls, [], screen=False)]
    assert all(any(line.startswith(f"10.0.0.{n}: 1 connection") for line in whole) for n in range(1, 10))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("unknown_ca", ["(TLS alert 48)", "root.crt on the segment", "its root.crt is not that of the issuer", "GPI511"]),
        ("Unknown CA", ["unknown_ca (TLS alert 48)"]),
        ("alert 116", ["certificate_required (TLS alert 116)", "GPI513"]),
        ("bad_record_mac", ["means:", "did not authenticate"]),
        ("0x002F", ["TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", "gpfdists manual", "`--server-key`", "HMAC-SHA1"]),
        ("0xC0,0x9E", ["TLS_DHE_RSA_WITH_AES_128_CCM", "openGauss"]),
        ("dhe-rsa-aes128-gcm-sha256", ["(0x009E)", "private key cannot help"]),
        ("TLS_AES_256_GCM_SHA384", ["TLS 1.3"]),
        ("TLS_RSA_WITH_NULL_SHA256", ["does not encrypt"]),
        ("0xfafa", ["no suite with this number"]),
    ],
)
def test_alerts_and_suites_are_explained(asked: str, says: list[str]) -> None:
    page = explain([asked])
    assert page is not None
    flat = " ".join(page.split())
    assert all(text in flat for text in says)
    assert all(cells(line) <= 100 for line in page.splitlines())


@pytest.mark.parametrize("asked", ["alert", "alert 999", "alert -1", "0x", "0x1FFFF", "0xzz", "TLS_", "alert ²"])
def test_what_is_no_alert_and_no_suite_is_not_explained(asked: str) -> None:
    assert explain([asked]) is None


def test_every_alert_is_a_subject_and_can_be_explained() -> None:
    from gpinspect.engine.tls.alerts import NAMES

    for name in NAMES.values():
        assert name in subjects() and f"{name} (TLS alert" in (explain([name]) or "")
