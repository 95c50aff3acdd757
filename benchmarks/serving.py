"""`gpinspect serve` beside Python's http.server: the same rows to 64 readers; `python -m benchmarks.serving --size 2G`.

The readers share one session of ours, so that each byte goes out once; http.server gives each reader a file of its own, of equal
size. CPU is that of the server's process, from when it listens; peak memory is the kernel's.
"""

import argparse
import contextlib
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

READERS = 64
ROW = b"%09d\tsome text of a row that is about as long as usual\t%06d\n"
TICKS = os.sysconf("SC_CLK_TCK")


class Served(NamedTuple):
    """One server that served everything once."""

    seconds: float
    cpu_s: float
    peak_mib: float
    bytes: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="512M", help="bytes of rows, like 512M or 2G (default: 512M)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    size = int(options.size[:-1]) << {"K": 10, "M": 20, "G": 30}[options.size[-1]]
    with tempfile.TemporaryDirectory(prefix="gpinspect-serving-") as folder:
        rows = write(Path(folder), size)
        contest: dict[str, list[Served]] = {"gpinspect serve, text": [], "gpinspect serve, csv": [], "http.server": []}
        for number in range(options.rounds):
            for name, series in contest.items():
                series.append(once(name, folder, number, rows))
    ours = contest["http.server"]
    print(f"{rows:,} bytes to {READERS} readers, median of {options.rounds} rounds")
    for name, series in contest.items():
        rate = statistics.median(run.bytes / run.seconds / 1e6 for run in series)
        cpu = statistics.median(run.cpu_s for run in series)
        ratio = statistics.median(run.cpu_s / max(other.cpu_s, 1 / TICKS) for run, other in zip(series, ours, strict=True))
        peak = max(run.peak_mib for run in series)
        print(f"{name:24} {rate:8.0f} MB/s  {cpu:6.2f} s CPU  {ratio:5.2f} x http.server  peak {peak:4.0f} MiB")
    return 0


def write(folder: Path, size: int) -> int:
    """all.txt, and the same rows in a file for each reader; how many bytes."""
    part = b"".join(ROW % (number, number % 999_983) for number in range(size // READERS // 67))
    with (folder / "all.txt").open("wb") as whole:
        for reader in range(READERS):
            whole.write(part)
            (folder / f"{reader}.txt").write_bytes(part)
    return len(part) * READERS


def once(name: str, folder: str, number: int, rows: int) -> Served:
    """Start a server, read everything, and stop it.

    Raises:
        RuntimeError: Fewer bytes came than there are rows.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ours = name != "http.server"
    command = [sys.executable, "-m", *(["gpinspect.cli", "serve", folder, "-p"] if ours else ["http.server"]), str(port)]
    command += [] if ours else ["-d", folder, "-b", "127.0.0.1"]
    with running(command, port) as process:
        options = "m1x 34q 34n0h0" if name.endswith("csv") else "m0x 92q  0n0h0"
        started, before = time.monotonic(), cpu_of(process.pid)
        got = read_all(port, [head(ours, reader, f"{number}-{os.getpid()}", options) for reader in range(READERS)])
        taken = Served(time.monotonic() - started, cpu_of(process.pid) - before, peak_of(process.pid), rows)
    if got < rows:
        raise RuntimeError(f"{name}: {got:,} bytes came; {rows:,} are rows")
    return taken


def head(ours: bool, reader: int, xid: str, options: str) -> bytes:
    if not ours:
        return b"GET /%d.txt HTTP/1.0\r\n\r\n" % reader
    key = f"X-GP-XID: {xid}\r\nX-GP-CID: 1\r\nX-GP-SN: 0\r\nX-GP-SEGMENT-ID: {reader}\r\nX-GP-SEGMENT-COUNT: {READERS}\r\n"
    return f"GET /all.txt HTTP/1.1\r\n{key}X-GP-PROTO: 1\r\nX-GP-CSVOPT: {options}\r\n\r\n".encode()


def read_all(port: int, requests: Sequence[bytes]) -> int:
    """Ask on a connection each, and throw away what comes; how many bytes that was."""
    chosen = selectors.DefaultSelector()
    for request in requests:
        connected = socket.create_connection(("127.0.0.1", port))
        connected.sendall(request)
        chosen.register(connected, selectors.EVENT_READ)
    buffer = bytearray(1 << 18)
    total = 0
    while chosen.get_map():
        for key, _ in chosen.select():
            assert isinstance(key.fileobj, socket.socket)
            size = key.fileobj.recv_into(buffer)
            total += size
            if not size:
                chosen.unregister(key.fileobj)
                key.fileobj.close()
    return total


@contextlib.contextmanager
def running(command: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()


def cpu_of(pid: int) -> float:
    """Seconds of user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_of(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
