"""What was agreed and how it was closed: versions, suites, client certificates, close_notify, PostgreSQL's negotiation."""

from collections.abc import Iterator
from typing import Final

from gpinspect.analysis.tls_seen import Rule, Seen, Told
from gpinspect.model import Exchange

DOCUMENTED_SUITE: Final = 0x002F
"""TLS_RSA_WITH_AES_128_CBC_SHA, the one suite of 4.3 clients and of the gpfdists manual."""
DOCUMENTED_VERSIONS: Final = frozenset(("TLSv1", "TLSv1.2"))
"""1.0: as documented; 1.2: the same suite where the library forbids 1.0."""
OLD: Final = frozenset(("TLSv1", "TLSv1.1"))
OPENGAUSS_SUITES: Final = frozenset((0x009E, 0x009F, 0xC09E, 0xC09F))
OPENGAUSS_VERSION: Final = "TLSv1.2"
WEAK: Final = (
    ("_anon_", "nobody proves who they are"),
    ("EXPORT", "its keys were made short on purpose"),
    ("_RC4_", "RC4 is broken"),
    ("_RC2_", "RC2 is broken"),
    ("_3DES_", "its blocks of 64 bits repeat in long loads"),
    ("_DES_", "DES has keys of 56 bits"),
)
"""Words of a suite's name, and what they mean."""
REFUSED_ROWS: Final = (1,)


def version(seen: Seen) -> Iterator[Told]:
    """GPI530, GPI531, GPI534."""
    report = seen.report
    values = {"version": report.version or "", "suite": report.suite or "an unknown suite"}
    if report.version == "SSLv3":
        yield Told("GPI534")
    elif report.suite_id == DOCUMENTED_SUITE and report.version in DOCUMENTED_VERSIONS:
        yield Told("GPI531", values)
    elif report.version in OLD:
        yield Told("GPI530", values)


def suite(seen: Seen) -> Iterator[Told]:
    """GPI533, GPI535."""
    name = seen.report.suite
    if name is None:
        return
    if "_WITH_NULL_" in name:
        yield Told("GPI533", {"suite": name})
    why = "; ".join(text for word, text in WEAK if word in name)
    if why:
        yield Told("GPI535", {"suite": name, "why": why})


def client_certificate(seen: Seen) -> Iterator[Told]:
    """GPI540, GPI541: not for PostgreSQL, and not where the server chose a protocol by name, as gpfdist never does."""
    report = seen.report
    if seen.postgres or report.alpn is not None or report.resumed or (seen.fatal is not None and not seen.answered):
        return
    if report.client_certificate_requested is False and report.handshake_done_ns is not None:
        yield Told("GPI541")
    elif report.client_certificate_empty and report.client_certificate is None and seen.answered:
        yield Told("GPI540")


def close(seen: Seen) -> Iterator[Told]:
    """GPI545, GPI546: the server ended the connection without close_notify."""
    report, connection = seen.report, seen.connection
    if seen.postgres or not seen.answered or not seen.whole or connection.closed_by != "server":
        return
    if "server" in report.close_notify or (report.decrypted != "full" and not _no_alert(seen)):
        return
    if seen.fatal is not None and seen.fatal.sender == "server":
        return
    settled = bool(seen.exchanges) and all(map(_settled, seen.exchanges))
    yield Told("GPI545" if settled else "GPI546", ns=connection.end_ns)


def _no_alert(seen: Seen) -> bool:
    """Whether it is certain that the server sent no alert although nothing was opened: up to TLS 1.2 their records can be told."""
    return not seen.opened and not seen.modern and seen.report.version is not None and not seen.report.server.alert_records


def _settled(exchange: Exchange) -> bool:
    """Whether what came proves its own end."""
    return exchange.ended or (exchange.status is not None and (exchange.method == "POST" or exchange.status >= 400))


def opengauss(seen: Seen) -> Iterator[Told]:
    """GPI550, GPI551: where a PostgreSQL connection is not what openGauss documents."""
    report = seen.report
    if not seen.postgres or report.version is None:
        return
    if report.suite is not None and report.suite_id not in OPENGAUSS_SUITES:
        yield Told("GPI550", {"suite": report.suite})
    if report.version != OPENGAUSS_VERSION:
        yield Told("GPI551", {"version": report.version})


def negotiation(seen: Seen) -> Iterator[Told]:
    """GPI552 to GPI555: what was said before TLS, or instead of it."""
    preface = seen.secured.preface
    if preface is None:
        return
    for sender, count in (("client", preface.early_client_bytes), ("server", preface.early_server_bytes)):
        if count:
            yield Told("GPI552", {"count": count, "sender": sender}, key=(sender,))
    if preface.reply == "N":
        if preface.startup:
            yield Told("GPI553")
        elif preface.client_closed and not preface.cancel:
            yield Told("GPI554")
    if seen.secured.negotiation == REFUSED_ROWS:
        yield Told("GPI555")


RULES: Final[tuple[Rule, ...]] = (version, suite, client_certificate, close, opengauss, negotiation)
