"""What is compared before and after a capture was put under a mask, and what must not be found in it any more."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from gpinspect.inspection import Inspection, inspect

SAID_ON_PURPOSE = {b"text", b"plain", b"file", b"gpfdist", b"status"}
"""Words of HTTP and of gpfdist's own error texts that files and rows may use as well."""


def told(path: Path) -> dict[str, Any]:
    """Everything that is judged of a capture and holds no name: verdicts, findings, outcomes, counts, places, times."""
    with inspect([str(path)]) as found:
        return {
            "sessions": [
                (one.id, one.delivery, one.segments, one.proto, one.exchanges, one.payload_bytes, one.start_ns, one.end_ns)
                for one in found.sessions
            ],
            # in order of their names, which are others under a mask
            "files": [
                sorted((file.bytes, file.packages, file.gaps, file.overlaps) for file in one.files) for one in found.sessions
            ],
            "findings": [
                (one.code, one.session, one.segment, one.exchange, one.connection, one.time_ns, one.frames)
                for one in found.findings
            ],
            "exchanges": [
                (one.id, one.session, one.outcome, one.payload_bytes, one.status, one.frames, one.message_counts, one.missing_bytes)
                for one in found.exchanges
            ],
            "packages": [[package._replace(capture=0) for package in one.packages] for one in found.exchanges],
            "connections": [
                (one.id, one.kind, one.client_bytes, one.server_bytes, one.missing_bytes, one.retransmitted_bytes, one.frames)
                for one in found.connections
            ],
        }


def words(data: bytes) -> set[bytes]:
    """Runs of letters and digits longer than three."""
    return set(re.findall(rb"[0-9A-Za-z\x80-\xff]{4,}", data))


def names(found: Inspection) -> set[bytes]:
    """Words of users, databases, paths and files, and all addresses as text and as on the wire."""
    secret: set[bytes] = set()
    for one in found.exchanges:
        for text in (one.user, one.database, one.path):
            secret |= words((text or "").encode("latin-1", "replace"))
        for name in one.packages.files:
            secret |= words(name)
    for connection in found.connections:
        for host in (connection.client.host, connection.server.host):
            secret |= {host.encode(), ip_address(host).packed}
    return secret - SAID_ON_PURPOSE


def left(secret: Iterable[bytes], data: bytes) -> list[bytes]:
    """Which of these are still there."""
    return sorted(one for one in secret if one in data)
