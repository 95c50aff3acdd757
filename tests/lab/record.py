"""Arranges one scenario, records it and writes down what was true."""

import hashlib
import itertools
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import pcap, truth
from .plan import Scenario, Stop, Told
from .space import CLIENT, SERVER, Space

HERE = Path(__file__).resolve().parent
PORT = 8080
LOADERS = ("reader", "writer")  # the others are strangers to the load
LEAD = 0.15  # seconds between the last "ready" and the start
OWN_DELAY = 0.08  # seconds; more, and the recording shows the machine and not what was arranged
LONGEST = 40.0  # seconds that a load may take


class Player:
    """One of the scripts at work in a namespace: it says `ready`, is told when to start, and tells in JSON lines what it did."""

    def __init__(self, space: Space, name: str, script: str, plan: dict[str, Any]) -> None:
        command = space.inside(name, sys.executable, "-I", "-S", str(HERE / script), json.dumps(plan))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.script, self.said, self._lines = script, [], queue.Queue[str | None]()
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def line(self) -> str:
        line = self._lines.get(timeout=20)
        if line is None:
            assert self.process.stderr is not None
            raise RuntimeError(f"{self.script} ended early: {self.process.stderr.read()[-2000:]}")
        return line.strip()

    def ready(self) -> None:
        line = self.line()
        if line != "ready":
            raise RuntimeError(f"{self.script} said {line!r}, not ready")

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def rest(self) -> list[dict[str, Any]]:
        """All that it has said, when it has ended."""
        self._ear.join(timeout=5)
        while not self._lines.empty():
            if (line := self._lines.get()) is not None and line.startswith("{"):
                self.said.append(json.loads(line))
        return self.said

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=10)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue


class Recorder:
    """tcpdump in one of the two hosts."""

    def __init__(self, space: Space, scenario: Scenario, path: Path) -> None:
        name = space.server if scenario.vantage == "near_server" else space.client
        command = ["tcpdump", "-i", "eth0", "-w", str(path), "-U", "-n", "--immediate-mode", "--time-stamp-precision=nano"]
        command += ["-s", str(scenario.snaplen), "-Z", "root", "tcp"]
        self.process = subprocess.Popen(space.inside(name, *command), stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        heard = []
        while line := self.process.stderr.readline():
            heard.append(line)
            if "listening on" in line:
                return
        raise RuntimeError(f"tcpdump did not start: {''.join(heard)}")

    def stop(self) -> None:
        time.sleep(0.1)
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=10)
        dropped = [int(count) for count in re.findall(r"(\d+) packets? dropped by (?:kernel|interface)", said)]
        if any(dropped) or not dropped:
            raise RuntimeError(f"tcpdump lost frames by itself: {said}")

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate(timeout=10)


def _halt(stop: Stop, zero: float, pids: dict[str, int], happened: dict[str, list[Any]]) -> None:
    pid = pids[str(stop.who)]
    time.sleep(max(0.0, zero + stop.at - time.time()))
    os.kill(pid, signal.SIGSTOP)
    start = time.time_ns()
    time.sleep(stop.seconds)
    os.kill(pid, signal.SIGCONT)
    happened.setdefault("stop", []).append(([start, time.time_ns()], stop.who))


