"""Key material that comes late: behind the packets in the capture, or in a key log that is still being written."""

import shutil
import subprocess
from pathlib import Path

import pytest

from gpinspect.errors import TlsKeyError
from gpinspect.inspection import inspect, open_inspection
from gpinspect.inspection.secrets import KeyMaterial

TLS = Path(__file__).resolve().parents[2] / "captures" / "tls"
CAPTURE = TLS / "tls13_keyupdate_client.pcap"
KEYLOG = TLS / "keys" / "tls13_keyupdate_client.keylog"


def opened(found: "object") -> list[str]:
    return [one.report.decrypted for one in found.tls]  # type: ignore[attr-defined]


def test_secrets_behind_the_packets_open_what_was_before_them(tmp_path: Path) -> None:
    """mergecap and editcap put secrets in front; a recorder that learns them at the end writes them there."""
    plain, first = tmp_path / "plain.pcapng", tmp_path / "first.pcapng"
    subprocess.run(["editcap", "-F", "pcapng", CAPTURE, plain], check=True)
    subprocess.run(["editcap", "--inject-secrets", f"tls,{KEYLOG}", plain, first], check=True)
    blocks = first.read_bytes()
    at, parts = 0, {"secrets": b"", "rest": b""}
    while at < len(blocks):
        kind, size = int.from_bytes(blocks[at : at + 4], "little"), int.from_bytes(blocks[at + 4 : at + 8], "little")
        parts["secrets" if kind == 10 else "rest"] += blocks[at : at + size]
        at += size
    assert parts["secrets"]
    late = tmp_path / "late.pcapng"
    late.write_bytes(parts["rest"] + parts["secrets"])
    with inspect([str(late)]) as found, inspect([str(CAPTURE)], keylogs=[str(KEYLOG)]) as known:
        assert opened(found) == ["full"]
        assert [one.report.c2s_bytes for one in found.tls] == [one.report.c2s_bytes for one in known.tls]


def test_key_log_that_grows_while_the_capture_is_read_opens_it(tmp_path: Path) -> None:
    keylog = tmp_path / "keys.log"
    keylog.write_bytes(b"# nothing yet\n")
    inspection = open_inspection([str(CAPTURE)], keylogs=[str(keylog)])
    steps = inspection.steps()
    next(steps)
    with keylog.open("ab") as file:
        file.write(KEYLOG.read_bytes())
    for _ in steps:
        pass
    inspection.finish()
    assert opened(inspection) == ["full"]
    inspection.close()


def test_key_log_is_taken_over_in_pieces_even_within_a_line(tmp_path: Path) -> None:
    text = KEYLOG.read_bytes()
    keylog = tmp_path / "keys.log"
    keylog.write_bytes(text[:50])
    material = KeyMaterial([str(keylog)], [])
    for end in range(100, len(text) + 50, 50):
        keylog.write_bytes(text[:end])
        material.learn()
    with inspect([str(CAPTURE)], keylogs=[str(keylog)]) as found:
        assert opened(found) == ["full"]
    assert material.keys.key_log_count().bad == 0


def test_key_log_that_vanishes_stops_nothing(tmp_path: Path) -> None:
    keylog = tmp_path / "keys.log"
    shutil.copy(KEYLOG, keylog)
    material = KeyMaterial([str(keylog)], [])
    keylog.unlink()
    material.learn()
    assert material.keys.has_key_log


@pytest.mark.parametrize("name", ["missing.log", "."])
def test_key_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(TlsKeyError, match=str(tmp_path / name)):
        KeyMaterial([str(tmp_path / name)], [])
