"""Captures of TCP conversations built byte by byte, with exact control and known truth.

Nothing of gpinspect is used here, so what these captures hold is independent evidence. From the bottom up: `layers` (IP, tunnels,
links), `files` (pcap and pcapng), `tcp` (two sides that talk, lose, repeat and overlap), `gpfdist` (heads, messages, packages),
`sessions` (whole reads and writes with their truth).

    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(segment=0))
    talk.server(ok_head())
    talk.server(package("/data/a.csv", 0, 1, b"1,x\\n"))
    talk.gap("server", 100)
    talk.close()
    path.write_bytes(capture.pcap())
"""

from craft.files import Capture, Record
from craft.gpfdist import (
    CONTINUE,
    END,
    VERSION,
    Block,
    blocks,
    error_head,
    error_message,
    head,
    late_reply,
    message,
    ok_head,
    package,
    package_head,
    post,
    request,
)
from craft.layers import ETHERNET, LOOP, NULL, RAW, SLL, SLL2, Carriage, checksum
from craft.sessions import (
    ExchangeTruth,
    FileTruth,
    ReadTruth,
    WriteTruth,
    read_session,
    sha256,
    write_session,
)
from craft.tcp import ACK, FIN, PSH, RST, SYN, Conversation, Piece

__all__ = [
    "ACK",
    "CONTINUE",
    "END",
    "ETHERNET",
    "FIN",
    "LOOP",
    "NULL",
    "PSH",
    "RAW",
    "RST",
    "SLL",
    "SLL2",
    "SYN",
    "VERSION",
    "Block",
    "Capture",
    "Carriage",
    "Conversation",
    "ExchangeTruth",
    "FileTruth",
    "Piece",
    "ReadTruth",
    "Record",
    "WriteTruth",
    "blocks",
    "checksum",
    "error_head",
    "error_message",
    "head",
    "late_reply",
    "message",
    "ok_head",
    "package",
    "package_head",
    "post",
    "read_session",
    "request",
    "sha256",
    "write_session",
]
