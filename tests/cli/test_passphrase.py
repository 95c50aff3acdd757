"""Protected private keys: the passphrase comes from a file or from the terminal, and nothing of it is ever shown."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

TLS = Path(__file__).resolve().parents[2] / "captures" / "tls"
CAPTURE = TLS / "real_gpfdist_tls12_rsa_aes128sha.pcap"
PASSPHRASE = b"correct horse"


@pytest.fixture
def protected(tmp_path: Path) -> Path:
    key = serialization.load_pem_private_key((TLS / "keys" / "server.key").read_bytes(), None)
    path = tmp_path / "protected.key"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(PASSPHRASE)
        )
    )
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gpinspect.cli", "tls", str(CAPTURE), "--json", *arguments]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def test_passphrase_from_a_file_opens_the_key_and_the_connection(tmp_path: Path, protected: Path) -> None:
    words = tmp_path / "words"
    words.write_bytes(PASSPHRASE + b"\nanything else\n")
    done = run("--server-key", str(protected), "--passphrase-file", str(words))
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["decrypted"] for line in done.stdout.splitlines()] == ["full"]


@pytest.mark.parametrize("words", [b"wrong words\n", b"", None])
def test_wrong_or_missing_passphrase_is_one_clear_line(tmp_path: Path, protected: Path, words: bytes | None) -> None:
    given = []
    if words is not None:
        (tmp_path / "words").write_bytes(words)
        given = ["--passphrase-file", str(tmp_path / "words")]
    done = run("--server-key", str(protected), *given)
    assert done.returncode == 5 and done.stdout == ""
    assert str(protected) in done.stderr and "passphrase" in done.stderr and len(done.stderr.splitlines()) == 1
    assert "wrong words" not in done.stderr and "PRIVATE" not in done.stderr


def test_passphrase_file_that_is_not_there_is_named(protected: Path) -> None:
    done = run("--server-key", str(protected), "--passphrase-file", "/nowhere/words")
    assert done.returncode == 5 and "/nowhere/words" in done.stderr


@pytest.mark.parametrize(
    ("content", "option"),
    [
        (b"", "--server-key"),
        (b"\0\xff" * 500, "--server-key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "--server-key"),
    ],
)
def test_garbage_for_a_key_is_one_clear_line(tmp_path: Path, content: bytes, option: str) -> None:
    path = tmp_path / "garbage.key"
    path.write_bytes(content)
    done = run(option, str(path))
    assert done.returncode == 5 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr and "Traceback" not in done.stderr


def test_garbage_for_a_key_log_opens_nothing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "garbage.log"
    path.write_bytes(b"\0\xff\n" * 500)
    done = run("--keylog", str(path))
    assert done.returncode == 0
    (told,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert told["decrypted"] == "none" and told["reason"] and told["c2s_bytes"] is None