def record(scenario: Scenario, number: int, folder: Path, certificate: Path | None = None) -> dict[str, Any]:
    """Arrange and record one scenario; gives its entry of the manifest.

    Args:
        number: Of this run; it names the namespaces.
        folder: Where NAME.pcap (and NAME.keys) go.
        certificate: PEM file with certificate and key, for the ones over TLS.

    Raises:
        NoNamespacesError: No namespaces to be had.
        RuntimeError: A part of the laboratory failed; nothing is said about the wire then.
    """
    path, keylog = folder / f"{scenario.name}.pcap", folder / f"{scenario.name}.keys"
    fifo = folder / f".{scenario.name}.{os.getpid()}.fifo"
    fifo.unlink(missing_ok=True)
    keylog.unlink(missing_ok=True)
    os.mkfifo(fifo)
    players: list[Any] = []

    def play(*args: Any) -> Player:
        players.append(Player(space, *args))
        return players[-1]

    try:
        with Space(number) as space:
            try:
                happened: dict[str, list[Any]] = {}
                wire = {"server_side": "tos", "client_side": "toc", "orders": [asdict(order) for order in scenario.orders]}
                served = {
                    "address": SERVER,
                    "port": PORT,
                    "path": str(fifo),
                    "name": "/data/lab.txt",
                    "naps": scenario.source.naps,
                    "naps_in_post": scenario.naps_in_post,
                }
                served |= {"certificate": str(certificate) if scenario.tls else None, "keylog": str(keylog)}
                fed = {"path": str(fifo), "total": scenario.source.total, "rate": scenario.source.rate}
                fed |= {"chunk": scenario.source.chunk, "pauses": scenario.source.pauses}
                cluster = {
                    "address": CLIENT,
                    "server": [SERVER, PORT],
                    "tls": scenario.tls,
                    "count": sum(one.kind in LOADERS for one in scenario.segments),
                }
                cluster |= {"xid": f"23-{number + 2:010d}", "segments": scenario.plan_of_segments(), "pauses": scenario.pauses}
                bridge, server = play(space.wire, "bridge.py", wire), play(space.server, "server.py", served)
                source = play(space.server, "source.py", fed) if scenario.method == "GET" else None
                segments = play(space.client, "segments.py", cluster)
                for player in players:
                    player.ready()
                pids = {"server": server.process.pid, **json.loads(segments.line())["children"]}
                players.append(recorder := Recorder(space, scenario, path))
                zero = time.time() + LEAD
                for player in (bridge, server, source, segments):
                    if player is not None:
                        player.tell(repr(zero))
                threads = [
                    threading.Thread(target=_halt, args=(stop, zero, pids, happened), daemon=True) for stop in scenario.stops
                ]
                for thread in threads:
                    thread.start()
                segments.process.wait(timeout=LONGEST)
                for thread in threads:
                    thread.join(timeout=LONGEST)
                recorder.stop()
                bridge.tell("stop")
                bridge.process.wait(timeout=10)
                told = bridge.rest()[0]
                log = told["log"]
                server.process.kill()
                said = [{"worst": told["worst"]}] + segments.rest() + server.rest() + (source.rest() if source else [])
            finally:
                for player in players:
                    player.kill()
    finally:
        fifo.unlink(missing_ok=True)
    _collect(scenario, said, log, zero, happened)
    return describe(scenario, path, keylog, zero, said, log, happened)


def _collect(scenario: Scenario, said: list[dict[str, Any]], log: list[Any], zero: float, happened: dict[str, list[Any]]) -> None:
    """Sort what the players told into happenings: name -> [(interval, who), ...]."""
    for line in said:
        happened.setdefault("pause", []).extend((span, None) for span in line.get("pauses", ()))
        if "nap" in line:
            happened.setdefault("segment nap" if "segment" in line else "nap", []).append((line["nap"], line.get("segment")))
        if "halt" in line:
            happened.setdefault("halt", []).append((line["halt"], line["segment"]))
        if line.get("worst", 0.0) > OWN_DELAY:
            raise RuntimeError(
                f"{scenario.name}: the machine was too busy: the laboratory itself held things up for {line['worst']:.3f} s"
            )
        if "trouble" in line:
            raise RuntimeError(f"{scenario.name}: segment {line['segment']}: {line['trouble']}")
    for index, order in enumerate(scenario.orders):
        entries = [entry for entry in log if entry[0] == index]
        if not entries:
            raise RuntimeError(f"{scenario.name}: the bridge never did what order {index} ({order.action}) says")
        if order.end is not None and not order.count:
            spans = [[int((zero + order.start) * 1e9), int((zero + order.end) * 1e9)]]
        else:
            spans = [[entry[1], entry[6] or entry[1]] for entry in entries] if order.count else [[entries[0][1], entries[-1][1]]]
        ports = sorted({entry[5] for entry in entries})
        happened[f"order {index}"] = [(span, ("ports", ports)) for span in spans]


def _merged(spans: list[Any]) -> list[Any]:
    """One span for those that lie on each other: four segments that sleep at the same time are one event."""
    out: list[Any] = []
    for start, end in sorted(spans):
        if out and start < out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return out


def _intervals(told: Told, happened: dict[str, list[Any]], life: list[int]) -> list[tuple[list[int], list[int] | None]]:
    """(interval, ports hit or None for those that the table says) of one line of the truth."""
    if told.happening == "throughout":
        return [(life, None)]
    events = happened.get(told.happening, [])
    if not events:
        raise RuntimeError(f"what the truth speaks of did not happen: {told}")
    if told.happening == "edit":
        return [(interval, ports) for interval, ports in events]
    if told.happening.startswith("order") and events[0][1] and len(events) == 1 and len(events[0][1][1]) == 1:
        return [(interval, who[1]) for interval, who in events]
    if told.happening == "stop" and told.flows is not None:
        events = [event for event in events if event[1] in told.flows]
    return [(span, None) for span in _merged([list(interval) for interval, _ in events])]


