"""Loads with one arranged cause each, and loads that only look slow. Seconds count from the beginning of the capture."""

from craft import Conversation, Piece, request

from analysis.stall_hand import ROWS, Load


def pause(near: str = "server") -> Load:
    return Load(near=near).steady(3.5, without=((0.8, 2.8),))


def slow_pipe() -> Load:
    return Load().steady(6.0, every=0.9)


def full_window() -> Load:
    """Segment 1 stops at 0.5 s: its window shrinks to 128 bytes with the next block, and is 0 from 0.75 to 2.5 s."""
    load = Load()
    load.begin()
    load.served(0.05, 0.5, 0.08)
    talk = load.talks[1]
    package = load.rows()

    def fill() -> None:
        talk.server(package[:6000], ack=False, dt=1e-5)
        talk.ack("client", window=128, dt=2e-4)

    def probe() -> None:
        talk.segment("server", package[6000:6128])
        talk.sides["server"].sent += 128
        talk.ack("client", window=0, dt=2e-4)

    load.at(0.5, fill)
    load.at(0.75, probe)
    for when in (0.95, 1.35, 2.15):
        load.at(when, lambda: talk.segment("server", position=talk.sides["server"].sent - 1))
        load.at(when + 0.0002, lambda: talk.ack("client", window=0))
    load.at(2.5, lambda: talk.ack("client"))
    load.at(2.5001, lambda: talk.server(package[6128:]))
    load.served(0.8, 3.0, 0.08, 0, 2)
    load.ended(3.05, 0, 2)
    load.at(3.06, lambda: talk.close())
    return load


def all_windows() -> Load:
    load = Load()
    load.begin()
    load.served(0.05, 0.5, 0.05)
    for number in load.flows:
        load.at(0.5 + 0.01 * number, lambda number=number: load.block(number))
        load.at(0.51 + 0.01 * number, lambda number=number: load.talks[number].zero_window("client"))
        load.at(2.0 + 0.001 * number, lambda number=number: load.talks[number].window_update("client"))
    load.served(2.01, 2.5, 0.05)
    load.ended(2.6)
    return load


def blackout_near_client() -> Load:
    """The server's frames from 0.6 to 1.6 s never come to the recorder; the flows return at 1.9, 2.1 and 2.5 s."""
    load = Load(near="client")
    load.begin()
    load.served(0.05, 0.6, 0.06)
    lost: dict[int, list[Piece]] = {}
    for number, returns in zip(load.flows, (1.9, 2.1, 2.5), strict=True):
        talk = load.talks[number]

        def gone(talk: Conversation = talk, number: int = number) -> None:
            talk.recording = False
            before = talk.sides["server"].sent
            pieces = load.block(number, acked=False)
            talk.sides["server"].sent = before
            talk.recording = True
            lost[number] = pieces

        def back(talk: Conversation = talk, number: int = number) -> None:
            for piece in lost[number]:
                talk.segment("server", piece.data)
                talk.sides["server"].sent += len(piece.data)
            talk.ack("client")

        load.at(0.66 + 0.06 * number, gone)
        load.at(returns, back)
    load.served(2.6, 3.0, 0.06)
    load.ended(3.1)
    return load


def acks_lost_near_client() -> Load:
    """From 0.6 s on the acknowledgments do not reach the server, which sends what was acknowledged again and again."""
    load = Load(near="client")
    load.begin()
    load.served(0.05, 0.6, 0.06)
    for number in load.flows:
        start = 0.6 + 0.02 * number
        pieces: list[Piece] = []
        load.at(start, lambda number=number, pieces=pieces: pieces.extend(load.block(number)))
        for wait in (0.21, 0.63, 1.4):
            load.at(start + wait, lambda number=number, pieces=pieces: _resend(load, number, pieces[-1]))
    load.served(2.06, 2.5, 0.02)
    load.ended(2.6)
    return load


def _resend(load: Load, number: int, piece: Piece) -> None:
    load.talks[number].segment("server", piece.data, position=piece.position)
    load.talks[number].ack("client")


def blackout() -> Load:
    load = Load()
    load.begin()
    load.served(0.05, 0.5, 0.08)
    for number in load.flows:
        pieces: list[Piece] = []
        start = 0.5 + 0.05 * number
        load.at(start, lambda number=number, pieces=pieces: pieces.extend(load.block(number, acked=False)))
        for wait in (0.2, 0.6):
            load.at(start + wait, lambda number=number, pieces=pieces: _unheard(load, number, pieces[0]))
        load.at(start + 1.4, lambda number=number, pieces=pieces: _resend(load, number, pieces[0]))
        load.at(start + 1.401, lambda number=number: load.block(number))
    load.served(2.05, 2.6, 0.08)
    load.ended(2.7)
    return load


def _unheard(load: Load, number: int, piece: Piece) -> None:
    load.talks[number].segment("server", piece.data, position=piece.position)


def timer_of_one() -> Load:
    """One block of segment 2 is lost at 0.8 s and comes again after 0.6 s, others move."""
    load = Load()
    load.begin()
    load.served(0.05, 0.8, 0.05)
    pieces: list[Piece] = []
    load.at(0.8, lambda: pieces.extend(load.block(2, acked=False)))
    load.at(1.0, lambda: _unheard(load, 2, pieces[0]))
    load.at(1.4, lambda: _resend(load, 2, pieces[0]))
    load.at(1.401, lambda: load.block(2))
    load.served(0.82, 2.0, 0.05, 0, 1)
    load.ended(2.1)
    return load


