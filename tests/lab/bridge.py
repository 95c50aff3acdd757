"""The wire between the two hosts: forwards frames between two interfaces and spoils them as ordered.

Plain script for a namespace of its own: argument 1 is the plan as JSON, `ready` goes out, the start time (seconds since
the epoch) comes in as a line, a second line (or the end of input) asks for the log as JSON and ends the program. `worst` in the
log is the longest time (s) that the bridge by itself held a frame back.

Orders are looked at in turn, the first that fits a frame decides. An order has `action` (drop, delay, double, swap, rate,
hold), `direction` (s2c, c2s, both), `kind` (any, data, ack, syn, fin), `start` and `end` in seconds after the start time (`end`
null: for ever), `skip` and `count` of matching frames, `probability`, `seconds` (of a delay; of a hold at the most), `rate` in
bytes a second and `queue` in bytes.
"""

import heapq
import json
import random
import select
import socket
import struct
import sys
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
SO_TIMESTAMPNS = 35
FIN, SYN = 1, 2


def port(interface):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    end.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    end.bind((interface, 0))
    end.setblocking(False)
    return end


def look(frame):
    """Kind of a frame and its two ports; `other` when it is not TCP over IPv4."""
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return "other", 0, 0
    at = 14 + (frame[14] & 15) * 4
    size = struct.unpack_from("!H", frame, 16)[0] - (frame[14] & 15) * 4 - (frame[at + 12] >> 4) * 4
    flags = frame[at + 13]
    source, target = struct.unpack_from("!HH", frame, at)
    kind = "syn" if flags & SYN else "data" if size > 0 else "fin" if flags & FIN else "ack"
    return kind, source, target


class Order:
    def __init__(self, told, zero):
        self.action = told["action"]
        self.direction, self.kind = told["direction"], told["kind"]
        self.start = zero + told["start"]
        self.end = float("inf") if told["end"] is None else zero + told["end"]
        self.skip, self.left = told["skip"], told["count"] or float("inf")
        self.probability, self.dice = told["probability"], random.Random(told["seed"])
        self.seconds, self.rate, self.queue = told["seconds"], told["rate"], told["queue"]
        self.free = {"s2c": 0.0, "c2s": 0.0}  # when the limited line has sent what was given to it

    def fits(self, direction, kind, now):
        if not self.start <= now < self.end or self.left <= 0:
            return False
        if self.direction not in (direction, "both") or self.kind not in (kind, "any"):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.probability < 1 and self.dice.random() >= self.probability:
            return False
        self.left -= 1
        return True

    def departures(self, direction, size, now):
        """Times at which the frame leaves: none when it is dropped, two when it is doubled."""
        if self.action == "drop":
            return []
        if self.action == "double":
            return [now, now + 0.0002]
        if self.action == "hold":
            return [min(self.end, now + self.seconds)]
        if self.action == "rate":
            ahead = max(self.free[direction], now)
            if (ahead - now) * self.rate > self.queue:
                return []
            self.free[direction] = ahead + size / self.rate
            return [self.free[direction]]
        return [now + self.seconds]  # delay; swap is a delay that lets the next frame pass


def main():
    plan = json.loads(sys.argv[1])
    ends = {"s2c": port(plan["server_side"]), "c2s": port(plan["client_side"])}
    out = {"s2c": ends["c2s"], "c2s": ends["s2c"]}
    print("ready", flush=True)
    zero = float(sys.stdin.readline())
    orders = [Order(told, zero) for told in plan["orders"]]
    log, waiting, pending, ticket, worst = [], {}, [], 0, 0.0
    poll = select.poll()
    for end in ends.values():
        poll.register(end, select.POLLIN)
    poll.register(sys.stdin, select.POLLIN)
    names = {end.fileno(): name for name, end in ends.items()}
    stop = False
    while not stop:
        patience = 1.0 if not pending else max(0.0, pending[0][0] - time.time())
        for number, _ in poll.poll(patience * 1000):
            if number == sys.stdin.fileno():
                stop = True
                continue
            direction = names[number]
            for _ in range(64):
                try:
                    frame, extra, _, _ = ends[direction].recvmsg(65536, 64)
                except BlockingIOError:
                    break
                now = time.time()
                seconds, nanos = struct.unpack("qq", extra[0][2])
                worst = max(worst, now - seconds - nanos / 1e9)
                kind, source, target = look(frame)
                flow = (direction, kind, source, target)
                index = next((i for i, order in enumerate(orders) if order.fits(direction, kind, now)), None)
                leaving = [now] if index is None else orders[index].departures(direction, len(frame), now)
                if index is not None:
                    did = "drop" if not leaving else orders[index].action
                    log.append([index, time.time_ns(), did, direction, kind, target if direction == "s2c" else source, None])
                    if did == "drop":
                        waiting.setdefault(flow, []).append(log[-1])
                if leaving:
                    for entry in waiting.pop(flow, ()):
                        entry[6] = time.time_ns()
                for due in leaving:
                    ticket += 1
                    heapq.heappush(pending, (due, ticket, direction, frame))
        now = time.time()
        while pending and pending[0][0] <= now:
            due, _, direction, frame = heapq.heappop(pending)
            worst = max(worst, time.time() - due)
            try:
                out[direction].send(frame)
            except OSError as trouble:
                log.append([-1, time.time_ns(), str(trouble), direction, "", 0, None])
    print(
        json.dumps(
            {"log": log, "worst": worst, "columns": ["order", "time", "did", "direction", "kind", "client_port", "passed_again"]}
        ),
        flush=True,
    )


main()
