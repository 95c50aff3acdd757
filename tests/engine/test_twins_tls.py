"""Records that the hot loop puts together itself: the same answers as when every frame goes the slow way."""

import random
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from craft import END, Capture, Conversation, ok_head, package, request

from engine.feeding import Kept, feed, record_ends, told
from gpinspect.engine.secure import secured
from gpinspect.engine.sessions import correlate
from gpinspect.engine.tls.keys import KeyStore

ROWS = b"".join(b"%d,some text of row %d\n" % (n, n) for n in range(3000))
SUITES = ["ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"]


class Peer:
    """One end of TLS that talks by way of memory."""

    def __init__(self, context: ssl.SSLContext, server: bool) -> None:
        self.heard, self.said = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.heard, self.said, server_side=server)
        self.ready = False

    def shake(self) -> bytes:
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
            self.ready = True
        return self.said.read()

    def seal(self, data: bytes) -> bytes:
        while data:
            data = data[self.tls.write(data) :]
        return self.said.read()


@cache
def spoken(suite: str) -> tuple[list[tuple[str, bytes]], bytes]:
    """What both sides of a read inside TLS put on the wire, and the key log."""
    with TemporaryDirectory() as folder:
        log = Path(folder, "log")
        client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        client.check_hostname, client.verify_mode, client.keylog_filename = False, ssl.CERT_NONE, str(log)
        server.load_cert_chain(*identity(Path(folder)))
        for context in (client, server):
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(suite)
        peers = {"client": Peer(client, False), "server": Peer(server, True)}
        said, here, there = [], "client", "server"
        while not all(peer.ready for peer in peers.values()):
            said.append((here, peers[here].shake()))
            peers[there].heard.write(said[-1][1])
            here, there = there, here
        said.append(("client", peers["client"].seal(request())))
        for data in (ok_head(), package("/data/a.txt", 0, 1, ROWS), package("/data/a.txt", len(ROWS), 0, ROWS[:900]), END):
            said.append(("server", peers["server"].seal(data)))
        return said, log.read_bytes()


def identity(folder: Path) -> tuple[Path, Path]:
    """A certificate of a server and its key."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gpfdist")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(datetime.datetime(2040, 1, 1))
    coding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(key.private_bytes(*coding))
    return folder / "pem", folder / "key"


def recorded(suite: str, mss: int = 600) -> Capture:
    capture = Capture()
    talk = Conversation(capture, mss=mss)
    talk.open()
    for side, data in spoken(suite)[0]:
        talk.send(side, data)  # type: ignore[arg-type]
    talk.close()
    return capture


def some(chance: random.Random, capture: Capture) -> Iterator[int]:
    """Places of a few frames behind the handshake, from the back."""
    return iter(sorted(chance.sample(range(20, len(capture.records) - 8), 5), reverse=True))


def missing(chance: random.Random, capture: Capture) -> None:
    for at in some(chance, capture):
        del capture.records[at]


def late(chance: random.Random, capture: Capture) -> None:
    for at in some(chance, capture):
        capture.records.insert(at + chance.randrange(1, 6), capture.records.pop(at))


def repeated(chance: random.Random, capture: Capture) -> None:
    for at in some(chance, capture):
        capture.records.insert(at + chance.randrange(1, 6), capture.records[at])


def snapped(chance: random.Random, capture: Capture) -> None:
    for at in some(chance, capture):
        record = capture.records[at]
        capture.records[at] = record._replace(data=record.data[:200])


def garbled(chance: random.Random, capture: Capture) -> None:
    for at in some(chance, capture):
        record = capture.records[at]
        capture.records[at] = record._replace(data=record.data[:-4] + b"\xff\xff\xff\xff")


def ended(chance: random.Random, capture: Capture) -> None:
    del capture.records[chance.randrange(20, len(capture.records)) :]


def untouched(chance: random.Random, capture: Capture) -> None:
    """As it was sent."""


TURNS: list[Callable[[random.Random, Capture], None]] = [untouched, missing, late, repeated, snapped, garbled, ended]


def answers(capture: Capture, log: bytes, *cuts: Any, **how: Any) -> tuple[dict[str, Any], list[Any], dict[int, bytes]]:
    keys, kept = KeyStore(), Kept()
    keys.add_keylog(log, "log")
    index = feed(capture, *cuts, keys=keys, store=kept, **how)
    said = [one.report for one in secured(index.connections, correlate(index.connections).connections)]
    return told(index), said, {key: kept.joined(key) for key in kept.pieces}


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("mss", [7, 600, 1448, 40000])
def test_segments_of_any_size_bring_the_rows(suite: str, mss: int) -> None:
    found, [said], content = answers(recorded(suite, mss), spoken(suite)[1])
    assert content == {1: ROWS + ROWS[:900]}
    assert found["exchanges"][0].outcome == "complete"
    assert said.decrypted == "full"


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.__name__)
@pytest.mark.parametrize("suite", SUITES)
def test_the_fast_path_inside_a_record_says_what_the_slow_one_says(suite: str, turn: Callable[..., None]) -> None:
    log = spoken(suite)[1]
    for seed, mss in enumerate((23, 600, 600, 600, 600, 1448, 1448)):
        chance = random.Random(seed)
        capture = recorded(suite, mss)
        turn(chance, capture)
        slow = answers(capture, log, slow=True)
        assert answers(capture, log) == slow
        assert answers(capture, log, record_ends(capture)) == slow
        assert answers(capture, log, [chance.randrange(record_ends(capture)[-1]) for _ in range(10)]) == slow


def test_most_segments_inside_a_record_are_not_shown_to_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    from gpinspect.engine.secure import SecureReader

    calls, feeding = [], SecureReader.feed

    def counted(self: Any, *piece: Any) -> int:
        calls.append(piece)
        return feeding(self, *piece)

    monkeypatch.setattr(SecureReader, "feed", counted)
    capture = recorded(SUITES[0])
    answers(capture, spoken(SUITES[0])[1])
    payload = sum(len(data) for _, data in spoken(SUITES[0])[0])
    assert len(calls) < payload / 600 / 4
