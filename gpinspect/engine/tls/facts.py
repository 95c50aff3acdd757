"""What a connection has told by now, and the report made of it."""

from collections.abc import Sequence

from gpinspect.engine.tls import handshake as hs
from gpinspect.engine.tls import reasons
from gpinspect.engine.tls.direction import Direction
from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.modern import Modern
from gpinspect.engine.tls.negotiation import Negotiation, Problem
from gpinspect.engine.tls.report import Alert, Certificate, TlsReport
from gpinspect.engine.tls.suites import Suite

_MOST_ALERTS = 64
_MOST_MASTERS = 65536
_VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
_CURABLE = frozenset(
    (
        reasons.NO_KEY,
        reasons.NO_KEY_LOG,
        reasons.NO_KEY_FORWARD_SECRET,
        reasons.FORWARD_SECRET,
        reasons.NOT_RSA,
        reasons.NO_LINE,
        reasons.NO_CLIENT_KEY_EXCHANGE,
        reasons.KEY_MISMATCH,
        reasons.PREMASTER,
        reasons.MASTER_HASH,
        reasons.FIRST_HANDSHAKE,
        reasons.DOES_NOT_FIT,
        reasons.NO_CLIENT_HELLO,
    )
)
"""Reasons that key material which comes later may take away."""


def version_name(number: int) -> str:
    return _VERSIONS.get(number, f"0x{number:04x}")


class Facts:
    """Collected while records come; bounded."""

    def __init__(self, keys: KeyStore) -> None:
        self.keys = keys
        self.negotiations: list[Negotiation] = []
        self.earlier_masters: list[tuple[bytes, bytes]] = []  # client random and master secret of negotiations no longer kept
        self.negotiation_count = 1
        self.alerts: list[Alert] = []
        self.close_notify: list[str] = []
        self.certificate_requested: bool | None = None
        self.certificate_empty = False
        self.chains: list[tuple[tuple[bytes, ...], int] | None] = [None, None]
        self.asked_by_server = False
        self.protocol: str | None = None
        self.key_updates = 0
        self.done_ns: int | None = None
        self.located: Modern | None = None
        self.problems: dict[str, tuple[dict[str, object], int]] = {}

    def add(self, negotiation: Negotiation) -> None:
        """A renegotiation; only the last ones are kept."""
        self.negotiation_count += 1
        self.negotiations.append(negotiation)
        if len(self.negotiations) > 16:
            gone = self.negotiations.pop(1).proven
            if gone and len(self.earlier_masters) < _MOST_MASTERS:
                self.earlier_masters.append((gone.random, gone.master))

    def note(self, code: str, values: dict[str, object]) -> None:
        """Something is not opened; the first of a kind is told, the others are counted."""
        first, count = self.problems.get(code, (values, 0))
        self.problems[code] = first, count + 1

    def alert(self, alert: Alert, closing: bool) -> None:
        if len(self.alerts) < _MOST_ALERTS:
            self.alerts.append(alert)
        if closing and alert.sender not in self.close_notify:
            self.close_notify.append(alert.sender)

    def certificates(self, side: int, chain: tuple[bytes, ...], ns: int) -> None:
        """A Certificate message; the first one that holds a certificate stands."""
        if side == 0 and not chain:
            self.certificate_empty = True
        if chain and self.chains[side] is None:
            self.chains[side] = chain, ns

    def resumed(self, negotiation: Negotiation) -> None:
        if negotiation.resumed and not negotiation.modern:
            self.not_requested()

    def not_requested(self) -> None:
        """A handshake passed in which the server could have asked for a certificate and did not."""
        if self.certificate_requested is None:
            self.certificate_requested = False


