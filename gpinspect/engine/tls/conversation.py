"""The handshakes of a connection: what each message changes, and what has to be known before a record can be understood.

This is the half of a connection that knows messages; records and plaintext are the other one.
"""

from collections.abc import Callable, Sequence

from gpinspect.engine.tls import handshake as hs
from gpinspect.engine.tls import modern
from gpinspect.engine.tls.classic import Budget, Classic
from gpinspect.engine.tls.direction import Direction
from gpinspect.engine.tls.facts import Facts
from gpinspect.engine.tls.keys import KeyStore
from gpinspect.engine.tls.modern import Modern
from gpinspect.engine.tls.negotiation import Negotiation
from gpinspect.engine.tls.records import ALERT, HANDSHAKE

CLIENT, SERVER = 0, 1


def is_modern(direction: Direction) -> bool:
    """Whether a direction is under TLS 1.3 keys."""
    return isinstance(direction.protection, Modern)


class Conversation:
    """State that both directions share: the handshake in force or under way, and what it means for each side."""

    def __init__(self, keys: KeyStore, facts: Facts, directions: Sequence[Direction]) -> None:
        self.keys = keys
        self.facts = facts
        self.budget = Budget()
        self.early_accepted: bool | None = None
        self.negotiation = Negotiation(keys, 0)
        facts.negotiations.append(self.negotiation)
        self._directions = directions

    # what must be known first

    def must_wait(self, direction: Direction, kind: int, fragment: memoryview) -> bool:
        """Whether what this record means hangs on something the other direction has not said yet."""
        if direction.impatient or (kind == ALERT and len(fragment) == 2):
            return False
        negotiation, other = self.negotiation, self._directions[1 - direction.side]
        if negotiation.server_hello is None:
            hello = kind == HANDSHAKE and len(fragment) > 0 and fragment[0] == hs.CLIENT_HELLO
            return (
                direction.side == CLIENT and direction.protection is None and not hello and not direction.blind and not other.blind
            )
        if negotiation.modern and negotiation.client_hello is None and direction.protection is None:
            return direction.side == SERVER and not other.lossy
        if isinstance(direction.protection, Modern):
            return self._early_open(direction) and self.early_accepted is None and not other.lossy
        return self._classic_waits(direction, negotiation, other)

    def _classic_waits(self, direction: Direction, negotiation: Negotiation, other: Direction) -> bool:
        protection = direction.protection
        if (
            protection is None
            or not isinstance(protection, Classic)
            or not protection.locked
            or protection.negotiation is not negotiation
        ):
            return False
        if other.lossy or negotiation.proven:
            return False
        if direction.side == CLIENT:
            return not (negotiation.server_done or negotiation.switched[SERVER])
        if negotiation.server_done:
            return not negotiation.switched[CLIENT]
        return negotiation.client_hello is None

    def _early_open(self, direction: Direction) -> bool:
        """The client may be sending early data, and whether the server takes it will be seen in its first protected record."""
        protection = direction.protection
        server = self._directions[SERVER].protection
        if direction.side != CLIENT or not isinstance(protection, Modern) or protection.opened or not isinstance(server, Modern):
            return False
        offered = self.negotiation.client_hello and hs.EARLY_DATA in self.negotiation.client_hello.extensions
        return bool(offered) and not server.failures and server.has_secret(modern.HANDSHAKE)

    def hello_missing(self, direction: Direction) -> bool:
        """Whether the hello of the other side, without which this one's records mean nothing, will not come any more."""
        negotiation, other = self.negotiation, self._directions[1 - direction.side]
        needed = negotiation.server_hello is None or (negotiation.modern and negotiation.client_hello is None)
        return needed and (other.lossy or direction.impatient)

    def plausible(self, direction: Direction, fragment: memoryview) -> bool:
        if not hs.plausible_message(fragment):
            return False
        if direction.started or self.negotiation.server_hello is not None:
            return True
        return fragment[0] in (hs.HELLO_REQUEST, hs.CLIENT_HELLO, hs.SERVER_HELLO) or (
            fragment[0] == hs.CLIENT_KEY_EXCHANGE and direction.side == CLIENT
        )

    # messages

    def switch(self, direction: Direction) -> None:
        """ChangeCipherSpec up to TLS 1.2: this direction goes on under the newest handshake's keys."""
        negotiation = self.negotiation
        if isinstance(direction.protection, Classic) and direction.protection.negotiation is negotiation:
            # the hellos of a renegotiation were not seen
            negotiation = self._renegotiate()
        if direction.side == SERVER and negotiation.resumed is None and not direction.lossy:
            negotiation.resumed = True
            self.facts.resumed(negotiation)
        negotiation.switched[direction.side] = True
        if all(negotiation.switched) and self.facts.done_ns is None:
            self.facts.done_ns = direction.stream.now_ns
        direction.messages = hs.MessageReader()
        direction.protection = Classic(negotiation, direction.side, self.budget)

    def _renegotiate(self) -> Negotiation:
        self.negotiation = Negotiation(self.keys, len(self.facts.negotiations))
        self.facts.add(self.negotiation)
        return self.negotiation

    def message(self, direction: Direction, number: int, message: bytes) -> None:
        side, negotiation = direction.side, self.negotiation
        if number == hs.CLIENT_HELLO and side == CLIENT:
            negotiation = self._client_hello(message)
        elif number == hs.SERVER_HELLO and side == SERVER:
            self._server_hello(message)
            return
        handler = _HANDLERS.get(number)
        if handler:
            handler(self, direction, negotiation, message)
        negotiation.keep(side, number, message)
        if number == hs.SERVER_HELLO_DONE and side == SERVER:
            negotiation.server_done = True
        elif number == hs.CLIENT_KEY_EXCHANGE and side == CLIENT and negotiation.sealed_premaster is None:
            negotiation.sealed_premaster = hs.parse_encrypted_premaster(message) or b""

    def _client_hello(self, message: bytes) -> Negotiation:
        negotiation = self.negotiation
        hello = hs.parse_client_hello(message)
        if hello and not (negotiation.retried and negotiation.client_hello):
            if negotiation.server_hello is not None and not negotiation.modern and negotiation.client_hello is not None:
                negotiation = self._renegotiate()
            negotiation.client_hello = hello
            if negotiation.modern and negotiation.server_hello and self._directions[SERVER].protection is None:
                self._start_modern(negotiation)
        return negotiation

    def _server_hello(self, message: bytes) -> None:
        negotiation = self.negotiation
        hello = hs.parse_server_hello(message)
        if hello is None:
            return
        if hello.retry:
            negotiation.retried = True
            return
        if negotiation.server_hello is not None:
            if negotiation.modern:
                return
            negotiation = self._renegotiate()
        negotiation.server_hello = hello
        negotiation.keep(SERVER, hs.SERVER_HELLO, message)
        if negotiation.modern:
            if hs.PRE_SHARED_KEY in hello.extensions or negotiation.client_hello:
                negotiation.resumed = hs.PRE_SHARED_KEY in hello.extensions
                self.facts.resumed(negotiation)
            self._start_modern(negotiation)

    def _start_modern(self, negotiation: Negotiation) -> None:
        hello, cipher = negotiation.client_hello, negotiation.suite
        if cipher is None:
            return
        negotiation.problem = negotiation.unsupported()
        if hello is None or negotiation.problem:
            if negotiation.problem is None:
                self._directions[CLIENT].lossy = True
            return
        offered = hs.EARLY_DATA in hello.extensions
        if offered and negotiation.retried:
            self.early_accepted = False
        for direction in self._directions:
            early = offered and direction.side == CLIENT
            protection = Modern(self.keys, cipher, direction.side, hello.random, self.budget, early and not negotiation.retried)
            protection.skipping = early and negotiation.retried
            direction.protection = protection

    # single messages; the table is at the end

    def _hello_request(self, direction: Direction, negotiation: Negotiation, message: bytes) -> None:
        if direction.side == SERVER:
            self.facts.asked_by_server = True

    def _certificate(self, direction: Direction, negotiation: Negotiation, message: bytes) -> None:
        chain = hs.parse_certificates(message, is_modern(direction))
        if chain is None:
            return
        if direction.side == SERVER:
            negotiation.resumed = False
            self.facts.resumed(negotiation)
            negotiation.server_certificate = chain[0] if chain else None
        self.facts.certificates(direction.side, chain, direction.stream.now_ns)

    def _certificate_request(self, direction: Direction, negotiation: Negotiation, message: bytes) -> None:
        if direction.side == SERVER:
            self.facts.certificate_requested = True

    def _server_hello_done(self, direction: Direction, negotiation: Negotiation, message: bytes) -> None:
        if direction.side == SERVER:
            negotiation.resumed = False
            self.facts.resumed(negotiation)
            self.facts.not_requested()

    def _ticket(self, direction: Direction, negotiation: Negotiation, message: bytes) -> None:
        if direction.side == SERVER and not is_modern(direction):
            ticket = hs.parse_ticket(message)
            if ticket:
                negotiation.give_ticket(ticket)

    def _encrypted_extensions(self, direction: Direction, negotiation: Negotiation, message: bytes) -> None:
        extensions = hs.parse_encrypted_extensions(message)
        if direction.side != SERVER or extensions is None or not is_modern(direction):
            return
        self.facts.protocol = hs.parse_protocol_name(extensions.get(hs.ALPN, b"")) or self.facts.protocol
        client = self._directions[CLIENT].protection
        hello = negotiation.client_hello
        if hello and hs.EARLY_DATA in hello.extensions and self.early_accepted is None and isinstance(client, Modern):
            self.early_accepted = hs.EARLY_DATA in extensions
            if not self.early_accepted and client.stage == modern.EARLY:
                client.enter(modern.HANDSHAKE)
                client.skipping = True

    def _end_of_early_data(self, direction: Direction, negotiation: Negotiation, message: bytes) -> None:
        if isinstance(direction.protection, Modern) and direction.protection.stage == modern.EARLY:
            self.early_accepted = True
            direction.protection.enter(modern.HANDSHAKE)

    def _finished(self, direction: Direction, negotiation: Negotiation, message: bytes) -> None:
        protection = direction.protection
        if not isinstance(protection, Modern) or protection.stage != modern.HANDSHAKE:
            return
        protection.enter(modern.APPLICATION)
        if direction.side == SERVER:
            self.facts.not_requested()
        elif self.facts.done_ns is None:
            self.facts.done_ns = direction.stream.now_ns

    def _key_update(self, direction: Direction, negotiation: Negotiation, message: bytes) -> None:
        if isinstance(direction.protection, Modern) and direction.protection.stage == modern.APPLICATION:
            self.facts.key_updates += 1
            direction.protection.update()


_Handler = Callable[[Conversation, Direction, Negotiation, bytes], None]
_HANDLERS: dict[int, _Handler] = {
    hs.HELLO_REQUEST: Conversation._hello_request,
    hs.NEW_SESSION_TICKET: Conversation._ticket,
    hs.END_OF_EARLY_DATA: Conversation._end_of_early_data,
    hs.ENCRYPTED_EXTENSIONS: Conversation._encrypted_extensions,
    hs.CERTIFICATE: Conversation._certificate,
    hs.CERTIFICATE_REQUEST: Conversation._certificate_request,
    hs.SERVER_HELLO_DONE: Conversation._server_hello_done,
    hs.FINISHED: Conversation._finished,
    hs.KEY_UPDATE: Conversation._key_update,
}
