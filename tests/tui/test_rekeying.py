"""A key is added while one looks on: the connection opens, or one line says why not."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from textual.pilot import Pilot

from gpinspect.tui.app import InspectApp
from tui.support import app_on, press, settled, text

MUSEUM = Path(__file__).resolve().parents[2] / "captures" / "tls"
CAPTURE = MUSEUM / "real_gpfdist_tls12_rsa_aes128sha.pcap"
KEY = MUSEUM / "keys" / "server.key"
KEYLOG = MUSEUM / "keys" / "real_gpfdist_tls12_rsa_aes128sha.keylog"
OTHER = MUSEUM / "keys" / "gap_tls12_rsa.keylog"


async def add(pilot: Pilot[None], name: str, *more: str) -> str:
    """Ask for a key and give this file, then whatever is asked for next; what stands on the last line afterwards."""
    app = pilot.app
    assert isinstance(app, InspectApp)
    await press(pilot, "a")
    for written in (name, *more):
        app.screen.prompt.paste(written)  # type: ignore[attr-defined]
        await press(pilot, "enter")
    for _ in range(1000):
        await pilot.pause(0.02)
        if "reading again" not in text(app).splitlines()[-1]:
            break
    return text(app).splitlines()[-1]


@pytest.mark.parametrize("key", [KEY, KEYLOG], ids=["server key", "key log"])
async def test_a_key_that_fits_opens_the_connection_and_its_session_is_there(key: Path) -> None:
    app = app_on(CAPTURE, utc=True)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert "closed to us" in text(app)
        await press(pilot, "T")
        assert "0 opened" in text(app)
        assert "opened 1 connection" in await add(pilot, str(key))
        assert "1 opened" in text(app) and "opened:" in text(app)
        await press(pilot, "enter")
        assert "Offset" in text(app)
        await press(pilot, "enter")
        assert "F file name" in text(app)
        await press(pilot, "H")
        assert "X-GP-XID" in text(app)


async def test_a_key_of_somebody_else_opens_nothing_and_the_reason_is_told() -> None:
    app = app_on(CAPTURE, utc=True)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await press(pilot, "T")
        assert "gap_tls12_rsa.keylog opens none of the 1 closed connection" in await add(pilot, str(OTHER))
        assert "0 opened" in text(app) and "why: no key log line has the client random" in text(app)
        assert "opened 1 connection" in await add(pilot, str(KEYLOG))


async def test_a_file_that_is_no_key_says_so_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("dear diary\n")
    app = app_on(CAPTURE, utc=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await press(pilot, "T")
        assert await add(pilot, str(tmp_path / "notes.txt")) == "notes.txt: neither a key log nor a private key in PEM form"
        assert (await add(pilot, str(tmp_path / "none.key"))).startswith("none.key: no ordinary file")
        assert "0 opened" in text(app)


async def test_a_protected_key_asks_for_its_passphrase_and_shows_stars(tmp_path: Path) -> None:
    private = load_pem_private_key(KEY.read_bytes(), None)
    form = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
    (tmp_path / "server.pem").write_bytes(form)
    app = app_on(CAPTURE, utc=True)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await press(pilot, "T")
        assert "the passphrase does not open this key" in await add(pilot, str(tmp_path / "server.pem"), "wrong")
        await press(pilot, "a")
        app.screen.prompt.paste(str(tmp_path / "server.pem"))  # type: ignore[attr-defined]
        await press(pilot, "enter")
        app.screen.prompt.paste("open sesame")  # type: ignore[attr-defined]
        await pilot.pause()
        assert "passphrase" in text(app) and "***********" in text(app) and "sesame" not in text(app)
        await press(pilot, "enter")
        for _ in range(1000):
            await pilot.pause(0.02)
            if "opened 1 connection" in text(app):
                break
        assert "1 opened" in text(app)
