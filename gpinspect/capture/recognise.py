"""Say what a file that is no capture looks like, and what to do with it instead."""

import re
from typing import NamedTuple

SAMPLE = 4096
"""Bytes from the start of a file that are looked at."""

WANTED = "wanted a capture: pcap or pcapng, plain or packed with gzip, zstd or lz4"


class Looks(NamedTuple):
    """`what` it looks like, `advice` in a sentence, and whether tshark may be able to read it."""

    what: str
    advice: str
    tshark: bool = False

    def problem(self, packed: bool = False) -> str:
        """The words of an error; `packed`: it was found inside a compressed file."""
        return f"{'unpacked, ' if packed else ''}this looks like {self.what}; {WANTED}. {self.advice}"


VIA_TSHARK = "Read it with --via tshark"
UNPACK = "Unpack it first"

MAGICS: tuple[tuple[bytes, str, str, bool], ...] = (
    (b"snoop\0\0\0", "a snoop capture", VIA_TSHARK, True),
    (b"\x00\x00\x02\x00\x12\x05\x00\x10", "a Tektronix K12 capture", VIA_TSHARK, True),
    (b"\x00\x00\x02\x00\x12\x05\x00\x00", "a Tektronix K12 capture", VIA_TSHARK, True),
    (b"RTSS", "a Network Monitor 1 capture", VIA_TSHARK, True),
    (b"GMBU", "a Network Monitor 2 capture", VIA_TSHARK, True),
    (b"TRSNIFF data    \x1a", "a Sniffer capture", VIA_TSHARK, True),
    (b"XCP\0", "a Windows Sniffer capture", VIA_TSHARK, True),
    (b"iptrace ", "an AIX iptrace capture", VIA_TSHARK, True),
    (b"btsnoop\0", "a Bluetooth btsnoop capture", VIA_TSHARK, True),
    (b"ObserverPktBuffe", "a Network Instruments Observer capture", VIA_TSHARK, True),
    (b"\x05VNF", "a Visual Networks capture", VIA_TSHARK, True),
    (b"\xaa\xaa\xaa\xaa", "a 5Views capture", VIA_TSHARK, True),
    (b"\xa1\xb2\xcd\x34", "a pcap file with modified record headers", VIA_TSHARK, True),
    (b"\x34\xcd\xb2\xa1", "a pcap file with modified record headers", VIA_TSHARK, True),
    (b"\xa1\xb2\x34\xcd", "a pcap file with modified record headers", VIA_TSHARK, True),
    (b"\xcd\x34\xb2\xa1", "a pcap file with modified record headers", VIA_TSHARK, True),
    (b"\x1c\x00\x01\xab", "a pcap file with IXIA record headers", VIA_TSHARK, True),
    (b"\xab\x01\x00\x1c", "a pcap file with IXIA record headers", VIA_TSHARK, True),
    (b"\x1c\x00\x01\xac", "a pcap file with IXIA record headers", VIA_TSHARK, True),
    (b"\xac\x01\x00\x1c", "a pcap file with IXIA record headers", VIA_TSHARK, True),
    (b"\x1f\x8b", "gzip data", UNPACK, False),
    (b"\x28\xb5\x2f\xfd", "zstd data", UNPACK, False),
    (b"\x04\x22\x4d\x18", "lz4 data", UNPACK, False),
    (b"\x02\x21\x4c\x18", "lz4 data of the legacy format", UNPACK, False),
    (b"BZh", "bzip2 data", UNPACK, False),
    (b"\xfd7zXZ\0", "xz data", UNPACK, False),
    (b"PK\x03\x04", "a zip archive", UNPACK, False),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK, False),
    (b"\x7fELF", "a program", "Name the file that tcpdump or dumpcap wrote", False),
)

KEY_LOG = re.compile(
    rb"^(CLIENT_RANDOM|RSA|(CLIENT|SERVER)_(EARLY|HANDSHAKE)?_?TRAFFIC_SECRET(_0)?|CLIENT_EARLY_TRAFFIC_SECRET|EXPORTER_SECRET) ",
    re.MULTILINE,
)

TEXTS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (KEY_LOG, "a TLS key log", "Name the capture, and this file with --keylog"),
    (
        re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
        "a private key (PEM)",
        "Name the capture, and this file with --server-key",
    ),
    (re.compile(rb"-----BEGIN "), "a certificate or key (PEM)", "Name the capture; a private key goes with --server-key"),
    (
        re.compile(rb"\A\s*(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d+ (IP6?|ARP|lo|eth|ens?)\b"),
        "what tcpdump prints",
        "Record again with tcpdump -w FILE and name that file",
    ),
    (re.compile(rb"\A\s*[\[{]\s*[\"{\[\]}]"), "JSON", "Name the capture that it was made from"),
    (re.compile(rb"\A\s*<[?!a-zA-Z]"), "XML or HTML", "Name the capture that it was made from"),
    (
        re.compile(rb"\A(\s*--[^\n]*\n)*\s*(select|create|insert|drop|alter|copy|with|begin|set|update|delete)\b", re.IGNORECASE),
        "SQL",
        "Name the capture that was recorded while it ran",
    ),
)

OTHER_TEXT = Looks("text", "Name the file that tcpdump -w or dumpcap wrote", True)
OTHER_DATA = Looks("nothing known", "If it is a capture of another format, try --via tshark", True)
BROKEN_NEWLINES = Looks(
    "a pcapng file whose line ends were changed, as a transfer in text mode does", "Copy it again in binary mode"
)

TEXT_BYTES = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\n\r\f\x1b") | frozenset(range(0x80, 0x100))


def recognise(sample: bytes) -> Looks:
    """Say what the first bytes of a file look like.

    Args:
        sample: Its start, `SAMPLE` bytes are enough; decompressed if it was compressed.
    """
    for magic, what, advice, tshark in MAGICS:
        if sample.startswith(magic):
            return Looks(what, advice, tshark)
    if sample.startswith((b"\n\r\n", b"\n\n", b"\r\n\r\r\n")) and b"\x1a" in sample[:16]:
        return BROKEN_NEWLINES
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return OTHER_TEXT
    if not TEXT_BYTES.issuperset(sample):
        return OTHER_DATA
    text = sample.removeprefix(b"\xef\xbb\xbf")
    for pattern, what, advice in TEXTS:
        if pattern.search(text):
            return Looks(what, advice)
    return OTHER_TEXT
