"""A stand-in for gpfdist: one thread, one source, blocks for whoever can take one.

It keeps the real one's dispatch: sockets that are writable get up to three blocks a turn, the block header goes out whole before
anything else happens, reading the source, reading the body of a POST and the TLS handshake block the only thread.

Plain script: argument 1 is the plan as JSON (`address`, `port`, `path` of the FIFO, `name` that F shows, `naps` as
[[second, length], ...] while it reads the source, `naps_in_post`, `certificate` and `keylog` or null). `ready` goes out, the
start time comes in as a line; naps go out as JSON lines.
"""

import json
import os
import select
import socket
import ssl
import struct
import sys
import time

BLOCK = 32768
HEAD = (
    b"HTTP/1.0 200 ok\r\nContent-type: text/plain\r\n%sExpires: 0\r\nX-GPFDIST-VERSION: 6.24.3 build laboratory\r\n"
    b"%sCache-Control: no-cache\r\nConnection: close\r\n\r\n"
)


class Naps:
    """Sleeps that the disk of the server takes."""

    def __init__(self, told, zero):
        self.left = [(zero + at, length) for at, length in told]

    def take(self):
        while self.left and time.time() >= self.left[0][0]:
            _, length = self.left.pop(0)
            start = time.time_ns()
            time.sleep(length)
            print(json.dumps({"nap": [start, time.time_ns()]}), flush=True)


class Source:
    """Blocks of whole rows out of a FIFO; None at the end."""

    def __init__(self, path, name, naps):
        self.name = name.encode()
        self.pipe = os.open(path, os.O_RDONLY)
        self.kept, self.offset, self.ended, self.naps = b"", 0, False, naps

    def block(self):
        self.naps.take()
        while len(self.kept) < BLOCK and not self.ended:
            piece = os.read(self.pipe, BLOCK - len(self.kept))
            self.ended = not piece
            self.kept += piece
        cut = len(self.kept) if self.ended else self.kept.rfind(b"\n") + 1
        rows, self.kept = self.kept[:cut], self.kept[cut:]
        if not rows:
            return None
        head = struct.pack("!BI", 70, len(self.name)) + self.name + struct.pack("!BIQ", 79, 8, self.offset)
        head += struct.pack("!BIQ", 76, 8, 0 if self.offset else 1) + struct.pack("!BI", 68, len(rows))
        self.offset += len(rows)
        return head, rows


class Request:
    def __init__(self, conn):
        self.conn, self.head, self.phase, self.unsent = conn, b"", "head", b""


class Server:
    def __init__(self, plan, zero, listener):
        self.plan, self.listener = plan, listener
        self.naps = Naps(plan["naps"], zero)
        self.naps_in_post = Naps(plan["naps_in_post"], zero)
        self.source, self.requests, self.epoll, self.tls = None, {}, select.epoll(), None
        if plan["certificate"]:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(plan["certificate"])
            self.tls.keylog_filename = plan["keylog"]
            self.tls.num_tickets = 0
        self.epoll.register(listener, select.EPOLLIN)

    def run(self):
        act = {"head": self.read_head, "data": self.write_blocks, "closing": self.await_close}
        while True:
            for number, _ in self.epoll.poll():
                if number == self.listener.fileno():
                    self.accept()
                    continue
                request = self.requests[number]
                try:
                    act[request.phase](request)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                    continue
                except OSError as trouble:
                    print(json.dumps({"lost": str(trouble)}), flush=True)
                    self.close(request)

    def accept(self):
        conn, _ = self.listener.accept()
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self.tls:
            try:
                conn = self.tls.wrap_socket(conn, server_side=True)  # blocks all until this peer has spoken
            except OSError as trouble:
                print(json.dumps({"no handshake": str(trouble)}), flush=True)
                conn.close()
                return
        conn.setblocking(False)
        self.requests[conn.fileno()] = Request(conn)
        self.epoll.register(conn, select.EPOLLIN)

    def close(self, request):
        self.epoll.unregister(request.conn)
        del self.requests[request.conn.fileno()]
        request.conn.close()

    def read_head(self, request):
        piece = request.conn.recv(4096)
        if not piece:
            self.close(request)
            return
        request.head += piece
        head, found, rest = request.head.partition(b"\r\n\r\n")
        if found:
            (self.get if head.startswith(b"GET") else self.post)(request, head, rest)

    def get(self, request, head, rest):
        if head.startswith(b"GET /gpfdist/status "):
            self.send_whole(request, HEAD % (b"", b"") + b"requst_time 2026-01-01 00:00:00\r\nread_bytes 1\r\n")
            self.finish(request)
            return
        if self.source is None:
            self.source = Source(self.plan["path"], self.plan["name"], self.naps)
        if self.source.ended and not self.source.kept:
            self.send_whole(request, HEAD % (b"Content-length: 0\r\n", b"") + b"D\0\0\0\0")
            self.finish(request)
            return
        self.send_whole(request, HEAD % (b"", b"X-GP-PROTO: 1\r\n"))
        request.phase = "data"
        self.epoll.modify(request.conn, select.EPOLLOUT)

    def send_whole(self, request, content):
        """Small things go out whole, whoever waits meanwhile."""
        while content:
            try:
                content = content[request.conn.send(content) :]
            except (ssl.SSLWantWriteError, BlockingIOError):
                time.sleep(0.001)

    def write_blocks(self, request):
        for _ in range(3):
            if not request.unsent:
                block = self.source.block()
                if block is None:
                    self.send_whole(request, b"D\0\0\0\0")
                    self.finish(request)
                    return
                head, request.unsent = block
                self.send_whole(request, head)
            request.unsent = request.unsent[request.conn.send(request.unsent) :]
            if request.unsent:
                return

    def post(self, request, head, body):
        self.naps_in_post.take()
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
        request.conn.setblocking(True)
        while len(body) < length:
            piece = request.conn.recv(BLOCK)  # blocks all until the body is here
            if not piece:
                break
            body += piece
        request.conn.setblocking(False)
        self.send_whole(request, HEAD % (b"", b"X-GP-PROTO: 0\r\n"))
        self.finish(request)

    def finish(self, request):
        if self.tls:
            self.close(request)
            return
        request.conn.shutdown(socket.SHUT_WR)
        request.phase = "closing"
        self.epoll.modify(request.conn, select.EPOLLIN)

    def await_close(self, request):
        if not request.conn.recv(65536):
            self.close(request)


def main():
    plan = json.loads(sys.argv[1])
    listener = socket.create_server((plan["address"], plan["port"]), backlog=256)
    print("ready", flush=True)
    Server(plan, float(sys.stdin.readline()), listener).run()


main()
