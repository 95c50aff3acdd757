"""Captures under a mask: the museum is judged as before, frames stay valid, and odd traffic gives nothing away."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from craft import (
    CONTINUE,
    END,
    Capture,
    Conversation,
    checksum,
    error_head,
    error_message,
    head,
    late_reply,
    message,
    ok_head,
    package,
    post,
    request,
)
from craft.layers import pseudo_header

from gpinspect.cli.group import gpinspect
from gpinspect.inspection import inspect

from .judge import left, names, told, words

CAPTURES = Path(__file__).parents[2] / "captures"
MUSEUM = sorted(path for path in CAPTURES.rglob("*.pcap*") if path.suffix in (".pcap", ".pcapng"))
ROWS = b"Zqann,Zqbob\nZqcarl,Zqdora\n" * 40


@pytest.fixture(autouse=True)
def no_key_log_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)


def cut(*arguments: str | Path) -> Result:
    return CliRunner().invoke(gpinspect, ["cut", *map(str, arguments)], catch_exceptions=False)


def both(source: Path, folder: Path) -> tuple[Path, Path]:
    """The capture cut plainly and under a mask."""
    plain, masked = folder / "plain.pcapng", folder / "masked.pcapng"
    for path, options in ((plain, []), (masked, ["--redact"])):
        result = cut(source, "-o", path, *options)
        assert result.exit_code == 0, result.output
    return plain, masked


@pytest.mark.parametrize("path", MUSEUM, ids=lambda path: path.name)
def test_the_museum_is_judged_as_before_and_nothing_of_it_is_left(tmp_path: Path, path: Path) -> None:
    if path.name == "pg_sslon_hostssl_disable.pcap":  # nothing of ours is in it
        assert cut(path, "--redact", "-o", tmp_path / "x").exit_code == 4
        return
    plain, masked = both(path, tmp_path)
    assert told(masked) == told(plain)
    with inspect([str(path)], hashes=True) as found:
        secret = names(found)
        chains = [one for tls in found.tls for one in (*tls.report.server_chain, *tls.report.client_chain)]
        secret |= {word for one in chains for word in words(" ".join((one.subject, one.issuer, *one.san)).encode())}
        ports = {str(number).encode() for one in found.connections for number in (one.client.port, one.server.port)}
        rows = {
            word for one in found.exchanges for _, _, data in found.payload(one.id) for word in words(data) if not word.isdigit()
        }
        ports |= {b"5432", *(b"600%d" % number for number in range(10))}
    known = {b"text", b"plain", b"file", b"close", b"line", b"long"}
    out = masked.read_bytes()
    short = {one for one in secret if len(one) > 4 or one.isdigit() or one.isalpha()}  # four bytes of an address may be an accident
    assert left(short - known - ports, out) == []
    assert sorted((rows - known - ports) & words(out)) == []


def talk_of(capture: Capture, **how: object) -> Conversation:
    talk = Conversation(capture, ("10.77.3.4", 40000), ("10.77.3.9", 8080), **how)  # type: ignore[arg-type]
    talk.open()
    return talk


def one_read(capture: Capture, **how: object) -> Conversation:
    talk = talk_of(capture, **how)
    talk.client(request("/Zqa/Zqb.csv", segment=0, count=1, csvopt="m1x 34q 34n0h0"))
    talk.server(ok_head())
    talk.server(package("/srv/Zqa/Zqb.csv", 0, 1, ROWS))
    talk.server(END)
    talk.close()
    return talk


def masked_frames(capture: Capture, folder: Path) -> list[bytes]:
    path = capture.write(folder / "in.pcapng")
    plain, masked = both(path, folder)
    assert told(masked) == told(plain)
    assert b"Zq" not in masked.read_bytes()
    with inspect([str(masked)]) as found:
        return [record.captured for record in found.connection_frames([one.id for one in found.connections])]


# frames -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"fragment": 64},
        {"vlan": (5, 6)},
        {"ip_options": b"\x07\x04\x04\x00"},
        {"tunnel": "gre"},
        {"tunnel": "vxlan"},
        {"tunnel": "ipip"},
        {"padding": 6},
        {"trailer": b"Zqleak"},
    ],
    ids=str,
)
def test_a_mask_goes_through_whatever_carries_the_segments(tmp_path: Path, how: dict[str, object]) -> None:
    capture = Capture()
    one_read(capture, **how)
    frames = masked_frames(capture, tmp_path)
    assert len(frames) == len(capture.records)
    for host in (b"\x0a\x4d\x03\x04", b"\x0a\x4d\x03\x09"):
        assert not any(host in frame for frame in frames)


def test_checksums_that_were_right_are_right(tmp_path: Path) -> None:
    capture = Capture()
    one_read(capture, timestamps=True)
    for frame in masked_frames(capture, tmp_path):
        packet = frame[14 : 14 + int.from_bytes(frame[16:18], "big")]
        assert checksum(packet[:20]) == 0
        source, target = (".".join(map(str, packet[at : at + 4])) for at in (12, 16))
        assert checksum(pseudo_header(source, target, 6, len(packet) - 20) + packet[20:]) == 0


def test_checksums_left_to_the_card_are_left_to_it_and_wrong_ones_stay_wrong(tmp_path: Path) -> None:
    capture = Capture()
    one_read(capture)
    for number, record in enumerate(capture.records):
        frame = bytearray(record.data)
        segment = frame[34:]
        partial = -checksum(pseudo_header("10.77.3.4", "10.77.3.9", 6, len(segment))) % 0xFFFF
        frame[50:52] = (b"\0\0", partial.to_bytes(2, "big"), b"\x12\x34")[number % 3]
        capture.records[number] = record._replace(data=bytes(frame))
    for number, frame in enumerate(masked_frames(capture, tmp_path)):
        segment = frame[34:]
        source, target = (".".join(map(str, frame[at : at + 4])) for at in (26, 30))
        front = pseudo_header(source, target, 6, len(segment))
        match number % 3:
            case 0:
                assert frame[50:52] == b"\0\0"
            case 1:
                assert int.from_bytes(frame[50:52], "big") == -checksum(front) % 0xFFFF
            case 2:
                assert checksum(front + segment) != 0


def test_one_byte_has_one_mask_however_often_and_early_it_comes(tmp_path: Path) -> None:
    capture = Capture()
    talk = talk_of(capture)
    talk.client(request("/Zqa/Zqb.csv", segment=0, count=1))
    talk.server(ok_head())
    block = package("/srv/Zqa/Zqb.csv", 0, 1, b"Zqx\t\\N\t\\\\N\n" * 50)
    talk.swap("server", block[:80], block[80:300])
    (piece, *_) = talk.server(block[300:], mss=97)
    talk.retransmit(piece)
    talk.overlap("server", 40, (block + END)[-45:])
    talk.close()
    path = capture.write(tmp_path / "in.pcapng")
    _, masked = both(path, tmp_path)
    with inspect([str(masked)], hashes=True) as found:
        assert "GPI022" not in [finding.code for finding in found.findings]
        rows = b"".join(data for _, _, data in found.payload(1)).splitlines(keepends=True)
    # where a segment out of order begins with the N of a NULL it is masked like any other letter, in every copy
    assert len(rows) == 50 and rows.count(b"XXX\t\\N\t\\\\X\n") >= 48
    assert set(rows) <= {b"XXX\t\\N\t\\\\X\n", b"XXX\t\\X\t\\\\X\n"}


def test_what_was_sent_again_otherwise_is_still_otherwise(tmp_path: Path) -> None:
    capture = Capture()
    talk = talk_of(capture)
    talk.client(request("/Zqa/Zqb.csv", segment=0, count=1))
    talk.server(ok_head())
    (piece,) = talk.server(package("/srv/Zqa/Zqb.csv", 0, 1, b"Zqrow\n" * 9))
    talk.retransmit(piece, piece.data[:-9] + b"Zqsecret\n")
    talk.server(END)
    talk.close()
    masked_frames(capture, tmp_path)
    with inspect([str(tmp_path / "masked.pcapng")]) as found:
        assert "GPI022" in [finding.code for finding in found.findings]


# what is said -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        error_head(404, "file open failure /srv/Zqa/Zqb.csv: Permission denied"),
        late_reply(),
        ok_head() + error_message("line too long in file /srv/Zqa/Zqb.csv near (7 bytes) Zqrow") + END,
        ok_head() + message("Z", b"Zqunknown") + END,
        ok_head() + message("F", b"/srv/Zq" * 60) + package("/srv/Zqb", 0, 1, ROWS) + END,
        ok_head() + package("/srv/Zqb", 0, 1, ROWS)[:-5],
        ok_head() + message("D", ROWS) + END + b"Zqbehind",
        head("HTTP/1.0 200 ok", [("Content-Type", "text/plain"), ("X-GP-PROTO", "0")]) + ROWS,
        head("HTTP/1.1 200 OK", [("Transfer-Encoding", "chunked"), ("X-GP-PROTO", "1")])
        + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (package("/srv/Zqb", 0, 1, ROWS)[:99], ROWS)),
        b"HTTP/1.1 200 OK\r\nServer: Zqproxy\r\nSet-Cookie: Zqid=1\r\n\r\n<html>Zqpage</html>",
        b"Zqno answer at all",
    ],
)
def test_whatever_a_server_answers_is_judged_as_before(tmp_path: Path, answer: bytes) -> None:
    capture = Capture()
    talk = talk_of(capture)
    talk.client(request("/Zqa/Zqb.csv", segment=0, count=1, extra=[("X-Zqname", "Zqvalue")]))
    talk.server(answer)
    talk.close()
    masked_frames(capture, tmp_path)


@pytest.mark.parametrize(
    "asked",
    [
        post(2, b"Zqrow\tZqrow\n" * 9, path="/Zqa/Zqout"),
        post(2, b"Zqrow without its end", path="/Zqa/Zqout"),
        post(2, b"ZqrowEOLZqrowEOL", path="/Zqa/Zqout", delimiter=b"EOL"),
        post(2, b"Zqrow\n", path="/Zqa/Zqout", length=99),
        post(2, b"Zqrow\n", path="/Zqa/Zqout", extra=[("Expect", "100-continue")]),
        b"ZQBREW /Zqa HTCPCP/1.0\r\nX-GP-USER: Zquser\r\n\r\n",
        b"GET /gpfdist/status HTTP/1.1\r\nHost: Zqhost:8080\r\n\r\n",
    ],
)
def test_whatever_a_client_asks_is_judged_as_before(tmp_path: Path, asked: bytes) -> None:
    capture = Capture()
    talk = talk_of(capture)
    talk.client(asked)
    talk.server(CONTINUE + ok_head(0))
    talk.close()
    other = Conversation(capture, ("10.77.3.5", 40001), ("10.77.3.9", 8080))
    other.open()
    other.client(request("/Zqa/Zqb.csv", segment=0, count=1))
    other.server(ok_head() + END)
    other.close()
    masked_frames(capture, tmp_path)


def test_a_stream_that_is_not_gpfdist_is_filler(tmp_path: Path) -> None:
    capture = Capture()
    one_read(capture)
    other = Conversation(capture, ("10.77.3.5", 40001), ("10.77.3.9", 22))
    other.open()
    other.server(b"SSH-2.0-Zqserver\r\n")
    other.client(b"\x01\x02Zqbinary\xff")
    other.close()
    frames = masked_frames(capture, tmp_path)
    assert any(frame.endswith(b"X" * 18) for frame in frames)


def test_a_clear_start_of_postgresql_loses_its_names_and_its_password(tmp_path: Path) -> None:
    capture = Capture()
    one_read(capture)
    talk = Conversation(capture, ("10.77.3.4", 40009), ("10.77.3.9", 5432))
    talk.open()
    body = b"\0\3\0\0user\0Zquser\0database\0Zqdb\0\0"
    talk.client((len(body) + 4).to_bytes(4, "big") + body)
    refusal = b'SFATAL\0C28000\0Mno pg_hba.conf entry for host "10.77.3.4", user "Zquser"\0\0'
    talk.server(b"E" + (len(refusal) + 4).to_bytes(4, "big") + refusal)
    talk.client(b"p\0\0\0\x0cZqsecret")
    talk.close()
    masked_frames(capture, tmp_path)
    out = (tmp_path / "masked.pcapng").read_bytes()
    assert b"C28000" in out and b"user\0" in out and b"10.77.3.4" not in out


# the command ------------------------------------------------------------------------------------------------------------


def test_two_masks_of_one_capture_have_nothing_in_common(tmp_path: Path) -> None:
    capture = Capture()
    one_read(capture)
    path = capture.write(tmp_path / "in.pcapng")
    made = []
    for number in range(2):
        cut(path, "-o", tmp_path / f"{number}.pcapng", "--redact")
        with inspect([str(tmp_path / f"{number}.pcapng")]) as found:
            made.append((found.sessions[0].user, found.exchanges[0].path))
    assert made[0][0] != made[1][0] and made[0][1] != made[1][1]


def test_nothing_but_frames_is_in_the_file(tmp_path: Path) -> None:
    name = "dsb_tls12_dhe_aes256gcm.pcapng"
    cut(CAPTURES / "tls" / name, "-o", tmp_path / "out.pcapng", "--redact")
    data, kinds = (tmp_path / "out.pcapng").read_bytes(), set()
    while data:
        kinds.add(int.from_bytes(data[:4], "little"))
        data = data[int.from_bytes(data[4:8], "little") :]
    assert kinds == {0x0A0D0D0A, 1, 6}


def test_secrets_and_a_mask_exclude_each_other(tmp_path: Path) -> None:
    capture = Capture()
    one_read(capture)
    path = capture.write(tmp_path / "in.pcapng")
    result = CliRunner().invoke(gpinspect, ["cut", str(path), "-o", str(tmp_path / "x"), "--redact", "--with-secrets"])
    assert result.exit_code == 2 and "--with-secrets" in result.output


def test_what_is_still_to_be_seen_is_said(tmp_path: Path) -> None:
    result = cut(CAPTURES / "tls" / "tls12_rsa_aes128sha_etm_ems.pcap", "-o", tmp_path / "out.pcapng", "--redact")
    assert (
        "no rows, names, addresses or secrets" in result.stderr and "keys, serial numbers and signatures are not" in result.stderr
    )


def test_a_pipe_is_put_under_a_mask_as_well(tmp_path: Path) -> None:
    capture = Capture()
    one_read(capture)
    path = capture.write(tmp_path / "in.pcapng")
    both(path, tmp_path)
    command = ["python", "-m", "gpinspect.cli", "cut", "-", "--redact", "-o", str(tmp_path / "piped.pcapng")]
    import sys

    command[0] = sys.executable
    subprocess.run(command, input=path.read_bytes(), check=True, capture_output=True)
    assert told(tmp_path / "piped.pcapng") == told(tmp_path / "masked.pcapng")


def test_tshark_finds_every_checksum_right_and_the_same_requests(tmp_path: Path) -> None:
    program = shutil.which("tshark")
    assert program, "tests/tools.sh installs tshark"
    capture = Capture()
    one_read(capture)
    _, masked = both(capture.write(tmp_path / "in.pcapng"), tmp_path)
    command = [program, "-r", str(masked), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "json"]
    frames = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    layers = [frame["_source"]["layers"] for frame in frames]
    assert {one["tcp"]["tcp.checksum.status"] for one in layers} == {"1"}
    assert {one["ip"]["ip.checksum.status"] for one in layers} == {"1"}
    assert sum("http" in one for one in layers) >= 1