def describe(
    scenario: Scenario, path: Path, keylog: Path, zero: float, said: Any, log: Any, happened: dict[str, list[Any]]
) -> dict[str, Any]:
    """The entry of the manifest, in the shape of the shared captures' one."""
    records = pcap.read(path)
    if too_long := sum(record.length > 1514 for record in records):
        raise RuntimeError(f"{scenario.name}: {too_long} frames are longer than 1514 bytes: offload could not be switched off")
    facts: dict[str, Any] = {}
    if scenario.edit is not None:
        records, facts = scenario.edit(records, PORT, int(zero * 1e9))
        pcap.write(path, records, scenario.snaplen)
        happened["edit"] = [(interval, ports) for interval, ports, _ in facts.get("happened", ())]
    segments = {line["port"]: line["segment"] for line in said if line.get("kind") in LOADERS}
    strangers = {line["port"] for line in said if line.get("kind", "reader") not in LOADERS}
    seen = truth.look(records, PORT, facts.get("as_written", False))
    unknown = set(seen) - set(segments) - strangers
    if unknown or not seen:
        raise RuntimeError(f"{scenario.name}: the file has connections that nobody made: {sorted(unknown)}")
    quiet = truth.all_silent({port: one for port, one in seen.items() if port in segments})
    first, last = min(record.time for record in records), max(record.time for record in records)
    stalls, hit = [], set()
    for told in scenario.truth:
        for interval, ports in _intervals(told, happened, [first, last]):
            if interval[0] > last or interval[1] < first:
                continue
            interval = [max(interval[0], first), min(interval[1], last)] if scenario.edit else interval
            flows = {p: s for p, s in segments.items() if (p in ports if ports else told.flows is None or s in told.flows)}
            shown = truth.visible(seen, flows, tuple(interval))
            if scenario.method == "POST":
                shown += truth.per_segment(seen, flows, tuple(interval))
            visible = any(v["silent"] or v.get("zero_window_of_client") or v.get("zero_window_of_server") for v in shown)
            alive = [{"segment": segments[port], "client_port": port} for port in seen if port in flows]
            if scenario.method == "POST":  # of the many connections of a writer only those that the interval meets
                met = {port for port, one in seen.items() if one.start <= interval[1] and one.end >= interval[0]}
                alive = [entry for entry in alive if entry["client_port"] in met]
            if told.cause == scenario.cause:
                hit |= {entry["client_port"] for entry in alive}
            silent = [
                list(s) for s in quiet if truth.overlap(s, tuple(interval)) >= min(50_000_000, (interval[1] - interval[0]) // 2)
            ]
            stall = {"cause": told.cause, "interval": interval, "flows": alive, "what": f"{scenario.kind} ({told.happening})"}
            stall |= {
                "scope": "all" if not ports and set(flows) == set(segments) else "some",
                "visible": shown,
                "silence_visible": visible,
                "all_silent": silent,
            }
            stalls.append(stall)
    all_flows = []
    for port, one in sorted(seen.items(), key=lambda item: item[1].start):
        entry = {"client_port": port, "segment": segments.get(port), "method": scenario.method if port in segments else None}
        entry |= {
            "start_ns": one.start,
            "end_ns": one.end,
            "server_bytes": one.bytes["server"],
            "client_bytes": one.bytes["client"],
        }
        entry |= {f"zero_window_of_{side}": one.windows(side) for side in ("client", "server") if one.windows(side)}
        all_flows.append(entry)
    counted: dict[str, int] = {}
    for _, _, did, direction, *_ in log:
        counted[f"{did} {direction}"] = counted.get(f"{did} {direction}", 0) + 1
    content = path.read_bytes()
    return {
        "file": path.name,
        "kind": scenario.kind,
        "cause": scenario.cause,
        "pattern": scenario.pattern,
        "flows": [{"segment": segments[port], "client_port": port} for port in seen if port in hit],
        "intervals": [stall["interval"] for stall in stalls],
        "stalls": stalls,
        "throughout": scenario.throughout,
        "vantage": scenario.vantage,
        "pair": None,
        "snaplen": scenario.snaplen,
        "arranged": scenario.arranged,
        "must_not_be_blamed": ", ".join(scenario.not_to_blame),
        "also_right": list(scenario.also_right),
        "client": "laboratory segments",
        "server": "laboratory server",
        "server_ports": [PORT],
        "server_address": SERVER,
        "keylog": keylog.name if scenario.tls else None,
        "start_ns": int(zero * 1e9),
        "capture_start_ns": first,
        "capture_end_ns": last,
        "frames": len(records),
        "records_not_in_time_order": sum(b.time < a.time for a, b in itertools.pairwise(records)),
        "bridge": counted or None,
        "edited": scenario.edit is not None,
        "removed_frames": facts.get("removed"),
        "all_flows": all_flows,
        "all_flows_silent": [list(span) for span in quiet],
        "notes": scenario.notes,
        "file_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
