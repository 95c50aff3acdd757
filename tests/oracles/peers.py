"""Fresh TLS conversations over real sockets, and what was said in them, suite by suite and feature by feature."""

import contextlib
import random
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .programs import Authority, Program
from .wire import HOST, Recorder

VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
FLAGS = {"TLSv1": "-tls1", "TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}
ANSWERS = {"client R": b"RENEGOTIATING", "client K": b"KEYUPDATE", "client k": b"KEYUPDATE", "server r": b"SSL_do_handshake"}
"""What openssl says to its one-letter commands, if anything."""
NO_EMS, NO_ETM, NO_TICKETS = 1, 1 << 19, ssl.OP_NO_TICKET
NAME = "etl.test"


@dataclass
class Spoken:
    """One connection as its peers know it."""

    case: str
    ports: tuple[int, int]  # of client and server
    client: bytes = b""
    server: bytes = b""
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Simple:
    """A conversation of Python's ssl on both sides; `again` more connections take its session up."""

    version: str
    suites: str = "ALL:COMPLEMENTOFALL"
    suite: str = ""  # OpenSSL's name of what is agreed, where `suites` leaves a choice
    options: int = 0
    client_certificate: bool = False
    curve: bool = False  # the server's key is one of an elliptic curve
    again: int = 0
    facts: tuple[tuple[str, object], ...] = ()


def _rsa(version: str, *suites: str) -> dict[str, Simple]:
    return {f"{version} {suite}": Simple(version, suite) for suite in suites}


SIMPLE: dict[str, Simple] = {
    **_rsa("TLSv1", "AES128-SHA", "AES256-SHA", "ECDHE-RSA-AES128-SHA"),
    **_rsa("TLSv1.1", "AES128-SHA", "ECDHE-RSA-AES256-SHA"),
    **_rsa("TLSv1.2", "AES128-SHA", "AES256-SHA256", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-CCM", "AES256-CCM8"),
    **_rsa("TLSv1.2", "CAMELLIA128-SHA", "NULL-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"),
    **_rsa("TLSv1.2", "ECDHE-RSA-CHACHA20-POLY1305"),
    "TLSv1.2 ECDSA": Simple("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", curve=True),
    "TLSv1.3": Simple("TLSv1.3", suite="TLS_AES_256_GCM_SHA384"),
    "no EMS": Simple(
        "TLSv1.2", "AES128-SHA", options=NO_EMS, facts=(("extended_master_secret", False), ("encrypt_then_mac", True))
    ),
    "no EtM": Simple(
        "TLSv1.2", "AES128-SHA", options=NO_ETM, facts=(("extended_master_secret", True), ("encrypt_then_mac", False))
    ),
    "neither": Simple("TLSv1", "AES256-SHA", options=NO_EMS | NO_ETM, facts=(("extended_master_secret", False),)),
    "client certificate 1.2": Simple("TLSv1.2", "AES128-GCM-SHA256", client_certificate=True),
    "client certificate 1.3": Simple("TLSv1.3", suite="TLS_AES_256_GCM_SHA384", client_certificate=True),
    "resumed by id": Simple("TLSv1.2", "AES128-SHA256", options=NO_TICKETS, again=2, facts=(("resumption", "id"),)),
    "resumed by ticket": Simple("TLSv1.2", "AES256-GCM-SHA384", again=1, facts=(("resumption", "ticket"),)),
    "resumed by ticket 1.0": Simple("TLSv1", "AES128-SHA", again=1, facts=(("resumption", "ticket"),)),
    "resumed by PSK": Simple("TLSv1.3", suite="TLS_AES_256_GCM_SHA384", again=1, facts=(("resumption", "psk"),)),
}


@dataclass(frozen=True)
class Typed:
    """A conversation of `openssl s_server` and `s_client`: lines are (who, text); a text without line end is a command."""

    version: str
    server: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    suite: str = ""
    lines: tuple[tuple[str, str], ...] = (("client", "from the client\n"), ("server", "from the server\n"))
    bare: bool = False  # the server has no certificate
    facts: tuple[tuple[str, object], ...] = ()


def _both(version: str, suite: str) -> Typed:
    name = "-ciphersuites" if version == "TLSv1.3" else "-cipher"
    chosen = (name, suite if version == "TLSv1.3" else f"{suite}:@SECLEVEL=0")
    return Typed(version, chosen, chosen, suite)


def _psk(suite: str, bare: bool) -> Typed:
    chosen = ("-cipher", f"{suite}:@SECLEVEL=0", "-psk", "5ec2e7")
    return Typed("TLSv1.2", chosen, chosen, suite, bare=bare)


_TALK = (("client", "one\n"), ("server", "two\n"))
_MORE = (("client", "three\n"), ("server", "four\n"))
TYPED: dict[str, Typed] = {
    "TLSv1 DHE": _both("TLSv1", "DHE-RSA-AES128-SHA"),
    "TLSv1.1 DHE": _both("TLSv1.1", "DHE-RSA-AES256-SHA"),
    **{
        f"openGauss {suite}": _both("TLSv1.2", suite)
        for suite in ("DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES128-CCM", "DHE-RSA-AES256-CCM")
    },
    **{
        f"TLSv1.3 {suite}": _both("TLSv1.3", suite)
        for suite in (
            "TLS_AES_128_GCM_SHA256",
            "TLS_CHACHA20_POLY1305_SHA256",
            "TLS_AES_128_CCM_SHA256",
            "TLS_AES_128_CCM_8_SHA256",
        )
    },
    "PSK": _psk("PSK-AES128-GCM-SHA256", True),
    "DHE-PSK": _psk("DHE-PSK-AES128-CBC-SHA256", True),
    "ECDHE-PSK": _psk("ECDHE-PSK-CHACHA20-POLY1305", True),
    "RSA-PSK": _psk("RSA-PSK-AES256-GCM-SHA384", False),
    "retry": Typed("TLSv1.3", ("-groups", "P-384"), ("-groups", "X25519:P-384"), facts=(("retried", True),)),
    "renegotiation by the client": Typed(
        "TLSv1.2",
        ("-client_renegotiation", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
        lines=(*_TALK, ("client", "R"), *_MORE),
        facts=(("renegotiations", 1), ("renegotiation_asked_by_server", False)),
    ),
    "renegotiation by the server": Typed(
        "TLSv1.2",
        ("-cipher", "AES128-SHA:@SECLEVEL=0"),
        lines=(*_TALK, ("server", "r"), *_MORE),
        facts=(("renegotiations", 1), ("renegotiation_asked_by_server", True)),
    ),
    "many renegotiations": Typed(
        "TLSv1.2",
        ("-client_renegotiation", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"),
        lines=tuple(line for n in range(20) for line in (("client", f"line {n}.\n"), ("client", "R"))) + _TALK,
        facts=(("renegotiations", 20),),
    ),
    "key updates": Typed(
        "TLSv1.3",
        lines=(
            *_TALK,
            ("client", "k"),
            *_MORE,
            ("client", "K"),
            ("client", "five\n"),
            ("server", "six\n"),
            ("server", "K"),
            ("server", "seven\n"),
            ("client", "eight\n"),
        ),
        # one without an answer, and two that ask for one, which goes in front of what is written next
        facts=(("key_updates", 5),),
    ),
}


class Peers:
    """All conversations, recorded. `spoken` is the truth; keys and certificates are files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spoken: list[Spoken] = []
        self.keylog = folder / "keys.log"
        self._authority = Authority(folder)
        self.server = self._authority.issue("server", NAME)
        self._curved = self._authority.issue("curved", NAME, curve=True)
        self._client = self._authority.issue("client", "gpadmin")
        with Recorder() as self._recorder:
            for name, simple in SIMPLE.items():
                self._simple(name, simple)
            for name, typed in TYPED.items():
                self._typed(name, typed)
            self._early()
        self.capture = self._recorder.write(folder / "peers.pcap")

    def _say(self, case: str, number: int, client: bytes, server: bytes, facts: dict[str, object]) -> None:
        self.spoken.append(Spoken(case, self._recorder.ports[number], client, server, facts))

    # Python on both sides

    def _context(self, role: int, case: Simple, identity: tuple[Path, Path] | None) -> ssl.SSLContext:
        context = ssl.SSLContext(role)
        context.check_hostname = False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = VERSIONS[case.version]
        context.set_ciphers(f"{case.suites}:@SECLEVEL=0")
        context.load_verify_locations(self._authority.certificate)
        if identity:
            context.load_cert_chain(*identity)
        return context

    def _simple(self, name: str, case: Simple) -> None:
        server = self._context(ssl.PROTOCOL_TLS_SERVER, case, self._curved if case.curve else self.server)
        server.options |= case.options
        server.keylog_filename = str(self.keylog)
        server.verify_mode = ssl.CERT_REQUIRED if case.client_certificate else ssl.CERT_NONE
        client = self._context(ssl.PROTOCOL_TLS_CLIENT, case, self._client if case.client_certificate else None)
        chance = random.Random(name)
        session = None
        with socket.create_server((HOST, 0)) as listener:
            port = self._recorder.port_to(listener.getsockname()[1])
            for number in range(1 + case.again):
                asked, answered = chance.randbytes(379), chance.randbytes(20_019 + number)
                serving = threading.Thread(target=_serve, args=(listener, server, asked, answered), daemon=True)
                serving.start()
                with (
                    socket.create_connection((HOST, port)) as bare,
                    client.wrap_socket(bare, server_hostname=NAME, session=session) as inside,
                ):
                    inside.sendall(asked)
                    assert _receive(inside, len(answered)) == answered
                    session = inside.session
                    suite, resumed = inside.cipher()[0], inside.session_reused
                    with contextlib.suppress(OSError):
                        inside.unwrap()
                serving.join(10)
                assert resumed == bool(number)
                facts = {"version": case.version, "suite_openssl": case.suite or case.suites, "resumed": resumed}
                facts |= {k: v for k, v in case.facts if k != "resumption" or resumed}
                if not resumed:
                    facts["client_certificate_requested"] = case.client_certificate
                assert suite == facts["suite_openssl"]
                self._say(name, len(self._recorder.ports) - 1, asked, answered, facts)

    # openssl on both sides

    @contextlib.contextmanager
    def _s_server(self, case: Typed) -> Iterator[tuple[Program, int]]:
        identity = ("-nocert",) if case.bare else ("-cert", self.server[0], "-key", self.server[1])
        with Program(
            "openssl", "s_server", "-accept", f"{HOST}:0", *identity, FLAGS[case.version], "-keylogfile", self.keylog, *case.server
        ) as program:
            program.wait_for(b"ACCEPT ")
            line = next(line for line in program.said.splitlines() if line.startswith(b"ACCEPT "))
            yield program, self._recorder.port_to(int(line.rpartition(b":")[2]))

    def _typed(self, name: str, case: Typed) -> None:
        said = {"client": b"", "server": b""}
        with self._s_server(case) as (server, port), self._s_client(port, case) as client:
            programs = {"client": client, "server": server}
            client.wait_for(b"---\n")
            server.wait_for(b"-----END SSL SESSION PARAMETERS-----")
            for who, text in case.lines:
                there = programs["server" if who == "client" else "client"]
                if text.endswith("\n"):
                    said[who] += text.encode()
                    programs[who].type(text.encode())
                    there.wait_for(text.encode(), said[who].count(text.encode()))
                else:
                    frames = len(self._recorder.capture)
                    programs[who].command(text.encode(), ANSWERS.get(f"{who} {text}"))
                    self._recorder.wait_beyond(frames)
            client.type(b"Q\n")
            client.ended()
        self._recorder.settle()
        facts = {"version": case.version, **({"suite_openssl": case.suite} if case.suite else {}), **dict(case.facts)}
        self._say(name, len(self._recorder.ports) - 1, said["client"], said["server"], facts)

    def _s_client(self, port: int, case: Typed, *more: str | Path) -> Program:
        return Program(
            "openssl", "s_client", "-connect", f"{HOST}:{port}", "-servername", NAME, FLAGS[case.version], *case.client, *more
        )

    def _early(self) -> None:
        """A first connection gets a ticket, a second one sends early data with it."""
        case = Typed("TLSv1.3", ("-early_data",))
        ticket, early = self.folder / "ticket.pem", self.folder / "early.txt"
        early.write_bytes(b"early from the client\n" * 20)
        with self._s_server(case) as (server, port):
            for number, more in enumerate((("-sess_out", ticket), ("-sess_in", ticket, "-early_data", early))):
                with self._s_client(port, case, *more) as client:
                    client.type(b"late from the client\n")
                    server.wait_for(b"late from the client\n", number + 1)
                    server.type(b"from the server\n")
                    client.wait_for(b"from the server\n")
                    client.type(b"Q\n")
                    client.ended()
                sent = (early.read_bytes() if number else b"") + b"late from the client\n"
                facts = {"version": "TLSv1.3", "early_data": "accepted" if number else None, "resumed": bool(number)}
                self._say("early data", len(self._recorder.ports) - 1, sent, b"from the server\n", facts)
        self._recorder.settle()


def _receive(peer: ssl.SSLSocket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = peer.recv(count - len(data))
        assert piece, "the peer left early"
        data += piece
    return data


def _serve(listener: socket.socket, context: ssl.SSLContext, asked: bytes, answered: bytes) -> None:
    bare, _ = listener.accept()
    with bare, context.wrap_socket(bare, server_side=True) as inside:
        assert _receive(inside, len(asked)) == asked
        inside.sendall(answered)
        with contextlib.suppress(OSError):
            inside.unwrap()
