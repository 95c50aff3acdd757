"""Ends of packages: where a row ends by the rules of the server, and what is looked at."""

from pathlib import Path

import pytest
from craft import END, Block, Capture, Conversation, blocks, ok_head, request

from gpinspect.inspection import inspect
from gpinspect.inspection.row_ends import MOST_PACKAGES, ends_a_row

TEXT, CSV, CSV_CRLF, CSV_CR = "m0x 92q  0n0h0", "m1x 34q 34n0h0", "m1x 34q 34n3h0", "m1x 34q 34n2h0"
BACKSLASH = "m1x 92q 39n0h0"  # quote ' and escape \


@pytest.mark.parametrize(
    ("content", "options", "delimiter", "whole"),
    [
        (b"a,b\n", TEXT, None, True),
        (b"a,b", TEXT, None, False),
        (b"a,b\r", TEXT, b"\r", True),
        (b"a,b\n", TEXT, b"\r", False),
        (b"a,b||", TEXT, b"||", True),
        (b'a,"b\n', TEXT, None, True),  # text knows no quotes
        (b'a,"b\n', CSV, None, False),
        (b'a,"b\nc"\n', CSV, None, True),
        (b'a,"say ""hi"""\n', CSV, None, True),
        (b"a,b\n", CSV_CRLF, None, False),
        (b"a,b\r\n", CSV_CRLF, None, True),
        (b"a,b\r", CSV_CR, None, True),
        (b"a,'it\\'s'\n", BACKSLASH, None, True),
        (b"a,'it's'\n", BACKSLASH, None, False),
        (b"a,b\n", None, None, True),
        (b"a,b\n", "no options", None, True),
        (b"", TEXT, None, False),
    ],
)
def test_where_a_row_ends(content: bytes, options: str | None, delimiter: bytes | None, whole: bool) -> None:
    assert ends_a_row(content, options, delimiter) is whole


def test_sample_of_a_long_file_is_small_and_finds_what_is_wrong_everywhere(tmp_path: Path) -> None:
    rows = b"".join(b"%07d\n" % number for number in range(20_000))
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request("/a.txt", count=1))
    talk.server(ok_head(1))
    for at in range(0, len(rows), 1001):
        talk.server(Block("/d/a.txt", at, int(not at), rows[at : at + 1001]).bytes)
    talk.server(END)
    talk.close()
    with inspect([str(capture.write(tmp_path / "cut.pcap"))]) as found:
        (told,) = [finding for finding in found.findings if finding.code == "GPI221"]
    assert f"of {MOST_PACKAGES} that were looked at" in told.message


def test_input_that_cannot_be_read_again_is_not_looked_at(tmp_path: Path) -> None:
    import gzip

    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request("/a.txt", count=1))
    talk.server(ok_head(1))
    for block in blocks("/d/a.txt", b"row\n" * 2000, 1024):
        talk.server(block.bytes)
    talk.server(END)
    talk.close()
    path = tmp_path / "a.pcap.gz"
    path.write_bytes(gzip.compress(capture.pcap()))
    with inspect([str(path)]) as found:
        assert found.complete and [finding for finding in found.findings if finding.code == "GPI221"] == []
