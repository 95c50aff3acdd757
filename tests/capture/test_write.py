"""pcapng written, byte by byte and read back."""

import io
import struct

import dpkt
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.capture.capture import open_captures
from gpinspect.capture.write import PcapngWriter


def written(frames, key_log=b""):
    sink = io.BytesIO()
    writer = PcapngWriter(sink, "a test")
    writer.secrets(key_log)
    for frame in frames:
        writer.frame(*frame)
    assert (writer.frames, writer.bytes) == (len(frames), len(sink.getvalue()))
    return sink.getvalue()


def blocks(data):
    """(type, content) of each block, its length checked at both ends."""
    found = []
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert length % 4 == 0
        assert data[length - 4 : length] == data[4:8]
        found.append((kind, data[8 : length - 4]))
        data = data[length:]
    return found


def test_each_link_type_is_one_interface_that_counts_nanoseconds():
    made = blocks(written([(1, 5, b"abc", 3), (113, 6, b"d", 1), (1, 7, b"e", 1)]))
    assert [kind for kind, _ in made] == [0x0A0D0D0A, 1, 6, 1, 6, 6]
    # link type, snap length without limit, if_tsresol (option 9, 1 byte) of ten to the power -9, end of options
    assert [made[1][1], made[3][1]] == [
        bytes.fromhex(f"{link:02x}000000 00000000 0900 0100 09000000 0000 0000") for link in (1, 113)
    ]
    assert [struct.unpack_from("<I", content)[0] for kind, content in made if kind == 6] == [0, 1, 0]


def test_secrets_stand_in_front_of_every_frame():
    made = blocks(written([(1, 5, b"abc", 3)], b"CLIENT_RANDOM 0 1\n"))
    assert [kind for kind, _ in made] == [0x0A0D0D0A, 10, 1, 6]
    # 0x544c534b reads "KSLT" here: TLSK, little-endian; 18 bytes of text, filled up to 20
    assert made[1][1] == b"KSLT" + bytes((18, 0, 0, 0)) + b"CLIENT_RANDOM 0 1\n\0\0"


def test_no_secrets_leave_no_block_of_them():
    assert 10 not in [kind for kind, _ in blocks(written([(1, 5, b"abc", 3)]))]


def test_another_reader_sees_the_same_frames_and_times():
    ns = 1_700_000_000_123_456_789
    ((seconds, data),) = dpkt.pcapng.Reader(io.BytesIO(written([(1, ns, b"\1" * 60, 1514)])))
    assert (data, abs(seconds - 1_700_000_000.123456789) < 1e-6) == (b"\1" * 60, True)


FRAME = st.tuples(
    st.sampled_from([0, 1, 101, 113, 276]),
    st.integers(0, (1 << 63) - 1),
    st.binary(min_size=1, max_size=70),
    st.integers(0, 70_000),
)


@given(st.lists(FRAME, min_size=1, max_size=8))
def test_what_is_written_is_read_back(tmp_path_factory, frames):
    path = tmp_path_factory.mktemp("written") / "out.pcapng"
    path.write_bytes(written(frames))
    with open_captures([str(path)]) as capture:
        assert [(r.link, r.ns, r.captured, r.original) for r in capture.records()] == frames
        assert capture.notices == []
