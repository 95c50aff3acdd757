"""What is fetched from the capture again is what was there the first time."""

import hashlib
from pathlib import Path

import pytest
from craft import Capture, read_session

from gpinspect.inspection import Inspection, inspect
from gpinspect.model.packages import DATA

MUSEUM = Path(__file__).resolve().parents[2] / "captures"


def check(found: Inspection) -> int:
    """Every package is read again; the rows of each exchange must hash to what the first reading said."""
    packages = 0
    for exchange in found.exchanges:
        digest = hashlib.sha256()
        for index, package in enumerate(exchange.packages):
            again = found.read_package(exchange.id, index)
            packages += 1
            assert not (package.complete and again.missing)
            if package.kind == DATA:
                digest.update(again.data[package.head : package.head + package.length])
        if exchange.message_counts is not None:
            assert digest.hexdigest() == exchange.payload_sha256
    return packages


@pytest.mark.parametrize("resolution", [6, 9])
def test_packages_of_a_healthy_session_read_the_same_again(tmp_path: Path, resolution: int) -> None:
    capture = Capture()
    rows = b"".join(b"%d,some text\n" % number for number in range(20_000))
    read_session(capture, {"/data/a.csv": rows}, 4, package_size=8192)
    path = tmp_path / "load.pcapng"
    path.write_bytes(capture.pcapng(resolution))
    with inspect([str(path)], hashes=True) as found:
        assert check(found) > len(rows) // 8192


@pytest.mark.parametrize("name", ["gp-get-csv-loss.pcapng", "gp-get-csv-mtu1500.pcapng", "gp-get-two-servers.pcapng"])
def test_recorded_packages_read_the_same_again(name: str) -> None:
    with inspect([str(MUSEUM / name)], hashes=True) as found:
        assert check(found)


def test_frames_of_a_package_are_those_that_hold_its_bytes() -> None:
    """gp-get-csv-mtu1500: a package spans many frames of at most 1448 bytes, in order."""
    with inspect([str(MUSEUM / "gp-get-csv-mtu1500.pcapng")]) as found:
        exchange = next(e for e in found.exchanges if e.packages.data)
        package = exchange.packages[0]
        pieces = found.read_package(exchange.id, 0).pieces
        assert [at for at, _, _ in pieces] == [sum(length for _, length, _ in pieces[:index]) for index in range(len(pieces))]
        assert all(length <= 1448 for _, length, _ in pieces)
        assert (pieces[0][2], pieces[-1][2]) == (package.frame, package.end_frame)
