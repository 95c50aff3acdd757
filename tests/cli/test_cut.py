"""Connections of a capture as a capture of their own: whole, exact, with the secrets that were asked for and no others."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import dpkt
import pytest
from click.testing import CliRunner, Result
from craft import END, RST, Capture, Conversation, error_head, message, ok_head, package, request

from gpinspect.cli.group import gpinspect
from gpinspect.inspection import inspect
from gpinspect.views.objects import exchange_object, session_object
from gpinspect.views.secured import tls_object

TLS = Path(__file__).parents[2] / "captures" / "tls"


@pytest.fixture(autouse=True)
def no_key_log_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)


def cut(*arguments: str | Path) -> Result:
    return CliRunner().invoke(gpinspect, ["cut", *map(str, arguments)])


def read(capture: Capture, conversation: Conversation, sn: str = "1", rows: bytes = b"1,x\n2,y\n3,z\n") -> None:
    """One read of one package."""
    conversation.open()
    conversation.client(request(segment=0, sn=sn))
    conversation.server(ok_head())
    conversation.server(package("/d/a.csv", 0, 1, rows))
    conversation.server(END)
    conversation.close()


def frames(path: Path) -> list[tuple[int, bytes]]:
    """Time in ns and captured bytes of every frame, read by dpkt."""
    with path.open("rb") as file:
        return [(round(float(seconds) * 1e6), data) for seconds, data in dpkt.pcap.UniversalReader(file)]


def kept(capture: Capture, *numbers: int) -> list[tuple[int, bytes]]:
    return [(round(capture.records[n].time_ns / 1e3), capture.records[n].data) for n in numbers]


def blocks(path: Path) -> list[tuple[int, bytes]]:
    data, found = path.read_bytes(), []
    while data:
        kind, length = (int.from_bytes(data[at : at + 4], "little") for at in (0, 4))
        found.append((kind, data[8 : length - 4]))
        data = data[length:]
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def embedded(path: Path) -> list[str]:
    """Lines of the secrets in a pcapng file."""
    return [
        line
        for kind, content in blocks(path)
        if kind == 10
        for line in content[8 : 8 + int.from_bytes(content[4:8], "little")].decode().splitlines()
    ]


def told(path: Path, **keys: Any) -> list[dict[str, Any]]:
    """Everything that is told of a capture but where its frames stand."""
    with inspect([str(path)], hashes=True, **keys) as found:
        objects = [session_object(session, found.findings) for session in found.sessions]
        objects += [exchange_object(exchange) for exchange in found.exchanges] + [tls_object(one) for one in found.tls]
    return [{name: value for name, value in one.items() if name not in ("frames", "findings")} for one in objects]


# which frames -----------------------------------------------------------------------------------------------------------


def two_sessions(tmp_path: Path) -> tuple[Path, Capture, list[int]]:
    """Two reads and a datagram that is no TCP, one after the other; gives the frame indices of the second read."""
    capture = Capture()
    read(capture, Conversation(capture, ("10.0.0.1", 40000)))
    capture.frame(bytes(12) + b"\x08\x06" + bytes(28))
    first = len(capture)
    read(capture, Conversation(capture, ("10.0.0.2", 40000)), sn="2")
    return capture.write(tmp_path / "in.pcap"), capture, list(range(first, len(capture)))


def test_one_session_is_cut_frame_by_frame_with_its_times(tmp_path: Path) -> None:
    source, capture, second = two_sessions(tmp_path)
    result = cut(source, "--session", 2, "-o", tmp_path / "out.pcapng")
    assert result.exit_code == 0, result.output
    assert frames(tmp_path / "out.pcapng") == kept(capture, *second)


def test_without_a_session_all_tcp_connections_are_there_and_nothing_else(tmp_path: Path) -> None:
    source, capture, second = two_sessions(tmp_path)
    assert cut(source, "-o", tmp_path / "out.pcapng").exit_code == 0
    assert frames(tmp_path / "out.pcapng") == kept(capture, *range(second[0] - 1), *second)


def test_times_are_kept_to_the_nanosecond(tmp_path: Path) -> None:
    capture = Capture(now_ns=1_700_000_000_123_456_789)
    read(capture, Conversation(capture))
    cut(capture.write(tmp_path / "in.pcap"), "-o", tmp_path / "out.pcapng")
    times = [
        int.from_bytes(c[4:8], "little") << 32 | int.from_bytes(c[8:12], "little")
        for k, c in blocks(tmp_path / "out.pcapng")
        if k == 6
    ]
    assert times == [record.time_ns for record in capture.records]


def test_lengths_of_frames_cut_by_the_snap_length_are_kept(tmp_path: Path) -> None:
    capture = Capture(snaplen=1000)
    read(capture, Conversation(capture), rows=b"1,x\n" * 1000)
    cut(capture.write(tmp_path / "in.pcap"), "-o", tmp_path / "out.pcapng")
    lengths = [
        (int.from_bytes(c[12:16], "little"), int.from_bytes(c[16:20], "little"))
        for k, c in blocks(tmp_path / "out.pcapng")
        if k == 6
    ]
    assert lengths == [(len(record.data), record.original) for record in capture.records]
    assert max(original for _, original in lengths) > 1000


def test_a_port_used_again_belongs_to_the_later_session_from_its_first_frame_on(tmp_path: Path) -> None:
    capture = Capture()
    read(capture, Conversation(capture, client_isn=1000, server_isn=5000))
    first = len(capture)
    read(capture, Conversation(capture, client_isn=900_000_000, server_isn=800_000_000), sn="2")
    source = capture.write(tmp_path / "in.pcap")
    for session, expected in ((1, range(first)), (2, range(first, len(capture)))):
        cut(source, "--session", session, "-o", tmp_path / f"{session}.pcapng")
        assert frames(tmp_path / f"{session}.pcapng") == kept(capture, *expected)


def test_what_was_sent_again_after_the_end_is_there(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(segment=0))
    talk.server(ok_head())
    (piece,) = talk.server(package("/d/a.csv", 0, 1, b"1,x\n") + END)
    talk.close()
    read(capture, Conversation(capture, ("10.0.0.2", 40000)), sn="2")
    late = len(capture)
    talk.retransmit(piece, ack=False)
    talk.segment("client", flags=RST)
    assert late == len(capture) - 2
    cut(capture.write(tmp_path / "in.pcap"), "--session", 1, "-o", tmp_path / "out.pcapng")
    assert frames(tmp_path / "out.pcapng")[-2:] == kept(capture, late, late + 1)


def test_fragments_come_along_with_the_datagram_they_make(tmp_path: Path) -> None:
    capture = Capture()
    read(capture, Conversation(capture, ("10.0.0.1", 40000), fragment=64))
    first = len(capture)
    read(capture, Conversation(capture, ("10.0.0.2", 40000), fragment=64), sn="2")
    source = capture.write(tmp_path / "in.pcap")
    cut(source, "--session", 2, "-o", tmp_path / "out.pcapng")
    assert frames(tmp_path / "out.pcapng") == kept(capture, *range(first, len(capture)))
    assert len(capture) - first > 20


def test_fragments_of_two_connections_in_turn_are_told_apart(tmp_path: Path) -> None:
    one, two = Capture(), Capture()
    read(one, Conversation(one, ("10.0.0.1", 40000), fragment=64))
    read(two, Conversation(two, ("10.0.0.2", 40000), fragment=64), sn="2")
    mixed = Capture()
    for pair in zip(one.records, two.records, strict=True):
        mixed.records += pair
    source = mixed.write(tmp_path / "in.pcap")
    cut(source, "--session", 2, "-o", tmp_path / "out.pcapng")
    assert [data for _, data in frames(tmp_path / "out.pcapng")] == [record.data for record in two.records]


def test_a_fragment_whose_rest_never_comes_holds_up_nothing(tmp_path: Path) -> None:
    capture = Capture()
    other = Conversation(capture, ("10.0.0.7", 41000), fragment=64)
    other.client(bytes(200))
    del capture.records[
        -1 - next(n for n, r in enumerate(reversed(capture.records)) if len(r.data) > 60) :
    ]  # its last fragment is gone
    first = len(capture)
    assert first
    for number in range(60):
        read(capture, Conversation(capture, ("10.0.0.1", 40000 + number)))
    cut(capture.write(tmp_path / "in.pcap"), "-o", tmp_path / "out.pcapng")
    assert frames(tmp_path / "out.pcapng") == kept(capture, *range(first, len(capture)))


def test_frames_of_several_link_types_keep_theirs(tmp_path: Path) -> None:
    capture = Capture()
    read(capture, Conversation(capture))
    cooked = capture.interface(113)
    read(capture, Conversation(capture, ("10.0.0.2", 40000), interface=cooked), sn="2")
    cut(capture.write(tmp_path / "in.pcapng"), "-o", tmp_path / "out.pcapng")
    made = blocks(tmp_path / "out.pcapng")
    assert [int.from_bytes(content[:2], "little") for kind, content in made if kind == 1] == [1, 113]
    expected = [(record.interface, record.data) for record in capture.records]
    assert [
        (content[0], content[20 : 20 + int.from_bytes(content[12:16], "little")]) for kind, content in made if kind == 6
    ] == expected


@pytest.mark.parametrize("how", ["pipe", "gzip", "two files"])
def test_inputs_of_any_kind_are_cut(tmp_path: Path, how: str) -> None:
    source, capture, _ = two_sessions(tmp_path)
    out = tmp_path / "out.pcapng"
    if how == "pipe":
        command = [sys.executable, "-m", "gpinspect.cli", "cut", "-", "--session", "2", "-o", str(out)]
        subprocess.run(command, input=source.read_bytes(), check=True, capture_output=True)
    elif how == "gzip":
        subprocess.run(["gzip", str(source)], check=True)
        cut(f"{source}.gz", "--session", 2, "-o", out)
    else:
        halves = Capture(), Capture()
        for number, record in enumerate(capture.records):
            halves[number % 2].records.append(record)
        names = [half.write(tmp_path / f"{n}.pcap") for n, half in enumerate(halves)]
        cut(*names, "--session", 2, "-o", out)
    assert frames(out) == kept(capture, *range(len(capture) - len(frames(out)), len(capture)))
    assert len(frames(out)) == len(capture) // 2


def test_a_piped_capture_and_a_file_are_cut_in_order_of_time(tmp_path: Path) -> None:
    source, capture, _ = two_sessions(tmp_path)
    halves = Capture(), Capture()
    for number, record in enumerate(capture.records):
        halves[number % 2].records.append(record)
    file = halves[0].write(tmp_path / "0.pcap")
    command = [sys.executable, "-m", "gpinspect.cli", "cut", str(file), "-", "-o", str(tmp_path / "out.pcapng")]
    subprocess.run(command, input=halves[1].pcap(), check=True, capture_output=True)
    whole = tmp_path / "whole.pcapng"
    cut(source, "-o", whole)
    assert frames(tmp_path / "out.pcapng") == frames(whole)


def test_a_cut_into_the_folder_that_is_read_does_not_read_itself(tmp_path: Path) -> None:
    _, capture, second = two_sessions(tmp_path)
    result = cut(tmp_path, "--session", 2, "-o", tmp_path / "out.pcapng")
    assert result.exit_code == 0, result.output
    assert frames(tmp_path / "out.pcapng") == kept(capture, *second)
    assert names(tmp_path) == ["in.pcap", "out.pcapng"]


# what is chosen -------------------------------------------------------------------------------------------------------------


def test_several_sessions_are_cut_together(tmp_path: Path) -> None:
    source, capture, second = two_sessions(tmp_path)
    result = cut(source, "--session", 1, "--session", 2, "-o", tmp_path / "out.pcapng")
    assert result.exit_code == 0, result.output
    assert frames(tmp_path / "out.pcapng") == kept(capture, *range(second[0] - 1), *second)


@pytest.mark.parametrize(
    "expression",
    [
        "sn == 2",  # of sessions
        "delivery == proven && sn == 2",  # of sessions alone
        "host == 10.0.0.2",  # of flows alone
        "client.host == 10.0.0.2",  # of exchanges alone
        "status == 200 && session.sn == 2",
    ],
)
def test_a_filter_is_about_sessions_flows_or_exchanges_as_its_names_say(tmp_path: Path, expression: str) -> None:
    source, capture, second = two_sessions(tmp_path)
    result = cut(source, "--filter", expression, "-o", tmp_path / "out.pcapng")
    assert result.exit_code == 0, result.output
    assert frames(tmp_path / "out.pcapng") == kept(capture, *second)


def test_a_session_and_a_filter_must_both_fit(tmp_path: Path) -> None:
    source, *_ = two_sessions(tmp_path)
    result = cut(source, "--session", 1, "--filter", "client.host == 10.0.0.2", "-o", tmp_path / "out.pcapng")
    assert result.exit_code == 0 and "nothing fits" in result.stderr
    assert [kind for kind, _ in blocks(tmp_path / "out.pcapng")] == [0x0A0D0D0A]


def test_a_mistake_in_a_filter_is_pointed_at_before_anything_is_read(tmp_path: Path) -> None:
    result = cut(tmp_path / "not there", "--filter", "status == 200 && colour == 3", "-o", tmp_path / "out.pcapng")
    assert result.exit_code == 2 and "colour" in result.stderr and "^^^^^^" in result.stderr


def test_what_the_recorder_dropped_and_where_it_broke_off_is_told_by_the_cut(tmp_path: Path) -> None:
    source, *_ = two_sessions(tmp_path)
    data = source.read_bytes()
    (tmp_path / "short.pcap").write_bytes(data[:-20])
    cut(tmp_path / "short.pcap", "-o", tmp_path / "out.pcapng")
    codes = []
    for path in (tmp_path / "short.pcap", tmp_path / "out.pcapng"):
        with inspect([str(path)]) as found:
            codes.append(sorted(finding.code for finding in found.findings))
    assert codes[0] == codes[1] and "GPI001" in codes[0]


# the same is told of the cut ----------------------------------------------------------------------------------------------


def test_a_plain_capture_tells_the_same_after_the_cut(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(request(segment=0))
    talk.server(ok_head())
    talk.swap("server", package("/d/a.csv", 0, 1, b"1,x\n"), package("/d/a.csv", 4, 2, b"2,y\n"))
    talk.gap("server", message("D", b"z" * 100)[:50])
    talk.close()
    refused = Conversation(capture, ("10.0.0.2", 40000))
    refused.open()
    refused.client(request(segment=1))
    refused.server(error_head(404))
    refused.close()
    source = capture.write(tmp_path / "in.pcap")
    cut(source, "-o", tmp_path / "out.pcapng")
    assert told(tmp_path / "out.pcapng") == told(source) != []


OPENED = {
    "dsb_tls12_dhe_aes256gcm.pcapng": (),
    "gap_tls12_rsa.pcap": ("gap_tls12_rsa.keylog",),
    "real_gpfdist_tls12_rsa_aes128sha.pcap": ("server.key",),
    "tls10_reneg_client_rsa.pcap": ("server.key",),
    "tls12_resume_sessionid_rsa.pcap": ("server.key",),
    "tls13_keyupdate_client.pcap": ("tls13_keyupdate_client.keylog",),
}


def key_options(keys: tuple[str, ...]) -> list[str]:
    return [text for name in keys for text in ("--server-key" if name.endswith(".key") else "--keylog", str(TLS / "keys" / name))]


def inspect_options(keys: tuple[str, ...]) -> dict[str, list[str]]:
    chosen = [str(TLS / "keys" / name) for name in keys]
    return {"server_keys": [k for k in chosen if k.endswith(".key")], "keylogs": [k for k in chosen if not k.endswith(".key")]}


@pytest.mark.parametrize("name", OPENED)
def test_embedded_secrets_alone_open_what_the_keys_opened(tmp_path: Path, name: str) -> None:
    keys = OPENED[name]
    result = cut(TLS / name, "-o", tmp_path / "out.pcapng", "--with-secrets", *key_options(keys))
    assert result.exit_code == 0, result.output
    before, after = told(TLS / name, **inspect_options(keys)), told(tmp_path / "out.pcapng")
    assert after == before
    assert any(one.get("decrypted") in ("full", "partial") for one in after)


@pytest.mark.parametrize("name", OPENED)
def test_a_capture_without_its_secrets_is_closed_again(tmp_path: Path, name: str) -> None:
    result = cut(TLS / name, "-o", tmp_path / "out.pcapng", "--strip-secrets", *key_options(OPENED[name]))
    assert result.exit_code == 0, result.output
    assert 10 not in [kind for kind, _ in blocks(tmp_path / "out.pcapng")]
    assert {one["decrypted"] for one in told(tmp_path / "out.pcapng") if "decrypted" in one} == {"none"}


def test_only_the_lines_that_these_connections_need_are_embedded(tmp_path: Path) -> None:
    own = (TLS / "keys" / "tls13_keyupdate_client.keylog").read_text().splitlines()
    needed = {line for line in own if "TRAFFIC_SECRET" in line and not line.endswith("_N") and "_TRAFFIC_SECRET_N " not in line}
    cut(
        TLS / "tls13_keyupdate_client.pcap",
        "-o",
        tmp_path / "out.pcapng",
        "--with-secrets",
        *[text for log in sorted((TLS / "keys").glob("*.keylog")) for text in ("--keylog", str(log))],
    )
    assert {line.lower() for line in embedded(tmp_path / "out.pcapng")} == {line.lower() for line in needed}
    assert len(embedded(tmp_path / "out.pcapng")) == 4  # two handshake and two traffic secrets


def test_a_server_key_is_never_embedded_only_a_line_for_each_connection_it_opened(tmp_path: Path) -> None:
    key = TLS / "keys" / "server.key"
    cut(TLS / "tls12_resume_sessionid_rsa.pcap", "-o", tmp_path / "out.pcapng", "--with-secrets", "--server-key", key)
    log = (TLS / "keys" / "tls12_resume_sessionid_rsa.keylog").read_text().splitlines()
    assert sorted(embedded(tmp_path / "out.pcapng")) == sorted(
        line.lower().replace("client_random", "CLIENT_RANDOM") for line in log if line[0] == "C"
    )
    assert b"PRIVATE" not in (tmp_path / "out.pcapng").read_bytes()


def test_a_connection_left_out_leaves_its_secret_out(tmp_path: Path) -> None:
    """The gpfdist conversation in the capture is one session of several connections; half of a merged pair stays out."""
    with inspect([str(TLS / "tls12_resume_sessionid_rsa.pcap")], server_keys=[str(TLS / "keys" / "server.key")]) as found:
        everything = found.key_log({1, 2, 3})
        assert [len(found.key_log({number})) for number in (1, 2, 3)] == [1, 1, 1]
        assert found.key_log({2}) == everything[1:2]
        assert found.key_log(set()) == []


# what is said -------------------------------------------------------------------------------------------------------------


def test_a_warning_says_that_the_file_carries_keys_and_shows_none(tmp_path: Path) -> None:
    result = cut(TLS / "dsb_tls12_dhe_aes256gcm.pcapng", "-o", tmp_path / "out.pcapng", "--with-secrets")
    assert f"gpinspect: WARNING: {tmp_path / 'out.pcapng'} carries 1 TLS secret" in result.stderr
    (line,) = embedded(tmp_path / "out.pcapng")
    assert line.split()[2] not in result.output and line.split()[1] not in result.output


def test_secrets_are_left_out_by_default_and_that_is_said(tmp_path: Path) -> None:
    result = cut(TLS / "dsb_tls12_dhe_aes256gcm.pcapng", "-o", tmp_path / "out.pcapng")
    assert embedded(tmp_path / "out.pcapng") == []
    assert "carries no secrets; --with-secrets embeds the 1" in result.stderr


def test_secrets_that_nobody_has_are_missed_aloud(tmp_path: Path) -> None:
    result = cut(
        TLS / "serverkeyonly_tls12_dhe.pcap", "-o", tmp_path / "out.pcapng", "--with-secrets", *key_options(("server.key",))
    )
    assert result.exit_code == 0
    assert "no key opened any of its TLS connections" in result.stderr


def test_json_says_what_was_written(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    result = cut(TLS / "dsb_tls12_dhe_aes256gcm.pcapng", "-o", out, "--with-secrets", "--json")
    size, count = out.stat().st_size, sum(kind == 6 for kind, _ in blocks(out))
    made = {"schema": "gpinspect.cut/1", "path": str(out), "connections": 1, "frames": count, "bytes": size, "secrets": 1}
    assert json.loads(result.stdout) == made


def test_only_its_owner_may_read_the_cut(tmp_path: Path) -> None:
    source, *_ = two_sessions(tmp_path)
    cut(source, "-o", tmp_path / "out.pcapng")
    assert stat.S_IMODE((tmp_path / "out.pcapng").stat().st_mode) == 0o600


# what goes wrong ------------------------------------------------------------------------------------------------------------


def test_a_file_that_is_there_stays_unless_told_otherwise(tmp_path: Path) -> None:
    source, *_ = two_sessions(tmp_path)
    out = tmp_path / "out.pcapng"
    out.write_bytes(b"precious")
    result = cut(source, "-o", out)
    assert (result.exit_code, out.read_bytes()) == (2, b"precious")
    assert "--force" in result.stderr
    assert cut(source, "-o", out, "--force").exit_code == 0
    assert out.read_bytes()[:4] == b"\n\r\r\n"


def test_a_dangling_link_is_something_that_is_there(tmp_path: Path) -> None:
    source, *_ = two_sessions(tmp_path)
    (tmp_path / "out.pcapng").symlink_to(tmp_path / "elsewhere")
    assert cut(source, "-o", tmp_path / "out.pcapng").exit_code == 2
    assert cut(source, "-o", tmp_path / "out.pcapng", "--force").exit_code == 0
    assert not (tmp_path / "out.pcapng").is_symlink() and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("how", ["same name", "other name", "in the folder"])
def test_an_input_is_never_replaced(tmp_path: Path, how: str) -> None:
    source, *_ = two_sessions(tmp_path)
    before = source.read_bytes()
    (tmp_path / "link.pcap").symlink_to(source)
    named = {"same name": source, "other name": tmp_path / "link.pcap", "in the folder": tmp_path}[how]
    result = cut(named, "-o", source, "--force")
    assert (result.exit_code, source.read_bytes()) == (2, before)
    assert "is an input" in result.stderr


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("missing/out.pcapng", "No such file or directory"),
        ("in.pcap/out.pcapng", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_where_no_file_can_be_is_said(tmp_path: Path, out: str, words: str) -> None:
    source, *_ = two_sessions(tmp_path)
    result = cut(source, "-o", tmp_path / out)
    assert result.exit_code == 5
    assert words in result.stderr and str(tmp_path / out) in result.stderr and "Traceback" not in result.output
    assert names(tmp_path) == ["in.pcap"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    source, *_ = two_sessions(tmp_path)
    result = cut(source, "-o", tmp_path, "--force")
    assert result.exit_code == 2 and "a folder" in result.stderr


def test_a_full_disk_is_said_and_the_device_is_not_replaced(tmp_path: Path) -> None:
    source, *_ = two_sessions(tmp_path)
    result = cut(source, "-o", "/dev/full", "--force")
    assert (result.exit_code, "No space left on device" in result.stderr) == (5, True)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, *_ = two_sessions(tmp_path)
    real = os.fdopen
    monkeypatch.setattr(
        "gpinspect.cli.outfile.os.fdopen",
        lambda descriptor, *_: (os.close(descriptor), real(os.open("/dev/full", os.O_WRONLY), "wb"))[1],
    )
    result = cut(source, "-o", tmp_path / "out.pcapng")
    assert (result.exit_code, "No space left on device" in result.stderr) == (5, True)
    assert names(tmp_path) == ["in.pcap"]


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, *_ = two_sessions(tmp_path)
    out = tmp_path / "out.pcapng"
    real = os.link

    def link(old: str, new: str) -> None:
        out.write_bytes(b"precious")
        real(old, new)

    monkeypatch.setattr("gpinspect.cli.outfile.os.link", link)
    assert cut(source, "-o", out).exit_code == 5
    assert out.read_bytes() == b"precious"
    assert names(tmp_path) == ["in.pcap", "out.pcapng"]


def test_an_input_that_shrank_between_the_readings_is_an_error_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, *_ = two_sessions(tmp_path)
    from gpinspect.cli import cut as verb

    real = verb._connections
    monkeypatch.setattr(verb, "_connections", lambda *given: (os.truncate(source, 400), real(*given))[1])
    result = cut(source, "-o", tmp_path / "out.pcapng")
    assert (result.exit_code, "an input changed" in result.stderr) == (5, True)
    assert names(tmp_path) == ["in.pcap"]


def test_a_capture_that_is_not_ours_is_not_cut(tmp_path: Path) -> None:
    capture = Capture()
    talk = Conversation(capture)
    talk.open()
    talk.client(b"SSH-2.0-x\r\n")
    talk.close()
    result = cut(capture.write(tmp_path / "in.pcap"), "-o", tmp_path / "out.pcapng")
    assert result.exit_code == 4
    assert not (tmp_path / "out.pcapng").exists()


def test_a_session_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    source, *_ = two_sessions(tmp_path)
    assert cut(source, "--session", 3, "-o", tmp_path / "out.pcapng").exit_code == 2
    assert not (tmp_path / "out.pcapng").exists()


def test_the_cut_can_go_to_standard_output(tmp_path: Path) -> None:
    source, *_ = two_sessions(tmp_path)
    cut(source, "-o", tmp_path / "out.pcapng")
    command = [sys.executable, "-m", "gpinspect.cli", "cut", str(source), "-o", "-"]
    done = subprocess.run(command, check=True, capture_output=True)
    assert done.stdout == (tmp_path / "out.pcapng").read_bytes()


# another reader -------------------------------------------------------------------------------------------------------------


def tshark(*arguments: str | Path) -> str:
    program = shutil.which("tshark")
    assert program, "tests/tools.sh installs tshark"
    return subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    "name", ["real_gpfdist_tls12_rsa_aes128sha.pcap", "tls12_resume_sessionid_rsa.pcap", "tls13_keyupdate_client.pcap"]
)
def test_tshark_opens_the_cut_with_nothing_but_its_secrets(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out.pcapng"
    cut(TLS / name, "-o", out, "--with-secrets", *key_options(OPENED[name]))
    port = json.loads((TLS / name).with_suffix(".json").read_text())["server_port"]
    lines = tshark(
        "-r",
        out,
        "-d",
        f"tcp.port=={port},tls",
        "-d",
        f"tls.port=={port},http",
        "-Y",
        "http.request",
        "-T",
        "fields",
        "-e",
        "http.request.uri",
    ).splitlines()
    with inspect([str(TLS / name)], **inspect_options(OPENED[name])) as found:
        assert lines == [exchange.path for exchange in found.exchanges] != []
