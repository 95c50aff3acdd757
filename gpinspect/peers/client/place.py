"""Where a LOCATION entry leads: what a segment makes of its URL before it connects, and which segment takes which URL.

Source: url_curl.c, make_url, url_curl_fopen; createplan.c, create_external_scan_uri_list; fileam.c, external_insert_init (6.24.3).
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gpinspect.errors import EncodeError

SCHEMES: Final = {"gpfdist": "http", "gpfdists": "https", "http": "http"}
"""Scheme of the URL to what is spoken."""

ASSUMED_PORT: Final = 80
"""Segments take port 80 where the URL has none; gpfdist itself listens on 8080."""

_DEFAULT: Final = {"http": 80, "https": 443}
LONGEST_HOST: Final = 99
LONGEST_PORT: Final = 8
TRANSFORM: Final = "#transform="

_URL = re.compile(r"([a-z]+)://(\[[0-9A-Fa-f:.%]+\]|[^\[\]/:#?]*)(?::([^/#]*))?(/[^#]*)?(#.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """One URL, taken apart."""

    url: str  # as in LOCATION
    scheme: str
    host: str  # without brackets
    port: int
    target: str  # path as it goes on the request line
    transform: str

    @property
    def secure(self) -> bool:
        return self.scheme == "gpfdists"

    def authority(self, address: str | None = None) -> str:
        """Host header: with gpfdist:// the address that the name was resolved to, else the name of the URL."""
        host = address if address is not None and self.scheme == "gpfdist" else self.host
        shown = f"[{host}]" if ":" in host else host
        return shown if self.port == _DEFAULT[SCHEMES[self.scheme]] else f"{shown}:{self.port}"

    def effective(self, address: str | None = None) -> str:
        """The URL that is really asked for, as error sentences name it."""
        return f"{SCHEMES[self.scheme]}://{self.authority(address)}{self.target}"


def parse_place(url: str) -> Place:
    """Take a LOCATION entry apart.

    Raises:
        EncodeError: A segment could not use it: another scheme, no host, a port that is none, a blank or control character.
    """
    if any(character <= " " or character == "\x7f" for character in url):
        raise EncodeError(f"{url!r}: has a blank or control character, which libcurl refuses; write %20 for a blank")
    found = _URL.fullmatch(url)
    if found is None or found[1] not in SCHEMES:
        raise EncodeError(f"{url!r}: wanted gpfdist://HOST:PORT/PATH or gpfdists://HOST:PORT/PATH")
    scheme, host, port_text, path, fragment = found.groups()
    host = host.strip("[]")
    if not host:
        raise EncodeError(f"{url!r}: has no host")
    if len(host) > LONGEST_HOST:
        raise EncodeError(f"{url!r}: the host has {len(host)} characters; segments take {LONGEST_HOST} at most")
    transform = (fragment or "").partition(TRANSFORM)[2] if (fragment or "").startswith(TRANSFORM) else ""
    return Place(url, scheme, host, _port(url, port_text), on_wire(path or "/"), on_wire(transform))


def on_wire(text: str) -> str:
    """Text in UTF-8, each byte as one character, which is how heads are built."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _port(url: str, text: str | None) -> int:
    if text is None:
        return ASSUMED_PORT
    if len(text) > LONGEST_PORT or not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise EncodeError(f"{url!r}: port {text!r}; wanted a number from 1 to 65535")
    return int(text)


def spread_reads(
    urls: Sequence[str], gp_segments: int, max_segs: int = 64, *, skipped: frozenset[int] | None = None, seed: int | None = None
) -> dict[int, str]:
    """Which segment reads from which URL, as the planner hands the LOCATION list out.

    Args:
        gp_segments: Primaries of the cluster.
        max_segs: `gp_external_max_segs`: how many segments one entry may have.
        skipped: Segments that stay away where not all take part; None: chosen at random, as the planner does.
        seed: Makes that choice the same each time.

    Returns:
        Greenplum segment to URL, in order of segments.

    Raises:
        EncodeError: More URLs than segments, or `skipped` does not have the right number of segments.
    """
    if not urls:
        raise EncodeError("no URL; wanted one at least")
    if len(urls) > gp_segments:
        raise EncodeError(
            f"there are more external files (urls) than primary segments that can read them: {len(urls)} and {gp_segments}; "
            "name fewer URLs or more segments"
        )
    taking = min(gp_segments, len(urls) * max_segs)
    if skipped is None:
        skipped = frozenset(random.Random(seed).sample(range(gp_segments), gp_segments - taking))
    elif len(skipped) != gp_segments - taking or not skipped <= frozenset(range(gp_segments)):
        raise EncodeError(f"{len(skipped)} segments are left out; wanted {gp_segments - taking} of 0 to {gp_segments - 1}")
    free = (gp_segment for gp_segment in range(gp_segments) if gp_segment not in skipped)
    return {gp_segment: urls[entry % len(urls)] for entry, gp_segment in enumerate(free)}


def spread_writes(urls: Sequence[str], gp_segments: int) -> dict[int, str]:
    """Which segment writes to which URL: they take turns.

    Raises:
        EncodeError: More URLs than segments.
    """
    if not urls or len(urls) > gp_segments:
        raise EncodeError(f"{len(urls)} URLs for {gp_segments} segments; wanted at least one, and one segment for each")
    return {gp_segment: urls[gp_segment % len(urls)] for gp_segment in range(gp_segments)}
