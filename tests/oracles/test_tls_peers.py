"""Ours, tshark's and the peers' own word for what was said in fresh TLS traffic of OpenSSL, over real sockets."""

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from gpinspect.cli.group import gpinspect
from gpinspect.engine.secure import Secured
from gpinspect.inspection import inspect

from .peers import SIMPLE, TYPED, Peers
from .programs import tool

Ports = tuple[int, int]


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Peers:
    return Peers(tmp_path_factory.mktemp("peers"))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sent(peers: Peers) -> dict[Ports, tuple]:
    """What was said, by ports of client and server."""
    return {one.ports: (one.case, sha256(one.client), sha256(one.server)) for one in peers.spoken}


def seen(peers: Peers, capture: Path | None = None, **keys: list[str]) -> dict[Ports, Secured]:
    with inspect([str(capture or peers.capture)], hashes=True, **keys) as found:
        return {(one.connection.client.port, one.connection.server.port): one for one in found.tls}


def opened(peers: Peers, ours: dict[Ports, Secured]) -> dict[Ports, tuple]:
    """What came out, as `sent` has it."""
    cases = {one.ports: one.case for one in peers.spoken}
    return {
        ports: (cases[ports], one.report.c2s_sha256, one.report.s2c_sha256)
        for ports, one in ours.items()
        if one.report.decrypted == "full"
    }


def test_every_case_was_spoken(peers: Peers) -> None:
    assert {one.case for one in peers.spoken} == {*SIMPLE, *TYPED, "early data"}
    assert len(peers.spoken) == len(SIMPLE) + len(TYPED) + sum(case.again for case in SIMPLE.values()) + 2


def test_the_key_log_opens_all_that_was_said(peers: Peers) -> None:
    assert opened(peers, seen(peers, keylogs=[str(peers.keylog)])) == sent(peers)


def test_the_server_key_alone_opens_rsa_key_exchange_and_what_resumes_it(peers: Peers) -> None:
    ours = seen(peers, server_keys=[str(peers.server[1])])
    by_ports = {one.ports: one for one in peers.spoken}
    plain = re.compile(r"(AES|CAMELLIA|NULL)")  # OpenSSL's names of suites without a word in front of the cipher
    expected = {
        ports: told
        for ports, told in sent(peers).items()
        if plain.match(str(by_ports[ports].facts.get("suite_openssl")))
        or told[0] in ("renegotiation by the server", "many renegotiations")
    }
    assert len(expected) > 15
    assert opened(peers, ours) == expected


def test_nothing_opens_without_keys_but_what_is_not_encrypted(peers: Peers) -> None:
    cases = {told[0] for told in opened(peers, seen(peers)).values()}
    assert cases == {"TLSv1.2 NULL-SHA256"}


def test_what_was_negotiated_is_told(peers: Peers) -> None:
    ours = seen(peers, keylogs=[str(peers.keylog)])
    wrong = {}
    for one in peers.spoken:
        report = ours[one.ports].report
        told = {name: getattr(report, name) for name in one.facts}
        if told != one.facts:
            wrong[one.case] = {name: (value, one.facts[name]) for name, value in told.items() if value != one.facts[name]}
    assert wrong == {}


def test_certificates_of_both_sides_are_told(peers: Peers) -> None:
    ours = seen(peers, keylogs=[str(peers.keylog)])
    for one in peers.spoken:
        report = ours[one.ports].report
        if one.case in SIMPLE and not report.resumed:
            assert (one.case, report.server_certificate and report.server_certificate.subject) == (one.case, "CN=etl.test")
            subject = "CN=gpadmin" if SIMPLE[one.case].client_certificate else None
            assert (report.client_certificate and report.client_certificate.subject) == subject


def followed(peers: Peers, capture: Path, *options: str) -> dict[Ports, tuple]:
    """What tshark gets out of each connection, as `sent` has it."""
    asks = [text for number in range(len(peers.spoken)) for text in ("-z", f"follow,tls,raw,{number}")]
    command = [tool("tshark"), "-r", str(capture), *options, "-q", *asks]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {}
    for part in said.split("Follow: tls,raw\n")[1:]:
        one = peers.spoken[int(re.search(r"tcp\.stream eq (\d+)", part)[1])]
        texts = [b"", b""]
        for line in part.splitlines():
            if re.fullmatch(r"\t?[0-9a-f]+", line):
                texts[line.startswith("\t")] += bytes.fromhex(line.strip())
        if not any(texts):
            continue
        # node 0 is who sent the first record that was opened, which may be a ticket
        client = 0 if f"Node 0: 127.0.0.1:{one.ports[0]}\n" in part else 1
        found[one.ports] = (one.case, sha256(texts[client]), sha256(texts[1 - client]))
    return found


def test_tshark_gets_the_same_with_the_key_log(peers: Peers) -> None:
    theirs = followed(peers, peers.capture, "-o", f"tls.keylog_file:{peers.keylog}")
    assert theirs == opened(peers, seen(peers, keylogs=[str(peers.keylog)]))


def test_tshark_gets_the_same_with_the_server_key(peers: Peers) -> None:
    theirs = followed(peers, peers.capture, "-o", f'uat:rsa_keys:"{peers.server[1]}",""')
    ours = opened(peers, seen(peers, server_keys=[str(peers.server[1])]))
    assert theirs == ours


@pytest.mark.parametrize("key", ["key log", "server key"])
def test_a_cut_with_secrets_opens_the_same_here_and_in_tshark(peers: Peers, tmp_path: Path, key: str) -> None:
    option, file = ("--keylog", peers.keylog) if key == "key log" else ("--server-key", peers.server[1])
    out = tmp_path / "out.pcapng"
    result = CliRunner().invoke(gpinspect, ["cut", str(peers.capture), "-o", str(out), "--with-secrets", option, str(file)])
    assert result.exit_code == 0, result.output
    keys = {"keylogs": [str(file)]} if key == "key log" else {"server_keys": [str(file)]}
    before = opened(peers, seen(peers, **keys))
    assert opened(peers, seen(peers, out)) == before
    assert followed(peers, out) == before
