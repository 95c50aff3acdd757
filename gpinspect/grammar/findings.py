"""The catalogue of findings: one entry a code, with the words that tables, reports and `explain` use.

Codes are never reused. 0xx the capture, 02x the network, 1xx bytes and heads, 2xx reads and sessions, 4xx writes, 5xx TLS. A load
in which nothing went wrong gives notes only.
"""

from typing import Final

from gpinspect.grammar.finding_kind import Kind as Kind
from gpinspect.grammar.findings_capture import CAPTURE, NETWORK
from gpinspect.grammar.findings_pace import PACE
from gpinspect.grammar.findings_root import ROOT
from gpinspect.grammar.findings_sessions import READS
from gpinspect.grammar.findings_slowness import SLOWNESS
from gpinspect.grammar.findings_tls import FAILURES, SECRETS
from gpinspect.grammar.findings_tls_setup import CERTIFICATES, CHOICES, POSTGRES, SCHEMES
from gpinspect.grammar.findings_wire import BYTES
from gpinspect.grammar.findings_writes import WRITES

ALL: Final = (
    *CAPTURE,
    *NETWORK,
    *BYTES,
    *READS,
    *SLOWNESS,
    *PACE,
    *ROOT,
    *WRITES,
    *SECRETS,
    *FAILURES,
    *CERTIFICATES,
    *CHOICES,
    *POSTGRES,
    *SCHEMES,
)
_BY_CODE: Final = {kind.code: kind for kind in ALL}
_BY_NAME: Final = {kind.name: kind for kind in ALL}


def kind(code: str) -> Kind:
    """The entry of a code.

    Raises:
        KeyError: No such code; only a fault of the program asks for one.
    """
    return _BY_CODE[code]


def lookup(text: str) -> Kind | None:
    """The entry with this code or name, in any case; None when there is none."""
    wanted = text.strip()
    return _BY_CODE.get(wanted.upper()) or _BY_NAME.get(wanted.lower())
