"""Rows about silence and pace, with exact times: nothing moves between two frames unless a story waits."""

from craft import END, Capture, Conversation, head, ok_head, post

from gpinspect.grammar import findings as catalogue

from .row import Row, Source
from .stories import BLOCKS, Writes, begin, finish, healthy, serve
from .tls_wire import SERVER, secured

QUIET = 8.0
"""Seconds of a silence that nobody can miss."""


def three_readers(capture: Capture) -> list[Conversation]:
    talks = [serve(capture, number, count=3) for number in range(3)]
    for talk, block in zip(talks, BLOCKS[:3], strict=True):
        talk.server(block.bytes)
    return talks


def source_blocks(capture: Capture, pause: float = QUIET) -> None:
    """Row 37: all windows are open, all is acknowledged, and the server says nothing to anybody."""
    talks = three_readers(capture)
    capture.wait(pause)
    finish(talks[0], BLOCKS[3])
    finish(talks[1])
    finish(talks[2])


def one_window_shut(capture: Capture, pause: float = QUIET) -> None:
    """Row 36: one member takes nothing for a while; the others get all there is."""
    talks = three_readers(capture)
    talks[0].zero_window("client")
    finish(talks[1], BLOCKS[3])
    finish(talks[2])
    for _ in range(int(pause)):
        capture.wait(1)
        talks[0].keep_alive("server")
    talks[0].window_update("client")
    finish(talks[0])


def silent_client_of_tls(capture: Capture, pause: float = 3.0) -> None:
    """Row 38: a connection to the TLS port that is only opened, and closed after a while."""
    secured(capture)
    talk = Conversation(capture, ("10.0.0.77", 42000), SERVER)
    talk.open()
    capture.wait(pause)
    talk.close("client")


def body_that_stops(capture: Capture, pause: float = QUIET) -> None:
    """Row 39: half a body comes, and while the rest is awaited another segment's OPEN gets no answer."""
    writes = Writes(capture, count=2)
    writes.taken(1)
    body = b"some row\n" * 400
    slow = begin(capture, 20)
    whole = post(2, body, count=2)
    slow.client(whole[:2000])
    waiting = writes.send(1, segment=1)
    capture.wait(pause)
    slow.client(whole[2000:])
    slow.server(ok_head(0))
    slow.close()
    waiting.server(ok_head(0))
    waiting.close()
    writes.taken(2, done=True)
    writes.taken(1, done=True, segment=1)


def opened_again_and_again(capture: Capture, *, answered: bool = False) -> None:
    """Row 41: the SYN of one segment is sent at 0, 1, 3 and 7 s; the port is served for another one."""
    healthy(capture, count=2)
    talk = Conversation(capture, ("10.0.0.1", 47000), ("10.0.0.9", 8080))
    talk.syn("client")
    for wait in () if answered else (1, 2, 4):
        talk.syn("client", dt=wait)
    if answered:
        talk.syn("server")
        talk.ack("client")
        talk.close("client")


def end_unanswered(capture: Capture, pause: float = 60.0) -> None:
    """Row 42: the last rows and the FIN of the server are not acknowledged; after 60 s it gives the connection up."""
    talk = serve(capture)
    for block in BLOCKS[:3]:
        talk.server(block.bytes)
    talk.server(BLOCKS[3].bytes + END, ack=False)
    talk.fin("server", ack=False)
    if pause < 1:
        talk.ack("client")
        talk.fin("client")
        return
    capture.wait(pause)
    talk.rst("server")


def cancelled_for_silence(capture: Capture, pause: float = 300.0) -> None:
    """Row 43: nothing for readable_external_table_timeout, then each segment asks for the status page and leaves."""
    talks = [serve(capture, number, count=2) for number in range(2)]
    capture.wait(pause)
    for number, talk in enumerate(talks):
        asking = begin(capture, 10 + number)
        asking.client(head("GET /gpfdist/status HTTP/1.1", [("Host", "10.0.0.9:8080"), ("Accept", "*/*")]))
        talk.fin("client")


def probed_while_reading(capture: Capture) -> None:
    """Monitoring asks for the status page while a load goes on well."""
    talk = serve(capture)
    asking = begin(capture, 10)
    asking.client(head("GET /gpfdist/status HTTP/1.1", [("Host", "10.0.0.9:8080"), ("Accept", "*/*")]))
    asking.server(head("HTTP/1.0 200 ok", [("X-GPFDIST-VERSION", "6.24.3"), ("Connection", "close")]) + b"read_bytes 5\r\n")
    asking.close()
    finish(talk, *BLOCKS)


OWNED_BY_STALLS: dict[str, tuple[str, str, Source, Source]] = {
    "36": ("W", "window of one member shut", one_window_shut, lambda c: one_window_shut(c, 0)),
    "37": ("W", "server silent to all", source_blocks, lambda c: source_blocks(c, 0.01)),
    "39": ("W", "body stops while others wait", body_that_stops, lambda c: body_that_stops(c, 0.01)),
    "41": ("W", "SYN sent again and again", opened_again_and_again, lambda c: opened_again_and_again(c, answered=True)),
    "42": ("W", "FIN of the server unanswered for 60 s", end_unanswered, lambda c: end_unanswered(c, 0.01)),
    "43": ("E", "cancelled after a long silence", cancelled_for_silence, probed_while_reading),
}
"""Row: severity, event, what shows it, what must not."""

CODES: dict[str, tuple[str, ...]] = {
    "36": ("GPI305",),
    "37": ("GPI301",),
    "39": ("GPI303",),
    "41": ("GPI310",),
    "42": ("GPI314",),
    "43": ("GPI315",),
}
"""Row: its codes."""

_KNOWN = {kind.code for kind in catalogue.ALL}
PENDING = tuple(number for number in OWNED_BY_STALLS if not set(CODES.get(number, ("?",))) <= _KNOWN)
"""Rows without a code yet."""

ROWS_SLOWNESS = (
    Row(
        "38",
        "TCP connection to a TLS port without ClientHello",
        "W",
        ("GPI562",),
        silent_client_of_tls,
        lambda c: silent_client_of_tls(c, 0.2),
        ("probes",),
    ),
    *(
        Row(number, event, severity, CODES[number], shows, spares)
        for number, (severity, event, shows, spares) in OWNED_BY_STALLS.items()
        if number not in PENDING
    ),
)
