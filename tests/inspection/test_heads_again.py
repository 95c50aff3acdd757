"""The heads of an exchange, fetched from the capture again; and a key that is added later."""

from pathlib import Path

import pytest
from craft import Capture, Conversation, ok_head, package, request

from gpinspect.errors import TlsKeyError
from gpinspect.inspection import inspect


def heads_of(tmp_path: Path, *turns: tuple[bytes, bytes], cut: int | None = None) -> list[tuple[bytes | None, bytes | None]]:
    capture = Capture()
    for number, (sent, answered) in enumerate(turns):
        talk = Conversation(capture, ("10.0.0.1", 40000 + number))
        talk.open()
        talk.client(sent[:cut])
        if answered:
            talk.server(answered)
        talk.close()
    with inspect([str(capture.write(tmp_path / "heads.pcap"))], again=True) as found:
        return [(one.request, one.answer) for one in (found.read_head(exchange.id) for exchange in found.exchanges)]


def test_both_heads_come_back_byte_for_byte(tmp_path: Path) -> None:
    sent, answer = request(segment=0, count=1, path="/x.csv"), ok_head(1)
    assert heads_of(tmp_path, (sent, answer + package(b"/x.csv", 0, 1, b"1\n"))) == [(sent, answer)]


def test_a_head_that_was_never_finished_comes_as_far_as_it_came(tmp_path: Path) -> None:
    sent, late = request(segment=0, count=1, path="/x.csv"), b"HTTP/1.0 408 time out\r\nX-GPFDIST-VERSION: 6.24.3\r\n\r\n"
    assert heads_of(tmp_path, (sent, late), cut=110) == [(sent[:110], late)]


def test_each_exchange_has_its_own(tmp_path: Path) -> None:
    sent = [request(segment=number, count=2, path="/x.csv") for number in range(2)]
    found = heads_of(tmp_path, *((one, ok_head(1) + package(b"/x.csv", 0, 1, b"1\n")) for one in sent))
    assert [head for head, _ in found] == sent


def test_a_file_that_is_no_key_material_changes_nothing(tmp_path: Path) -> None:
    path = Capture().write(tmp_path / "empty.pcap")
    with inspect([str(path)], again=True) as found:
        for name, words in (("none", "no ordinary file"), ("notes.txt", "neither a key log nor a private key")):
            if name != "none":
                (tmp_path / name).write_text("dear diary\n")
            with pytest.raises(TlsKeyError, match=words):
                found.with_key(str(tmp_path / name))
