"""The server against recorded conversations: given the files and the requests, it answers with the bytes that the real one sent.

Declared differences: which member of a session got which package (readiness decides), and with it whether a member came in time
for the end package or was late. The version text is set to the recorded one.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from gpinspect.peers import ReferenceServer
from tests.peers.recorded import Talk, form, lay_out, play, sources, talks, told, version_of

CAPTURES = Path(__file__).parents[2] / "captures"

ALONE = [
    "curl-bad-requests.pcapng",
    "curl-get-p0-text-1seg.pcapng",
    "curl-late-segments-2.pcapng",
    "curl-post-2seg.pcapng",
    "gp-get-404.pcapng",
    "gp-post-cancelled-s.pcapng",
    "m7-post-zstd-2seg.pcap",
]
SHARED = [
    "curl-get-p1-wildcard-2seg.pcapng",
    "gp-get-cooked.pcap",
    "gp-get-csv-header-4seg.pcapng",
    "gp-get-csv-loss.pcapng",
    "gp-get-csv-mtu1500.pcapng",
    "gp-get-nanosecond.pcap",
    "gp-get-two-servers.pcapng",
    "m7-get-zstd-csv-mtu1500-3seg.pcap",
]


async def replayed(capture: str, recorded: list[Talk], root: Path, **more: object) -> list[bytes]:
    shown = lay_out(recorded, root)
    modern = capture.startswith("m7")
    settings = {"release": "7" if modern else "6", "compress": modern, **more}
    async with ReferenceServer(
        directory=str(root),
        shown_directory=shown,
        hosts=("127.0.0.1",),
        port=0,
        head_timeout=0.5,
        version=version_of(recorded),
        **settings,
    ) as server:
        return await play("127.0.0.1", server.port, recorded)


@pytest.mark.parametrize("capture", ALONE)
async def test_requests_without_company_are_answered_byte_for_byte(capture: str, tmp_path: Path) -> None:
    recorded = talks(CAPTURES / capture)
    assert recorded
    answers = await replayed(capture, recorded, tmp_path)
    assert answers == [talk.server for talk in recorded]


@pytest.mark.parametrize("capture", SHARED)
async def test_members_of_a_session_get_the_recorded_packages_between_them(capture: str, tmp_path: Path) -> None:
    by_server: dict[int, list[Talk]] = {}
    for talk in talks(CAPTURES / capture):
        by_server.setdefault(talk.server_port, []).append(talk)
    for port, recorded in by_server.items():
        root = tmp_path / str(port)
        root.mkdir()
        answers = await replayed(capture, recorded, root)
        wanted = sum((told(talk.server) for talk in recorded), Counter())
        assert wanted
        assert sum((told(answer) for answer in answers), Counter()) == wanted
        assert {form(answer) for answer in answers} <= {form(talk.server) for talk in recorded}


@pytest.mark.parametrize("capture", ["curl-post-2seg.pcapng", "gp-post-cancelled-s.pcapng", "m7-post-zstd-2seg.pcap"])
async def test_written_file_holds_the_recorded_rows(capture: str, tmp_path: Path) -> None:
    await replayed(capture, talks(CAPTURES / capture), tmp_path)
    truth = json.loads((CAPTURES / f"{capture}.json").read_text())
    (written,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written.stat().st_size == truth["payload_bytes"]
    wanted = Counter(line for talk in talks(CAPTURES / capture) for line in rows_posted(talk, capture))
    assert Counter(written.read_bytes().splitlines(keepends=True)) == wanted


def rows_posted(talk: Talk, capture: str) -> list[bytes]:
    import zstandard

    body = talk.client[len(talk.head) :]
    if body and capture.startswith("m7"):
        body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return body.splitlines(keepends=True)


async def test_row_longer_than_a_block_ends_as_recorded(tmp_path: Path) -> None:
    capture = "gp-get-line-too-long-s.pcapng"
    recorded = talks(CAPTURES / capture)
    ((name, data),) = sources(recorded).items()
    lay_out(recorded, tmp_path)
    place = tmp_path / name.rpartition(b"/")[2].decode()
    real_lay_out = data + b"x" * 40_000 + b"\n"
    requests = recorded[:1] * 3
    async with ReferenceServer(
        directory=str(tmp_path), shown_directory="/data/etl", hosts=("127.0.0.1",), port=0, version=version_of(recorded)
    ) as server:
        place.write_bytes(real_lay_out)
        answers = []
        from tests.peers.recorded import ask

        for talk in requests:
            answers.append(await ask("127.0.0.1", server.port, talk.client))
    forms = {form(talk.server) for talk in recorded}
    assert sum((told(talk.server) for talk in recorded), Counter()) == told(answers[0])
    assert form(answers[0]) in forms
    assert form(answers[0])[1].startswith(b"E\0\0\0;line too long in file /data/etl/long.txt near (71284 bytes)")
    assert form(answers[1]) in forms
    assert answers[1].startswith(b"HTTP/1.0 500 session error\r\n")
    assert answers[2] == answers[1]


def test_recorded_text_is_what_the_sidecar_says() -> None:
    """The joiner used here is no part of the product; hold it against the truth beside the capture."""
    recorded = talks(CAPTURES / "gp-get-csv-header-4seg.pcapng")
    ((_, data),) = sources(recorded).items()
    truth = json.loads((CAPTURES / "gp-get-csv-header-4seg.pcapng.json").read_text())["sessions_detail"][0]["files"][0]
    assert hashlib.sha256(data[truth["first_offset"] :]).hexdigest() == truth["sha256"]
