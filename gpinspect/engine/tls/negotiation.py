"""One handshake: what both sides said in it, and up to TLS 1.2 the master secrets that it may have led to."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from gpinspect.engine.tls import handshake as hs
from gpinspect.engine.tls import keys as key_labels
from gpinspect.engine.tls import reasons, suites
from gpinspect.engine.tls.derive import MASTER_LENGTH, prf, transcript_hash
from gpinspect.engine.tls.handshake import ClientHello, ServerHello
from gpinspect.engine.tls.keys import KeyStore, ServerKey
from gpinspect.engine.tls.protection import Opener, classic_openers
from gpinspect.engine.tls.suites import Suite

TLS13 = 0x0304
LARGEST_FLIGHT = 1 << 20
_MOST_CANDIDATES = 5000


class Problem(NamedTuple):
    """A reason (see `reasons`) with the values of its sentence."""

    code: str
    values: dict[str, object]


class Candidate(NamedTuple):
    """A master secret that may be the right one, and the openers it gives for client and server."""

    master: bytes
    random: bytes
    label: str  # of the key log line it came from, "" = another source
    openers: tuple[Opener, Opener]


class Negotiation:
    """Facts of one handshake; a renegotiation is another one."""

    def __init__(self, keys: KeyStore, index: int) -> None:
        self.keys = keys
        self.index = index  # 0 = the first of the connection
        self.client_hello: ClientHello | None = None
        self.server_hello: ServerHello | None = None
        self.retried = False
        self.server_done = False
        self.switched = [False, False]  # ChangeCipherSpec seen, per side
        self.resumed: bool | None = None
        self.flight_broken = False
        self.sealed_premaster: bytes | None = None
        self.server_certificate: bytes | None = None
        self.proven: Candidate | None = None
        self.unverified = False
        self._flights: tuple[list[bytes], list[bytes]] = ([], [])
        self._flight_size = 0
        self._tickets: list[bytes] = []
        self._candidates: list[Candidate] | None = None
        self._revision = -1
        self.problem: Problem | None = None

    # what was said

    @property
    def suite(self) -> Suite | None:
        return suites.suite(self.server_hello.suite) if self.server_hello else None

    @property
    def minor(self) -> int | None:
        """Second byte of the negotiated version: 0 = SSL 3.0, 4 = TLS 1.3."""
        return self.server_hello.version & 0xFF if self.server_hello else None

    @property
    def modern(self) -> bool:
        return self.retried or (self.server_hello is not None and self.server_hello.version >= TLS13)

    def says(self, extension: int) -> bool:
        """Whether the server took an extension; what the client offers decides nothing."""
        return self.server_hello is not None and extension in self.server_hello.extensions

    @property
    def mac_outside(self) -> bool:
        """Encrypt-then-MAC is in force (block ciphers only, RFC 7366)."""
        suite = self.suite
        return suite is not None and suite.mode == suites.CBC and self.says(hs.ENCRYPT_THEN_MAC)

    @property
    def ticket(self) -> bytes | None:
        """The ticket that the client brought along."""
        return (self.client_hello.extensions.get(hs.SESSION_TICKET) or None) if self.client_hello else None

    def keep(self, side: int, kind: int, message: bytes) -> None:
        """Remember a message for the session hash: from ClientHello to ClientKeyExchange, HelloRequest left out."""
        flight = self._flights[side]
        over = self.sealed_premaster is not None or (side == 1 and self.server_done)
        if kind == hs.HELLO_REQUEST or over or self.modern:
            return
        self._flight_size += len(message)
        if self._flight_size > LARGEST_FLIGHT:
            self.flight_broken = True
            return
        flight.append(message)
        self._candidates = None

    def give_ticket(self, ticket: bytes) -> None:
        """The server sent a ticket; it leads back to this session's master secret."""
        if self.proven:
            self.keys.remember_ticket(ticket, self.proven.master)
        elif len(self._tickets) < 8:
            self._tickets.append(ticket)

    # what may open it, up to TLS 1.2

    def candidates(self) -> list[Candidate]:
        """Master secrets to be tried, best first; `problem` says why there is none."""
        if self._candidates is None or self._revision != self.keys.revision:
            self._revision = self.keys.revision
            self.problem = self.unsupported()
            self._candidates = [] if self.problem else list(self._find())
        return self._candidates

    def prove(self, candidate: Candidate) -> None:
        """A record authenticated under this candidate: it is the one, also for sessions that continue this one."""
        if self.proven:
            return
        self.proven = candidate
        self._candidates = [candidate]
        self._flights[0].clear()
        self._flights[1].clear()
        if candidate.label:
            value = candidate.master if candidate.label == key_labels.MASTER else candidate.random
            self.keys.mark_used(candidate.random, candidate.label, value)
        if self.server_hello:
            self.keys.remember_session(self.server_hello.session_id, candidate.master)
        for ticket in self._tickets:
            self.keys.remember_ticket(ticket, candidate.master)
        self._tickets.clear()

    def drop_guesses(self) -> None:
        """Let go of guessed secrets (those of a connection without ClientHello) that no record has borne out."""
        if self.proven is None and self.client_hello is None and self._candidates:
            self._candidates = []
            self.problem = Problem(reasons.NO_CLIENT_HELLO, {})

    def unsupported(self) -> Problem | None:
        """Why no secret could open this at all."""
        if self.server_hello is None or self.suite is None:
            return Problem(reasons.NO_HANDSHAKE if self.client_hello is None else reasons.NO_SERVER_HELLO, {})
        if self.server_hello.version < 0x0301:
            return Problem(reasons.SSL3, {})
        if self.suite.mode == suites.UNSUPPORTED:
            return Problem(reasons.SUITE, {"suite": self.suite.name})
        if self.server_hello.compression and not self.modern:
            return Problem(reasons.COMPRESSION, {"method": self.server_hello.compression})
        return None

    def _find(self) -> Iterator[Candidate]:
        found = 0
        for master, random, label in self._masters():
            candidate = self._candidate(master, random, label)
            if candidate:
                found += 1
                self.problem = None
                yield candidate
        if not found and self.problem is None:
            self.problem = self._why_none()

    def _candidate(self, master: bytes, random: bytes, label: str) -> Candidate | None:
        hello, suite = self.server_hello, self.suite
        if hello is None or suite is None or len(master) != MASTER_LENGTH:
            return None
        openers = classic_openers(suite, hello.version & 0xFF, master, random, hello.random, self.mac_outside)
        return Candidate(master, random, label, openers)

    def _masters(self) -> Iterator[tuple[bytes, bytes, str]]:
        """(master, client random, key log label) from every source."""
        keys, hello, answer = self.keys, self.client_hello, self.server_hello
        if answer is None:
            return
        if hello is None:
            most = min(_MOST_CANDIDATES, keys.guesses_left)
            for random in islice(keys.randoms(), most):
                keys.guesses_left -= 1
                for master in keys.secrets(random, key_labels.MASTER):
                    yield master, random, key_labels.MASTER
            return
        for master in keys.secrets(hello.random, key_labels.MASTER):
            yield master, hello.random, key_labels.MASTER
        for premaster in keys.secrets(hello.random, key_labels.PREMASTER):
            yield self._master(premaster), hello.random, key_labels.PREMASTER
        resumed = keys.resumed_master(answer.session_id, self.ticket) if self.resumed is not False else None
        if resumed:
            yield resumed, hello.random, ""
        if self.sealed_premaster and self.suite and self.suite.key_exchange == "RSA":
            known = keys.premaster(self.sealed_premaster)
            if known:
                yield self._master(known), hello.random, ""
            for premaster in self._decrypted(self.sealed_premaster, hello, answer):
                yield self._master(premaster), hello.random, ""

    def _decrypted(self, sealed: bytes, hello: ClientHello, answer: ServerHello) -> Iterator[bytes]:
        """Premaster secrets that server keys give, each step checked: the certificate, the length, the version."""
        for key in self._fitting_keys():
            premaster = key.decrypt(sealed)
            versions = (hello.version, answer.version)
            if premaster is None or len(premaster) != MASTER_LENGTH or int.from_bytes(premaster[:2], "big") not in versions:
                self.problem = self.problem or Problem(reasons.PREMASTER, {"name": key.name})
            elif self.flight_broken and self.says(hs.EXTENDED_MASTER_SECRET):
                self.problem = Problem(reasons.MASTER_HASH, {})
            else:
                yield premaster

    def _fitting_keys(self) -> list[ServerKey]:
        """Server keys that are those of the certificate; all of them where the certificate cannot be read or was not seen."""
        given = self.keys.server_keys
        if not given or self.server_certificate is None:
            return given[:16]
        certificate = self.keys.certificate(self.server_certificate)
        wanted = certificate.key_fingerprint if certificate else None
        if wanted is None:
            return given[:16]
        fitting = [key for key in given if key.fingerprint == wanted]
        if not fitting:
            values: dict[str, object] = {"name": given[0].name, "given": given[0].fingerprint[:16], "wanted": wanted[:16]}
            self.problem = Problem(reasons.KEY_MISMATCH, values)
        return fitting

    def _master(self, premaster: bytes) -> bytes:
        hello, answer, suite = self.client_hello, self.server_hello, self.suite
        assert hello and answer and suite
        minor = answer.version & 0xFF
        if self.says(hs.EXTENDED_MASTER_SECRET):
            client, server = self._flights
            messages = b"".join((*client[:1], *server, *client[1:]))
            return prf(
                minor, suite.prf, premaster, b"extended master secret", transcript_hash(minor, suite.prf, messages), MASTER_LENGTH
            )
        return prf(minor, suite.prf, premaster, b"master secret", hello.random + answer.random, MASTER_LENGTH)

    def _why_none(self) -> Problem:
        keys, suite = self.keys, self.suite
        exchange = suite.key_exchange if suite else ""
        secret, rsa = suite is not None and suite.forward_secret, exchange == "RSA"
        code = reasons.NO_LINE
        if keys.empty:
            code = reasons.NO_KEY_FORWARD_SECRET if secret else reasons.NO_KEY if rsa else reasons.NO_KEY_LOG
        elif self.client_hello is None:
            code = reasons.NO_CLIENT_HELLO
        elif not keys.has_key_log and not rsa:
            code = reasons.FORWARD_SECRET if secret else reasons.NOT_RSA
        elif self.resumed and keys.server_keys and rsa:
            code = reasons.FIRST_HANDSHAKE
        elif not keys.has_key_log:
            code = reasons.NO_CLIENT_KEY_EXCHANGE
        random = self.client_hello.random[:8].hex() if self.client_hello else ""
        return Problem(code, {"random": random, "exchange": exchange, "renegotiation": self.index})
