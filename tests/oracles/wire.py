"""A proxy on the loopback interface that records what passes through it: fresh captures without any right to capture.

Every chunk is written down before it is handed on, so the order of frames is an order in which things can have happened.
"""

import contextlib
import socket
import threading
import time
from pathlib import Path

from craft import Capture, Conversation

HOST = "127.0.0.1"


class Recorder:
    """Connections through `port_to` end up in `capture`; `ports` are those of client and server, in order."""

    def __init__(self) -> None:
        self.capture = Capture()
        self.ports: list[tuple[int, int]] = []
        self._lock = threading.Lock()
        self._listeners: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._listeners:
            listener.close()
        self.settle()

    def port_to(self, port: int) -> int:
        """A port whose connections go on to `port` and are recorded."""
        listener = socket.create_server((HOST, 0))
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()
        return listener.getsockname()[1]

    def settle(self) -> None:
        """Wait until every connection so far has ended."""
        for thread in list(self._threads):
            thread.join(10)
            assert not thread.is_alive(), "a peer never closed its connection"
        self._threads.clear()

    def wait_beyond(self, frames: int) -> None:
        """Wait until more than so many frames were recorded."""
        end = time.monotonic() + 20
        while len(self.capture) <= frames:
            assert time.monotonic() < end, "nothing was sent"
            time.sleep(0.01)

    def write(self, path: Path) -> Path:
        return self.capture.write(path)

    def _accept(self, listener: socket.socket, target: int) -> None:
        here = listener.getsockname()[1]
        while True:
            try:
                client, (_, port) = listener.accept()
            except OSError:
                return
            with self._lock:
                talk = Conversation(self.capture, (HOST, port), (HOST, here), dt=1e-9)
                self._now()
                talk.open()
                self.ports.append((port, here))
            try:
                server = socket.create_connection((HOST, target))
            except OSError:
                with self._lock:
                    talk.rst("server")
                client.close()
                continue
            ways = (("client", client, server), ("server", server, client))
            for side, source, sink in ways:
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._pump, args=(talk, side, source, sink), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _now(self) -> None:
        self.capture.now_ns = max(self.capture.now_ns + 1, time.time_ns()) if self.capture.records else time.time_ns()

    def _pump(self, talk: Conversation, side: str, source: socket.socket, sink: socket.socket) -> None:
        while True:
            try:
                data = source.recv(1 << 16)
            except OSError:
                data = None
            with self._lock:
                self._now()
                if data:
                    talk.send(side, data)
                elif data is None:
                    talk.rst(side)
                else:
                    talk.fin(side)
            with contextlib.suppress(OSError):
                if data:
                    sink.sendall(data)
                else:
                    sink.shutdown(socket.SHUT_WR)
            if not data:
                return