def build_report(facts: Facts, directions: Sequence[Direction], early_accepted: bool | None) -> TlsReport:
    """Put the report together; certificates are read here, not before."""
    first = facts.negotiations[0]
    hello, answer = first.client_hello, first.server_hello
    suite = first.suite
    version = version_name(answer.version) if answer else "TLSv1.3" if first.retried else None
    if answer is None and facts.located:
        suite, version = facts.located.suite, "TLSv1.3"
    chains = [_chain(facts, side) for side in (0, 1)]
    decrypted, problem = _verdict(facts, directions)
    classic = answer is not None and not first.modern
    return TlsReport(
        version=version,
        versions_offered=tuple(version_name(v) for v in hello.versions) if hello else (),
        suite=suite.name if suite else None,
        suite_openssl=suite.openssl if suite else None,
        suite_id=suite.id if suite else None,
        key_exchange=_key_exchange(suite),
        forward_secret=suite.forward_secret if suite else None,
        sni=hello.server_name if hello else None,
        alpn=facts.protocol or (hs.parse_protocol_name(answer.extensions.get(hs.ALPN, b"")) if answer else None),
        resumed=first.resumed,
        resumption=_resumption(first),
        extended_master_secret=first.says(hs.EXTENDED_MASTER_SECRET) if classic else None,
        encrypt_then_mac=first.mac_outside if classic else None,
        secure_renegotiation=first.says(hs.RENEGOTIATION_INFO) if classic else None,
        renegotiations=facts.negotiation_count - 1 - (facts.negotiations[-1].server_hello is None and facts.negotiation_count > 1),
        renegotiation_asked_by_server=facts.asked_by_server,
        retried=first.retried,
        early_data=_early(first, early_accepted),
        key_updates=facts.key_updates,
        handshake_done_ns=facts.done_ns,
        client_certificate_requested=facts.certificate_requested,
        server_certificate=next(iter(chains[1][0]), None) if not chains[1][2] else None,
        client_certificate=next(iter(chains[0][0]), None) if not chains[0][2] else None,
        server_chain=chains[1][0],
        client_chain=chains[0][0],
        client_certificate_empty=facts.certificate_empty,
        unreadable_certificates=chains[0][1] + chains[1][1],
        alerts=tuple(facts.alerts),
        close_notify=tuple(facts.close_notify),
        authenticated=not any(n.unverified for n in facts.negotiations),
        decrypted=decrypted,
        reason=reasons.sentence(problem.code, problem.values) if problem else None,
        reason_code=problem.code if problem else None,
        needs_secrets=problem is not None and problem.code in _CURABLE,
        client=directions[0].report(),
        server=directions[1].report(),
    )


def _chain(facts: Facts, side: int) -> tuple[tuple[Certificate, ...], int, bool]:
    """Certificates that could be read, how many could not, and whether the first of the chain is among the latter."""
    held = facts.chains[side]
    if held is None:
        return (), 0, False
    chain, ns = held
    read = [facts.keys.certificate(der) for der in chain]
    good = tuple(certificate.at(ns) for certificate in read if certificate)
    return good, len(read) - len(good), read[0] is None


def _key_exchange(suite: Suite | None) -> str | None:
    if suite is None or suite.key_exchange == "unknown":
        return None
    return suite.key_exchange if suite.key_exchange != "any" else "(EC)DHE or PSK"


def _resumption(negotiation: Negotiation) -> str | None:
    if not negotiation.resumed:
        return None
    return "psk" if negotiation.modern else "ticket" if negotiation.ticket else "id"


def _early(negotiation: Negotiation, accepted: bool | None) -> str | None:
    if negotiation.client_hello is None or hs.EARLY_DATA not in negotiation.client_hello.extensions:
        return None
    return {True: "accepted", False: "rejected", None: "offered"}[accepted]


