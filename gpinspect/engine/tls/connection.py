"""TLS of one connection: records of both directions go in, authenticated application data comes out.

Feed both directions in the order of the capture. A ChangeCipherSpec or Finished of one direction changes only that direction, but
its keys need the randoms of both; a record that comes before what it needs is held back, within bounds.
"""

from collections.abc import Callable

from gpinspect.engine.tls import handshake as hs
from gpinspect.engine.tls import modern, reasons
from gpinspect.engine.tls.alerts import CLOSE_NOTIFY, description, level_name
from gpinspect.engine.tls.classic import Classic
from gpinspect.engine.tls.conversation import CLIENT, SERVER, Conversation, is_modern
from gpinspect.engine.tls.direction import LEAST_WAITING, LONGEST_OPENING, MOST_WAITING, Direction
from gpinspect.engine.tls.facts import Facts, build_report
from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.modern import Modern
from gpinspect.engine.tls.needed import needed_lines
from gpinspect.engine.tls.records import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE
from gpinspect.engine.tls.report import Alert, TlsReport

Deliver = Callable[[int, bytes, int, int, int], None]
"""side, plaintext of one record, then time (ns), frame and capture position of the frame that completed the record."""
Lost = Callable[[int, int | None, int, int, int], None]
"""side, plaintext length of the lost record (None: not known, or more than one record), then where as for `Deliver`."""

_MOST_GUESSES = 4


