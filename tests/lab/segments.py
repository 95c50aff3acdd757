"""The segments of a cluster: a process each, reading or posting as told.

Plain script: argument 1 is the plan as JSON: `address`, `server`, `tls`, `count`, `xid`, `segments` (a list), `pauses` of the
statement that writes. `ready` with the process ids goes out, the start time comes in as a line. What happened goes out as JSON
lines: connections with their ports, naps, ends.

A reader has `start`, `rate` (bytes a second or null), `bite` (bytes a read), `receive_buffer` and `naps`.
A writer gets its rows in turn from the parent, as from a statement that redistributes: while one segment is stuck, the
statement waits for it. It has `posts`, `size`, `gap` between posts, and `halts` as [[post, seconds], ...]: half a body, a halt,
the other half. A silent one connects at `start`, says nothing for `seconds` and goes. One of kind `status` asks for the status
page at `start`.
"""

import json
import os
import select
import socket
import ssl
import sys
import time

PATH = "/lab.txt"


def say(**what):
    os.write(1, json.dumps(what).encode() + b"\n")


def connect(plan, mine):
    conn = socket.socket()
    if mine.get("receive_buffer"):
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, mine["receive_buffer"])
    mine["port"] += 1  # a port of its own for each connection: what is told about a port is about one connection
    conn.bind((plan["address"], mine["port"]))
    say(segment=mine["segment"], kind=mine["kind"], port=conn.getsockname()[1], time=time.time_ns())
    conn.connect(tuple(plan["server"]))
    if plan["tls"] and mine["kind"] != "silent":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        conn = context.wrap_socket(conn, server_hostname="lab.example")
    return conn


def head(plan, mine, method, more):
    address, port = plan["server"]
    lines = [
        f"{method} {PATH} HTTP/1.1",
        f"Host: {address}:{port}",
        "Accept: */*",
        f"X-GP-XID: {plan['xid']}",
        "X-GP-CID: 2",
        "X-GP-SN: 0",
    ]
    lines += [f"X-GP-SEGMENT-ID: {mine['segment']}", f"X-GP-SEGMENT-COUNT: {plan['count']}", "X-GP-LINE-DELIM-LENGTH: -1", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def nap(mine, naps):
    while naps and time.time() >= naps[0][0]:
        _, length = naps.pop(0)
        start = time.time_ns()
        time.sleep(length)
        say(segment=mine["segment"], nap=[start, time.time_ns()])


def read(plan, mine, zero):
    conn = connect(plan, mine)
    more = ["X-GP-PROTO: 1", "X-GP-MASTER_HOST: 10.77.1.1", "X-GP-MASTER_PORT: 5432", "X-GP-CSVOPT: m0x 92q  0n0h0"]
    more += ["X-GP-DATABASE: lab", "X-GP-USER: gpadmin", f"X-GP-SEG-PORT: {6000 + mine['segment']}", "X-GP-SESSION-ID: 23"]
    conn.sendall(head(plan, mine, "GET", more))
    naps = [(zero + at, length) for at, length in mine["naps"]]
    total, begun = 0, None
    while True:
        nap(mine, naps)
        piece = conn.recv(mine["bite"])
        if not piece:
            break
        total += len(piece)
        begun = begun or time.monotonic()
        if mine["rate"]:
            time.sleep(min(1.0, max(0.0, begun + total / mine["rate"] - time.monotonic())))
    conn.close()


def post(plan, mine, seq, body, done, halt):
    conn = connect(plan, mine)
    more = [
        "X-GP-PROTO: 0",
        f"X-GP-SEQ: {seq}",
        "Content-Type: text/xml",
        *(["X-GP-DONE: 1"] if done else []),
        f"Content-Length: {len(body)}",
    ]
    first = len(body) // 2 if halt else len(body)
    conn.sendall(head(plan, mine, "POST", more) + body[:first])
    if halt:
        start = time.time_ns()
        time.sleep(halt)
        say(segment=mine["segment"], halt=[start, time.time_ns()])
        conn.sendall(body[first:])
    while conn.recv(4096):
        pass
    conn.close()


def write(plan, mine, zero):
    halts = dict(map(tuple, mine["halts"]))
    row = b"%d|rows that a segment unloads, one like the other, so that nothing in them matters here|end\n" % mine["segment"]
    body = row * (mine["size"] // len(row))
    for number in range(mine["posts"] + 2):
        if not os.read(mine["turn"], 1):
            break
        opening, done = number == 0, number == mine["posts"] + 1
        post(plan, mine, number if done else number + 1, b"" if opening or done else body, done, halts.get(number))
        os.write(mine["told"], b".")
        time.sleep(mine["gap"])


def silent(plan, mine, zero):
    conn = connect(plan, mine)
    start = time.time_ns()
    time.sleep(mine["seconds"])
    conn.close()
    say(segment=mine["segment"], halt=[start, time.time_ns()])


def ask(plan, mine, zero):
    conn = connect(plan, mine)
    address, port = plan["server"]
    conn.sendall(f"GET /gpfdist/status HTTP/1.1\r\nHost: {address}:{port}\r\nAccept: */*\r\n\r\n".encode())
    while conn.recv(4096):
        pass
    conn.close()


def rows_for_writers(writers, pauses, zero):
    """Hands out rows in turn: a writer has one body of rows in hand and one in its queue, as in a motion; then it is waited for."""
    pauses = [(zero + at, length) for at, length in pauses]
    credit, left, back = {}, {}, {}
    for mine, turn, told in writers:
        credit[turn], left[turn], back[turn] = 2, mine["posts"] + 2, told
    while any(left.values()):
        for turn in left:
            while left[turn] and not credit[turn]:
                credit[turn] += len(os.read(back[turn], 8))
            while select.select([back[turn]], [], [], 0)[0] and (piece := os.read(back[turn], 8)):
                credit[turn] += len(piece)
            if left[turn]:
                while pauses and time.time() >= pauses[0][0]:
                    _, length = pauses.pop(0)
                    start = time.time_ns()
                    time.sleep(length)
                    say(segment=None, nap=[start, time.time_ns()])
                os.write(turn, b".")
                credit[turn] -= 1
                left[turn] -= 1


def main():
    plan = json.loads(sys.argv[1])
    act = {"reader": read, "writer": write, "silent": silent, "status": ask}
    gates, children, writers = [], {}, []
    for mine in plan["segments"]:
        gate = os.pipe()
        mine["port"] = 33000 + 1000 * mine["segment"] + mine["segment"] * 7919 % 613
        turn, told = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            mine["turn"], mine["told"] = turn[0], told[1]
            zero = float(os.read(gate[0], 64))
            time.sleep(max(0.0, zero + mine["start"] - time.time()))
            try:
                act[mine["kind"]](plan, mine, zero)
            except OSError as trouble:
                say(segment=mine["segment"], trouble=str(trouble))
            os._exit(0)
        children[child] = mine["segment"]
        gates.append(gate[1])
        if mine["kind"] == "writer":
            writers.append((mine, turn[1], told[0]))
    print("ready", flush=True)
    say(children={str(segment): child for child, segment in children.items()})
    zero = sys.stdin.readline()
    for gate in gates:
        os.write(gate, zero.encode())
    rows_for_writers(writers, plan["pauses"], float(zero))
    while children:
        child, _ = os.wait()
        say(segment=children.pop(child), ended=time.time_ns())


main()
