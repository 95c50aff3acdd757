"""What is told about TLS of real captures: the codes that their sidecars name, and notes only where nothing went wrong."""

import json
from pathlib import Path

import pytest

from gpinspect.inspection import inspect
from gpinspect.model import Severity

MUSEUM = Path(__file__).parents[2] / "captures"
CASES = [
    (sidecar["file"], key, codes)
    for path in sorted((MUSEUM / "tls-findings").glob("*.json"))
    for sidecar in [json.loads(path.read_text())]
    for key, codes in sidecar["findings"].items()
]


def about_tls(found):
    return [finding for finding in found.findings if finding.code.startswith("GPI5")]


@pytest.mark.parametrize(("file", "key", "codes"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_each_failure_is_told_by_its_own_finding(file, key, codes):
    folder = MUSEUM / "tls-findings"
    with inspect([str(folder / file)], keylogs=[] if key == "none" else [str(folder / key)]) as found:
        assert sorted(finding.code for finding in about_tls(found)) == codes


def test_four_segments_with_the_wrong_root_certificate_are_one_finding_that_names_the_file():
    with inspect([str(MUSEUM / "tls-findings" / "gp-gpfdists-wrong-ca-s.pcapng")]) as found:
        (told,) = about_tls(found)
    assert told.severity is Severity.ERROR
    assert "unknown_ca" in told.message and "root.crt" in told.message and "(4 connections)" in told.message
    assert "gpfdists/root.crt" in told.advice and "server.crt" in told.advice


def test_expiry_is_told_with_the_day_and_for_the_time_of_the_capture():
    # notAfter 2026-11-17/18, captured on 2026-11-20
    with inspect([str(MUSEUM / "tls-findings" / "tls12_client_rejects_expired.pcap")]) as found:
        (told,) = [finding for finding in about_tls(found) if finding.code == "GPI520"]
    assert "server's certificate CN=localhost,O=Example ETL" in told.message and "2026-11-1" in told.message


TLS = MUSEUM / "tls"
FACTS = {path.stem: json.loads(path.read_text()) for path in sorted(TLS.glob("*.json"))}
OBSOLETE = ("GPI530", "GPI531")
HEALTHY = [name for name, facts in FACTS.items() if facts["decrypted"] == "full" and "null" not in name and "missing" not in name]


@pytest.mark.parametrize("keys", [False, True], ids=["no keys", "keys"])
@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_tls_gives_notes_only(name, keys):
    facts = FACTS[name]
    logs = [str(TLS / key) for key in facts["keys"] if key.endswith(".keylog")] if keys else []
    with inspect([str(TLS / facts["file"])], keylogs=logs) as found:
        assert [f.code for f in about_tls(found) if f.severity > Severity.NOTE and f.code not in OBSOLETE] == []
        closed = [finding.code for finding in about_tls(found) if finding.code in ("GPI501", "GPI508")]
    opened = keys or facts["embedded_secrets"]
    assert closed == ([] if opened else ["GPI508" if facts["preface"] else "GPI501"])


@pytest.mark.parametrize(
    ("name", "key", "code", "says"),
    [
        ("wrongkey_tls12_rsa", "server", "GPI502", "does not belong to the certificate"),
        ("serverkeyonly_tls12_dhe", "server", "GPI501", "forward secret"),
        ("miss_handshake_tls12_rsa", "log", "GPI505", "handshake was not captured"),
        ("gap_tls12_rsa", "log", "GPI503", "1; a record was cut or lost at byte"),
        ("snap3000_tls12_rsa", "log", "GPI503", "3; a record was cut or lost at byte"),
        ("tls12_rsa_null_sha256", "none", "GPI533", "nothing is encrypted"),
        ("tls10_rsa_aes128sha_gpfdists_profile", "none", "GPI531", "TLSv1 with TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("tls13_mtls_missing_client_cert", "log", "GPI513", "certificate_required"),
    ],
)
def test_what_stays_closed_or_is_odd_is_told_with_its_reason(name, key, code, says):
    keys = [str(TLS / file) for file in FACTS[name]["keys"]]
    logs = [file for file in keys if file.endswith(".keylog")] if key == "log" else []
    private = [file for file in keys if file.endswith(".key")] if key == "server" else []
    with inspect([str(TLS / FACTS[name]["file"])], keylogs=logs, server_keys=private) as found:
        (told,) = [finding for finding in about_tls(found) if finding.code == code]
    assert says in told.message


def test_garbage_in_a_key_log_is_one_note_and_costs_only_itself(tmp_path):
    name = "tls12_rsa_aes128sha_etm_ems"
    (log,) = [TLS / key for key in FACTS[name]["keys"] if key.endswith(".keylog")]
    mixed = tmp_path / "mixed.keylog"
    mixed.write_bytes(b"\x00\xff not a line\nCLIENT_RANDOM 12 34\n" + log.read_bytes())
    with inspect([str(TLS / FACTS[name]["file"])], keylogs=[str(mixed)]) as found:
        (told,) = [finding for finding in found.findings if finding.code == "GPI509"]
        assert [one.report.decrypted for one in found.tls] == ["full"]
    assert told.severity is Severity.NOTE and ": 2 of " in told.message
    with inspect([str(TLS / FACTS[name]["file"])], keylogs=[str(log)]) as found:
        assert [finding for finding in found.findings if finding.code == "GPI509"] == []


@pytest.mark.parametrize("number", range(6))
def test_record_whose_header_was_changed_is_lost_and_told_wherever_it_stands(tmp_path, number):
    whole = (TLS / "tls12_rsa_null_sha256.pcap").read_bytes()
    headers = [at for at in range(len(whole)) if whole.startswith(b"\x17\x03\x03", at)]
    assert len(headers) == 6  # one request; head, three packages and the end
    changed = bytearray(whole)
    changed[headers[number]] = 0x60
    path = tmp_path / "changed.pcap"
    path.write_bytes(changed)
    with inspect([str(path)]) as found:
        assert [finding.code for finding in about_tls(found) if finding.code.startswith("GPI50")] == ["GPI503"]
