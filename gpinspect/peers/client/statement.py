"""What all segments of one SQL statement say, and the heads that they send for it, release by release.

The bytes are made by `gpinspect.grammar.httpbuild`; here is decided what stands in them.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Final

from gpinspect.errors import EncodeError
from gpinspect.grammar.csvopt import CsvOptions
from gpinspect.grammar.httpbuild import RELEASES, SegmentRequest, build_head, build_request
from gpinspect.grammar.paths import STATUS_PAGE
from gpinspect.peers.client.place import Place, on_wire

CSVOPT_FORM: Final = {"4.3": "old", "5": "plain", "6": "padded", "7": "padded"}
EXPECT_ABOVE: Final = {"4.3": 1024, "5": 1024, "6": 1 << 20, "7": 1 << 20}
"""Bytes of a body above which libcurl asks `Expect: 100-continue`: the libcurl of the time, not the segment, decides."""

OFFERS_ZSTD: Final = frozenset(("7",))
"""Releases whose segments all offer compression; those of 6.27 and later may."""

NEWLINES: Final = {"": (b"", 0), "LF": (b"\n", 1), "CR": (b"\r", 2), "CRLF": (b"\r\n", 3)}
"""SQL NEWLINE to the bytes of X-GP-LINE-DELIM-STR and the number in X-GP-CSVOPT."""

TEXT_ESCAPE, CSV_QUOTE = 92, 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One SQL statement on an external table. `{segment}` in a text stands for the Greenplum segment id.

    Texts that are empty are not sent, as libcurl drops a header without value.
    """

    release: str = "6"
    xid: str
    cid: str = "1"
    sn: str = "0"
    segment_count: int = 1
    proto: int = 1  # of reads; writes say 0
    csv: bool = False
    quote: int = CSV_QUOTE
    escape: int | None = None  # None: that of the format
    header: bool = False
    newline: str = ""  # one of NEWLINES
    line_delimiter: bytes | None = None  # of a custom formatter; None: that of `newline`
    zstd: int | None = None  # what X-GP-ZSTD offers
    master_host: str = "127.0.0.1"
    master_port: str = "5432"
    seg_pg_conf: str = "/data/primary/gpseg{segment}/postgresql.conf"
    seg_datadir: str = "/data/primary/gpseg{segment}"
    seg_logdir: str = ""
    seg_port: int | None = 6000  # of segment 0; segment n has so many more
    database: str = "gpadmin"
    user: str = "gpadmin"
    gp_session_id: str = "1"
    csvopt_text: str | None = None  # instead of what the options give

    def __post_init__(self) -> None:
        if self.release not in RELEASES:
            raise EncodeError(f"release {self.release!r}; known are {', '.join(RELEASES)}")
        if self.newline not in NEWLINES:
            raise EncodeError(f"newline {self.newline!r}; known are LF, CR and CRLF")
        if self.proto not in (0, 1):
            raise EncodeError(f"protocol {self.proto}; gpfdist speaks 0 and 1")

    @property
    def csvopt(self) -> str:
        """X-GP-CSVOPT in the form of the release."""
        if self.csvopt_text is not None:
            return self.csvopt_text
        quote = self.quote if self.csv else 0
        escape = self.escape if self.escape is not None else quote if self.csv else TEXT_ESCAPE
        newline = NEWLINES[self.newline][1]
        return CsvOptions(self.csv, escape, quote, newline, self.header, CSVOPT_FORM[self.release]).build()

    @property
    def delimiter(self) -> bytes:
        """Row end that X-GP-LINE-DELIM-STR declares; empty: none."""
        return NEWLINES[self.newline][0] if self.line_delimiter is None else self.line_delimiter

    @property
    def row_end(self) -> bytes:
        """What ends a row that is written."""
        return self.delimiter or b"\n"

    def read_head(self, place: Place, gp_segment: int, address: str | None = None) -> bytes:
        """The GET of a segment; `address` is what the host of the URL was resolved to.

        Raises:
            EncodeError: A value would break its line, or a segment could not send it.
        """
        request = SegmentRequest(
            method="GET",
            target=place.target,
            host=place.authority(address),
            xid=self.xid,
            cid=self.cid,
            sn=self.sn,
            gp_segment=gp_segment,
            segment_count=self.segment_count,
            line_delimiter=self.delimiter,
            proto=self.proto,
            zstd=self.zstd,
            csvopt=self.csvopt,
            master_host=self.master_host,
            master_port=self.master_port,
            seg_pg_conf=_own(self.seg_pg_conf, gp_segment),
            seg_datadir=_own(self.seg_datadir, gp_segment),
            seg_logdir=_own(self.seg_logdir, gp_segment),
            database=on_wire(self.database),
            user=on_wire(self.user),
            seg_port="" if self.seg_port is None else str(self.seg_port + gp_segment),
            gp_session_id=self.gp_session_id,
            transform=place.transform,
        )
        return build_request(request, self.release)

    def write_head(
        self, place: Place, gp_segment: int, address: str | None, *, seq: int, done: bool, length: int, expect: bool
    ) -> bytes:
        """One POST of a segment; its body has `length` bytes.

        Raises:
            EncodeError: As `read_head`.
        """
        request = SegmentRequest(
            method="POST",
            target=place.target,
            host=place.authority(address),
            xid=self.xid,
            cid=self.cid,
            sn=self.sn,
            gp_segment=gp_segment,
            segment_count=self.segment_count,
            line_delimiter=self.delimiter,
            proto=0,
            zstd=self.zstd,
            seq=seq,
            done=done,
            content_length=length,
            expect=expect,
            transform=place.transform,
        )
        return build_request(request, self.release)


def status_head(place: Place, address: str | None = None) -> bytes:
    """The request for the status page that a segment sends when it has waited too long: always plain HTTP."""
    return build_head(f"GET {STATUS_PAGE} HTTP/1.1", [("Host", place.authority(address)), ("Accept", "*/*")])


def fresh_xid() -> str:
    """An X-GP-XID that no other statement has: start time and distributed transaction, as inside a transaction."""
    return f"{int(time.time())}-{secrets.randbelow(10**10):010d}"


def _own(template: str, gp_segment: int) -> str:
    return template.replace("{segment}", str(gp_segment))
