"""Captures of real peers come out as the peers said, however the bytes are cut, and with every key that should do."""

import hashlib

import pytest

from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.preface import PostgresPreface

from .drive import drive
from .museum import NAMES, connections, key_sets, sidecar

CUTS = [{}, {"cut": 1}, {"cut": 7}, {"seed": 1}]


class Recorder:
    """Stands behind the preface and notes what is handed on."""

    def __init__(self):
        self.events = []

    def feed(self, side, data, ns, frame, capture):
        self.events.append(("bytes", side, bytes(data), ns, frame))

    def lose(self, side, count):
        self.events.append(("hole", side, count, 0, 0))

    def close(self, side):
        pass


def after_preface(events):
    behind = Recorder()
    preface = PostgresPreface(behind)
    for what, side, value, ns, frame in events:
        if what == "bytes":
            preface.feed(side, value, ns, frame, 0)
    return preface.facts(), behind.events


def tls_events(name, port):
    events = connections(name)[port].events
    return after_preface(events)[1] if sidecar(name)["preface"] else events


@pytest.mark.parametrize("how", CUTS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_plaintext_and_alerts_are_what_the_peers_sent(name, how):
    facts = sidecar(name)
    for _, keys in key_sets(name):
        for want in facts["connections"]:
            got = drive(tls_events(name, want["client_port"]), keys, hashed=True, **how)
            report = got.report
            assert report.decrypted == facts["decrypted"]
            assert (report.reason is None) == (report.decrypted == "full")
            if facts["decrypted"] == "none":
                assert report.c2s_bytes is report.s2c_bytes is report.c2s_sha256 is report.s2c_sha256 is None
                assert got.plain == (b"", b"")
                continue
            for side, plain, count, digest in zip(
                ("c2s", "s2c"), got.plain, (report.c2s_bytes, report.s2c_bytes), (report.c2s_sha256, report.s2c_sha256), strict=True
            ):
                assert (len(plain), hashlib.sha256(plain).hexdigest()) == (want[side]["bytes"], want[side]["sha256"])
                assert (count, digest) == (want[side]["bytes"], want[side]["sha256"])
            seen = sorted((a.sender, a.level, a.description, a.encrypted) for a in report.alerts)
            assert seen == sorted((a["from"], a["level"], a["description"], a["encrypted"]) for a in want["alerts"])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "miss_handshake_tls12_rsa"])
def test_facts_of_the_handshake_are_told_with_and_without_keys(name):
    facts = sidecar(name)
    for _, keys in [*key_sets(name), ("none", KeyStore())]:
        for want in facts["connections"]:
            report = drive(tls_events(name, want["client_port"]), keys).report
            told = (report.version, report.suite, report.forward_secret, report.sni)
            assert told == (facts["version"], facts["suite"], facts["forward_secret"], facts["sni"])
            if want["resumed"] is not None:
                assert report.resumed is want["resumed"]


@pytest.mark.parametrize("name", NAMES)
def test_certificates_are_read_where_they_can_be_seen(name):
    facts = sidecar(name)
    opened = facts["decrypted"] != "none"
    for _, keys in key_sets(name):
        for want in facts["connections"]:
            if want["resumed"] or name == "miss_handshake_tls12_rsa":
                continue
            report = drive(tls_events(name, want["client_port"]), keys).report
            for side in ("server", "client"):
                truth, got = facts[f"{side}_certificate"], getattr(report, f"{side}_certificate")
                if not truth or not (truth["visible_without_keys"] or opened):
                    continue
                assert (got.subject, got.issuer, got.serial) == (truth["subject"], truth["issuer"], truth["serial"])
                assert (got.not_before, got.not_after, list(got.san)) == (truth["not_before"], truth["not_after"], truth["san"])


@pytest.mark.parametrize("name", [name for name in NAMES if sidecar(name)["decrypted"] == "full" and "null" not in name])
def test_without_keys_nothing_is_shown_and_the_reason_names_what_would_help(name):
    for want in sidecar(name)["connections"]:
        got = drive(tls_events(name, want["client_port"]))
        assert (got.report.decrypted, got.plain, got.report.needs_secrets) == ("none", (b"", b""), True)
        assert "key log" in got.report.reason


def test_certificate_age_is_counted_from_the_capture_and_not_from_today():
    facts = sidecar("tls10_rsa_aes128sha_gpfdists_profile")
    report = drive(connections("tls10_rsa_aes128sha_gpfdists_profile")[facts["connections"][0]["client_port"]].events).report
    # captured on 2026-11-20 09:47:12, good until 2036-11-17 09:22:20: ten years less three days, and 25 minutes short of a day
    assert report.server_certificate.days_left == 3649


def test_opengauss_capture_asks_for_tls_the_postgresql_way():
    name = "pg_opengauss_dhe_aes128ccm"
    facts, _ = after_preface(connections(name)[sidecar(name)["connections"][0]["client_port"]].events)
    assert (facts.preface, facts.reply, facts.early_client_bytes, facts.early_server_bytes) == ("SSLRequest", "S", 0, 0)