def _verdict(facts: Facts, directions: Sequence[Direction]) -> tuple[str, Problem | None]:
    """`decrypted` and, when it is not full, why."""
    opened = sum(d.protection.opened if d.protection else 0 for d in directions) + sum(d.data_records for d in directions)
    data = sum(d.data_records for d in directions)
    unread = sum(d.unread for d in directions)
    missing = sum(d.lost + d.failed for d in directions)
    waiting = sum(len(d.waiting) for d in directions)
    if not opened or (not data and (unread or missing or waiting)):
        return "none", _why_none(facts, directions, unread + waiting)
    if unread or missing or waiting:
        return "partial", _why_partial(facts, directions)
    return "full", None


def _locked_problem(facts: Facts, directions: Sequence[Direction]) -> Problem | None:
    """Why the protection that a direction has now (or had, in an earlier handshake) does not open."""
    for negotiation in facts.negotiations:
        if negotiation.proven or negotiation.unverified or not (any(negotiation.switched) or negotiation.modern):
            continue
        candidates = negotiation.candidates() if not negotiation.modern else []
        if negotiation.problem:
            return negotiation.problem
        if candidates:
            return Problem(reasons.NO_CLIENT_HELLO if negotiation.client_hello is None else reasons.DOES_NOT_FIT, {})
    for direction in directions:
        protection = direction.protection
        if isinstance(protection, Modern) and protection.locked and (direction.unread or direction.waiting):
            return _modern_problem(facts, protection)
    return None


def _modern_problem(facts: Facts, protection: Modern) -> Problem:
    keys = facts.keys
    if keys.empty:
        return Problem(reasons.NO_KEY_FORWARD_SECRET, {})
    if not keys.has_key_log:
        return Problem(reasons.FORWARD_SECRET, {})
    if any(protection.has_secret(stage) for stage in range(3)):
        return Problem(reasons.DOES_NOT_FIT, {})
    return Problem(reasons.NO_LINE, {"random": protection.random[:8].hex()})


def _why_none(facts: Facts, directions: Sequence[Direction], unread: int) -> Problem:
    fatal = next((a for a in facts.alerts if not a.encrypted and (a.level == "fatal" or a.description != "close_notify")), None)
    # up to TLS 1.2 the type of a record tells data from handshake; in TLS 1.3 an alert in the clear is one before there were keys
    early = facts.negotiations[0].modern or not any(d.unread_data for d in directions)
    if fatal and early and not any(d.blind for d in directions):
        return Problem(reasons.HANDSHAKE_FAILED, {"description": fatal.description, "sender": fatal.sender})
    first = facts.negotiations[0]
    unsupported = first.unsupported() if first.server_hello else None
    if unsupported:
        return unsupported
    if any(d.blind for d in directions) and first.server_hello is None:
        return Problem(reasons.NO_HANDSHAKE if first.client_hello is None else reasons.NO_SERVER_HELLO, {})
    if unread:
        locked = _locked_problem(facts, directions)
        if locked:
            return locked
        if first.server_hello is None or first.client_hello is None:
            code = (
                reasons.NO_SERVER_HELLO
                if first.client_hello
                else reasons.NO_CLIENT_HELLO
                if first.server_hello
                else reasons.NO_HANDSHAKE
            )
            return Problem(code, {})
    noted = _noted(facts)
    return noted if noted else Problem(reasons.NO_DATA, {})


def _why_partial(facts: Facts, directions: Sequence[Direction]) -> Problem:
    unread = any(d.unread or d.waiting for d in directions)
    locked = _locked_problem(facts, directions) if unread else None
    noted = _noted(facts)
    if locked or noted:
        return locked or noted  # type: ignore[return-value]
    return Problem(reasons.NO_HANDSHAKE if any(d.blind for d in directions) else reasons.DOES_NOT_FIT, {})


def _noted(facts: Facts) -> Problem | None:
    for code in (reasons.LOST, reasons.AUTHENTICATION, reasons.EARLY_CLEAR):
        if code in facts.problems:
            values, count = facts.problems[code]
            others = count - 1
            more = f" (and {others} more)" if others else ""
            return Problem(code, {**values, "more": more})
    return None