class TlsConnection:
    """One connection. Whatever comes from the wire, `feed`, `lose`, `close` and `report` raise nothing.

    Args:
        keys: Key material of the analysis; it may grow while the connection is read.
        deliver: Called for every application data record that authenticated, in order of each direction. Empty ones are not told.
        lost: Called where application data is or may be missing between what was and will be delivered.
        hashed: Work out SHA-256 of the plaintext of each direction.
    """

    def __init__(self, keys: KeyStore, deliver: Deliver, lost: Lost, hashed: bool = False) -> None:
        self._keys = keys
        self._deliver = deliver
        self._lost = lost
        self._directions = (Direction(self, CLIENT, hashed), Direction(self, SERVER, hashed))
        self._facts = Facts(keys)
        self._talk = Conversation(keys, self._facts, self._directions)
        self._held: tuple[int, ...] | None = None
        self._draining = False
        self._found_random: bytes | None = None

    # what the caller calls

    def feed(self, side: int, data: bytes | memoryview, ns: int, frame: int, capture: int) -> None:
        """The next bytes of a direction (0 = client to server). Copied if they have to be kept."""
        direction = self._directions[side]
        if not data:
            return
        if direction.first_ns is None:
            direction.first_ns = ns
        direction.last_ns = ns
        if len(direction.opening) < LONGEST_OPENING:
            direction.opening += bytes(data[: LONGEST_OPENING - len(direction.opening)])
        direction.stream.feed(data, ns, frame, capture)
        if self._directions[0].waiting or self._directions[1].waiting:
            self._drain()

    def lose(self, side: int, count: int) -> None:
        """The next `count` bytes of a direction were not captured."""
        self._directions[side].lossy = True
        self._directions[side].stream.lose(count)
        self._drain()

    def close(self, side: int) -> None:
        """A direction ends (FIN, RST, or the capture does). What was held back is settled."""
        direction = self._directions[side]
        if direction.closed:
            return
        direction.closed = True
        direction.stream.close()
        for each in self._directions:
            # nothing more can come to wait for once the other direction has ended too
            each.impatient = each.impatient or self._directions[1 - each.side].closed
        self._drain()
        if all(each.closed for each in self._directions):
            self._talk.negotiation.drop_guesses()

    def begun(self, side: int) -> tuple[bytearray, int]:
        """The record of a direction that is not whole yet, and how many bytes it still wants: see `RecordStream`."""
        direction = self._directions[side]
        stream = direction.stream
        return stream.buffer, stream.wants if len(direction.opening) == LONGEST_OPENING else 0

    def reached(self, side: int, ns: int, frame: int) -> None:
        """Bytes up to this frame were added to what `begun` gave."""
        direction = self._directions[side]
        direction.last_ns = direction.stream.now_ns = ns
        direction.stream.now_frame = frame

    def began(self, side: int) -> tuple[int, int, int]:
        """During `deliver` or `lost`: time (ns), frame and capture position of the first byte of the record."""
        if self._held:
            return self._held[0], self._held[1], self._held[2]
        stream = self._directions[side].stream
        return stream.began_ns, stream.began_frame, stream.began_capture

    def report(self) -> TlsReport:
        """What is known by now. Frozen; may be asked for at any time."""
        return build_report(self._facts, self._directions, self._talk.early_accepted)

    def key_log_lines(self) -> list[str]:
        """The key log lines that open what was opened: secrets, for a capture that is to carry them."""
        return needed_lines(self._facts)

    # what the record layer calls

    def record(self, direction: Direction, kind: int, minor: int, fragment: memoryview) -> None:
        direction.records += 1
        if kind == APPLICATION_DATA:
            direction.data_sealed += len(fragment)
        elif kind == ALERT:
            direction.alert_records += 1
        protection = direction.protection
        if direction.waiting or ((protection is None or not protection.opened) and self._talk.must_wait(direction, kind, fragment)):
            direction.hold(kind, minor, fragment)
            if direction.waiting_bytes > (LEAST_WAITING if self._keys.empty else MOST_WAITING):
                direction.impatient = True
                self._drain()
            return
        self._take(direction, kind, minor, fragment)

    def damaged(self, direction: Direction, kind: int, minor: int, size: int, tail: bytes) -> None:
        direction.lossy = True
        self._settle(direction)
        length = None
        if direction.protection:
            length = direction.protection.length(kind, size)
            direction.protection.lost(tail)
        # a cut alert or handshake record of the visible kind holds no application data
        if kind == APPLICATION_DATA:
            self._lose_record(direction, length)
        elif kind == HANDSHAKE and not is_modern(direction):
            direction.messages.lose()
            self._talk.negotiation.flight_broken = True
        elif kind == CHANGE_CIPHER_SPEC and not is_modern(direction):
            self._talk.switch(direction)

    def astray(self, direction: Direction, count: int, tail: bytes) -> None:
        direction.lossy = True
        self._settle(direction)
        direction.messages.lose()
        self._talk.negotiation.flight_broken = True
        if direction.protection:
            direction.protection.gap(count, tail)
        if direction.protection or direction.blind:
            self._lose_record(direction, None)

    # waiting for the other direction

    def _drain(self) -> None:
        """Take held records as far as they need not wait any more."""
        if self._draining:
            return
        self._draining = True
        moved = True
        while moved:
            moved = False
            for direction in self._directions:
                while direction.waiting:
                    kind, minor, fragment, place = direction.waiting[0]
                    view = memoryview(fragment)
                    if self._talk.must_wait(direction, kind, view):
                        break
                    direction.waiting.popleft()
                    direction.waiting_bytes -= len(fragment) + 256
                    self._held = place
                    self._take(direction, kind, minor, view)
                    self._held = None
                    moved = True
        self._draining = False

    def _settle(self, direction: Direction) -> None:
        """A hole comes: nothing in front of it can wait on."""
        if direction.waiting:
            direction.impatient = True
            self._drain()

    # records

    def _take(self, direction: Direction, kind: int, minor: int, fragment: memoryview) -> None:
        protection = direction.protection
        if isinstance(protection, Modern):
            if kind == CHANGE_CIPHER_SPEC:
                return  # a dummy, for the eyes of middleboxes
            if kind != APPLICATION_DATA:
                self._take_clear(direction, kind, fragment)
                return
        elif protection is None:
            if not self._blind_record(direction, kind, minor, fragment):
                self._take_clear(direction, kind, fragment)
                return
            protection = direction.protection
            if protection is None:
                return
        opened = protection.open(kind, minor, fragment)
        if opened is None:
            self._unopened(direction, kind, protection, len(fragment))
            return
        kind, plain = opened
        if kind == APPLICATION_DATA:
            self._data(direction, plain)
        elif kind == HANDSHAKE:
            for number, message in direction.messages.feed(plain):
                self._talk.message(direction, number, message)
        elif kind == ALERT:
            self._alerts(direction, plain, encrypted=True)
        elif kind == CHANGE_CIPHER_SPEC and isinstance(protection, Classic):
            self._talk.switch(direction)

    def _take_clear(self, direction: Direction, kind: int, fragment: memoryview) -> None:
        if kind == HANDSHAKE:
            for number, message in direction.messages.feed(fragment):
                direction.started = True
                self._talk.message(direction, number, message)
        elif kind == ALERT and len(fragment) == 2:
            self._alerts(direction, bytes(fragment), encrypted=False)
        elif kind == CHANGE_CIPHER_SPEC and self._talk.negotiation.server_hello is None:
            # without a ServerHello it means keys that nobody can make (up to TLS 1.2) or nothing (TLS 1.3)
            direction.blind = not self._talk.negotiation.retried
        elif kind == CHANGE_CIPHER_SPEC and not self._talk.negotiation.modern:
            self._talk.switch(direction)
        elif kind in (APPLICATION_DATA, ALERT):
            direction.unread += 1
            if kind == APPLICATION_DATA:
                direction.unread_data += 1
                self._facts.note(reasons.EARLY_CLEAR, {"sender": direction.sender})

    def _blind_record(self, direction: Direction, kind: int, minor: int, fragment: memoryview) -> bool:
        """Whether a record without known protection is ciphertext; then it is dealt with here, or protection is found for it."""
        negotiation = self._talk.negotiation
        silent = self._talk.hello_missing(direction)
        if (kind == ALERT and len(fragment) == 2) or (
            direction.started and not direction.lossy and not (silent and kind == APPLICATION_DATA)
        ):
            return False
        clear = (
            kind == HANDSHAKE and not direction.blind and (not direction.messages.idle or self._talk.plausible(direction, fragment))
        )
        if clear or (kind == CHANGE_CIPHER_SPEC and len(fragment) == 1):
            if clear and not direction.started and fragment[0] not in (hs.HELLO_REQUEST, hs.CLIENT_HELLO, hs.SERVER_HELLO):
                direction.lossy = True
            return False
        direction.lossy = True
        if negotiation.server_hello is not None and not negotiation.modern:
            # its ChangeCipherSpec is missing
            self._talk.switch(direction)
            if direction.protection:
                direction.protection.gap(0, b"")
            return True
        direction.blind = True
        found = None
        if kind == APPLICATION_DATA and direction.guesses < _MOST_GUESSES and not self._keys.empty:
            direction.guesses += 1
            hello = negotiation.client_hello
            found = modern.locate(
                self._keys, direction.side, hello.random if hello else self._found_random, minor, fragment, self._talk.budget
            )
        if found:
            self._found_random = found.random
            self._facts.located = found
            direction.protection = found
        else:
            direction.unread += 1
            direction.unread_data += kind == APPLICATION_DATA
            direction.untold = True
        return True

    def _unopened(self, direction: Direction, kind: int, protection: Classic | Modern, size: int) -> None:
        if isinstance(protection, Modern) and protection.skipping:
            direction.refused_early += 1
            return
        if protection.locked:
            direction.unread += 1
            if kind == APPLICATION_DATA:
                direction.unread_data += 1
                direction.untold = True
                self._tell_lost(direction, protection.length(kind, size))
            return
        direction.failed += 1
        number = protection.number - 1
        self._facts.note(reasons.AUTHENTICATION, {"number": number, "sender": direction.sender})
        if kind == HANDSHAKE or isinstance(protection, Modern):
            direction.messages.lose()
        if kind == APPLICATION_DATA:
            self._tell_lost(direction, protection.length(kind, size))

    # application data

    def _data(self, direction: Direction, plain: bytes) -> None:
        direction.data_records += 1
        if not plain:
            return
        stream = direction.stream
        ns, frame, capture = self._held[3:6] if self._held else (stream.now_ns, stream.now_frame, stream.now_capture)
        if not direction.delivered:
            direction.delivered = True
            if direction.untold:
                self._lost(direction.side, None, ns, frame, capture)
        direction.data_bytes += len(plain)
        if direction.hash:
            direction.hash.update(plain)
        self._deliver(direction.side, plain, ns, frame, capture)

    def _lose_record(self, direction: Direction, length: int | None) -> None:
        direction.lost += 1
        self._facts.note(reasons.LOST, {"position": direction.stream.position, "sender": direction.sender})
        self._tell_lost(direction, length)

    def _tell_lost(self, direction: Direction, length: int | None) -> None:
        if not direction.delivered:
            direction.untold = True
            return
        stream = direction.stream
        self._lost(direction.side, length, stream.now_ns, stream.now_frame, stream.now_capture)

    def _alerts(self, direction: Direction, content: bytes, encrypted: bool) -> None:
        stream = direction.stream
        for at in range(0, len(content) - 1, 2):
            level, number = content[at], content[at + 1]
            ns, frame = (self._held[3], self._held[4]) if self._held else (stream.now_ns, stream.now_frame)
            self._facts.alert(
                Alert(direction.sender, level_name(level), description(number), encrypted, ns, frame), number == CLOSE_NOTIFY
            )
