"""The shapes of traffic: who talks, how frames and packages are cut, what is lost."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.content import END, Rows, Source, Tally, Truth, get, late, ok, post
from benchmarks.sealed import CBC, GCM, SealedTalk, Sealer, Suite
from benchmarks.wire import Talk, Writer

SERVER = ("10.0.0.9", 8080)
SEGMENTS = 8
TURN = 3  # packages that gpfdist gives to one connection before it looks at the next
BODY = 65536  # writable_external_table_bufsize
ABREAST = 32  # sessions at one time in "many"

Steps = Iterator[None]


@dataclass(frozen=True)
class Shape:
    """One kind of capture.

    `package` is the largest D in bytes, from and to: one number a package is drawn between them. `suite`: it speaks TLS.
    """

    name: str
    about: str
    traffic: Callable[["Scene"], Steps]
    mss: int = 1448
    package: tuple[int, int] = (320 << 10, 320 << 10)
    loss: float = 0.0
    suite: Suite | None = None


@dataclass
class Scene:
    """What the conversations of one capture share."""

    shape: Shape
    writer: Writer
    rng: random.Random
    rows: Rows
    truth: Truth
    budget: int  # bytes of capture
    sealer: Sealer | None = None
    ports: int = 0

    def full(self) -> bool:
        return self.writer.written >= self.budget

    def package_size(self) -> int:
        return self.rng.randint(*self.shape.package)

    def connect(self, session: int, segment: int) -> tuple[Talk, Tally]:
        client = (f"10.1.{segment // 4}.{1 + segment % 4}", 32768 + self.ports % 28000)
        self.ports += 1
        wire = (self.writer, self.rng, client, SERVER, self.shape.mss, self.shape.loss)
        talk = SealedTalk(self.sealer, *wire) if self.sealer else Talk(*wire)
        return talk, Tally(f"{client[0]}:{client[1]}", f"{SERVER[0]}:{SERVER[1]}", session, segment)

    def end(self, talk: Talk, tally: Tally) -> None:
        talk.close()
        self.truth.add(tally, talk.lost)


def reading(scene: Scene, source: Source, session: int, segment: int, count: int) -> Steps:
    """One Greenplum segment reads until the shared file has no more."""
    talk, tally = scene.connect(session, segment)
    talk.open()
    yield from talk.send(talk.client, get("/data.txt", session, segment, count))
    yield from talk.send(talk.server, ok(1))
    more = True
    while more:
        for _ in range(TURN):
            package = source.take()
            more = package is not None
            if package is None:
                break
            head, rows = package
            yield from talk.send(talk.server, head)
            yield from talk.send(talk.server, rows)
            tally.payload(rows)
            tally.packages += 1
        yield
    yield from talk.send(talk.server, END)
    tally.ends += 1
    scene.end(talk, tally)


def coming_late(scene: Scene, session: int, segment: int, count: int) -> Steps:
    """One that asks after the session's end: five bytes."""
    talk, tally = scene.connect(session, segment)
    talk.open()
    yield from talk.send(talk.client, get("/data.txt", session, segment, count))
    yield from talk.send(talk.server, late())
    yield from talk.send(talk.server, END)
    tally.ends += 1
    scene.end(talk, tally)


def posting(scene: Scene, session: int, segment: int) -> Steps:
    """One Greenplum segment writes: OPEN, DATA, DONE, each a connection."""
    seq, done = 0, False
    while not done:
        done = seq > 1 and scene.full()
        seq += not done
        body = scene.rows.take(BODY) if seq > 1 and not done else memoryview(b"")
        talk, tally = scene.connect(session, segment)
        talk.open()
        yield from talk.send(talk.client, post("/out.txt", session, segment, SEGMENTS, seq, len(body), done))
        yield from talk.send(talk.client, body)
        yield from talk.send(talk.server, ok(0))
        tally.payload(body)
        scene.end(talk, tally)


def together(rng: random.Random, parts: list[Steps]) -> Steps:
    """Run the parts side by side, each a burst at a time, until the last has ended."""
    while parts:
        part = parts[rng.randrange(len(parts))]
        try:
            next(part)
        except StopIteration:
            parts.remove(part)
        yield


def one_read(scene: Scene) -> Steps:
    scene.truth.sessions = 1
    source = Source(scene.rows, "/data/etl/data.txt", scene.package_size, scene.full)
    return together(scene.rng, [reading(scene, source, 1, segment, SEGMENTS) for segment in range(SEGMENTS)])


def one_write(scene: Scene) -> Steps:
    scene.truth.sessions = 1
    return together(scene.rng, [posting(scene, 1, segment) for segment in range(SEGMENTS)])


def small_read(scene: Scene, session: int) -> Steps:
    """A file of 1 to 12 packages; of 4 to 8 Greenplum segments about half come too late."""
    rng = scene.rng
    count = rng.randint(4, 8)
    early = rng.randint(1, count - 1)
    left = iter(range(rng.randint(1, 12)))
    source = Source(scene.rows, "/data/etl/small.txt", scene.package_size, lambda: next(left, None) is None)
    yield from together(rng, [reading(scene, source, session, segment, count) for segment in range(early)])
    yield from together(rng, [coming_late(scene, session, segment, count) for segment in range(early, count)])


def many_reads(scene: Scene) -> Steps:
    """Small sessions, 32 at a time, until the capture is full."""

    def endless() -> Steps:
        while not scene.full():
            scene.truth.sessions += 1
            yield from small_read(scene, scene.truth.sessions)

    return together(scene.rng, [endless() for _ in range(ABREAST)])


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("mtu1500", "8 streams, frames of MTU 1500, packages of 320 KiB", one_read),
        Shape(
            "mtu1500-m32k",
            "8 streams, frames of MTU 1500, packages of 32 KiB (default -m)",
            one_read,
            package=(32768, 32768),
        ),
        Shape("offload64k", "8 streams, frames of 64 KiB, packages of 320 KiB", one_read, mss=65483),
        Shape("lossy", "as mtu1500, 0.1 % of data frames missing where first sent, sent again later", one_read, loss=0.001),
        Shape("tiny", "8 streams, packages of 64 to 512 bytes", one_read, package=(64, 512)),
        Shape(
            "many",
            "sessions of 4 to 8 connections, 1 to 12 packages; half come late",
            many_reads,
            package=(256, 8192),
        ),
        Shape("post", "8 Greenplum segments write, 64 KiB a POST, a connection each", one_write),
        Shape("tls-gcm", f"as mtu1500 inside {GCM.about}, records of 16 KiB", one_read, suite=GCM),
        Shape("tls-cbc", f"as mtu1500 inside {CBC.about}, records of 16 KiB", one_read, suite=CBC),
    )
}