def lost_syn() -> Load:
    load = Load(near="client")
    load.begin(0, 1)
    load.at(0.002, lambda: load.talks[2].syn("client"))
    load.at(1.002, lambda: load.opened(load.talks[2]))
    load.at(1.01, lambda: load.asked(load.talks[2], 2))
    load.served(0.05, 1.1, 0.05, 0, 1)
    load.served(1.1, 2.0, 0.05)
    load.ended(2.1)
    return load


def lost_request() -> Load:
    load = Load(near="client")
    load.begin(0, 1)
    talk = load.talks[2]
    load.at(0.002, lambda: load.opened(talk))
    text = request(segment=2, count=3)
    for when in (0.003, 0.21, 0.62):
        load.at(when, lambda: talk.segment("client", text, position=0))
    load.at(
        1.43,
        lambda: (
            talk.client(text, ack=False),
            talk.ack("server", dt=2e-4),
            talk.server(b"HTTP/1.0 200 ok\r\nX-GP-PROTO: 1\r\n\r\n"),
        ),
    )
    load.served(0.05, 1.5, 0.05, 0, 1)
    load.served(1.5, 2.0, 0.05)
    load.ended(2.1)
    return load


def server_owes_answer() -> Load:
    load = Load().posting(3.0, without=((0.7, 2.4),))
    for segment in load.flows:
        load.post(0.7 + 0.01 * segment, segment, 10, ROWS, answer=1.5)
    return load


def server_window() -> Load:
    load = Load().posting(3.0, without=((0.7, 2.4),))
    for segment in load.flows:
        load.post(0.7 + 0.01 * segment, segment, 10, ROWS, answer=1.5, window=True)
    return load


def slow_body() -> Load:
    load = Load().posting(3.0, without=((0.7, 2.4),))
    load.post(0.7, 1, 10, ROWS, half=1.5)
    for segment in (0, 2):
        load.post(0.71 + 0.01 * segment, segment, 10, ROWS, answer=1.5)
    return load


def nobody_posts() -> Load:
    return Load().posting(3.5, without=((0.75, 2.55),))


def frames_missing() -> Load:
    load = Load().steady(1.5)

    def hole() -> None:
        load.talks[1].gap("server", load.rows())

    load.at(0.7, hole)
    return load


def everything_missing() -> Load:
    """Nothing of 0.8 to 1.6 s was recorded, but what came in it was acknowledged."""
    load = Load().steady(2.5)
    load.at(0.8, lambda: _record(load, False))
    load.at(1.6, lambda: _record(load, True))
    return load


def _record(load: Load, on: bool) -> None:
    for talk in load.talks:
        talk.recording = on


def doubled() -> Load:
    load = Load().steady(2.0)
    load.at(
        5.0,
        lambda: load.capture.records.__setitem__(slice(None), [one for record in load.capture.records for one in (record, record)]),
    )
    return load


def swapped() -> Load:
    load = Load().steady(2.0)

    def swap() -> None:
        records = load.capture.records
        for number in range(10, len(records) - 1, 9):
            records[number], records[number + 1] = (
                records[number + 1]._replace(time_ns=records[number].time_ns),
                records[number]._replace(time_ns=records[number + 1].time_ns),
            )

    load.at(5.0, swap)
    return load


def without_acks(load: Load) -> Load:
    """Every third bare acknowledgment is not in the capture (nor was it missed)."""

    def thin() -> None:
        records = load.capture.records
        bare = [number for number, record in enumerate(records) if record.original == 66 and number > 20]
        for number in reversed(bare[::3]):
            del records[number]

    load.at(9.0, thin)
    return load


def short_zero_windows() -> Load:
    load = Load().steady(2.0)
    for step in range(12):
        load.at(0.3 + step * 0.1, lambda: load.talks[0].zero_window("client"))
        load.at(0.3015 + step * 0.1, lambda: load.talks[0].window_update("client"))
    return load


def late_start() -> Load:
    load = Load().steady(2.0)
    load.at(5.0, lambda: load.capture.records.__delitem__(slice(0, 40)))
    return load


def early_end() -> Load:
    load = Load().steady(2.0)
    load.at(5.0, lambda: load.capture.records.__delitem__(slice(-60, None)))
    return load


def clock_back() -> Load:
    load = Load().steady(2.0)

    def step() -> None:
        records = load.capture.records
        half = len(records) // 2
        records[half:] = [record._replace(time_ns=record.time_ns - 700_000_000) for record in records[half:]]

    load.at(5.0, step)
    return load


def late_client() -> Load:
    """One segment comes a second later than the others."""
    load = Load()
    load.begin(0, 1)
    load.at(1.0, lambda: load.opened(load.talks[2]))
    load.at(1.0005, lambda: load.asked(load.talks[2], 2))
    load.served(0.05, 1.1, 0.05, 0, 1)
    load.served(1.1, 2.0, 0.05)
    load.ended(2.1)
    return load
