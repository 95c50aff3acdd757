"""Conversations in every shape that the engine has two ways for: name, and how to build the capture."""

import struct
from collections.abc import Callable
from typing import Any

from craft import (
    ACK,
    END,
    ETHERNET,
    LOOP,
    NULL,
    PSH,
    RAW,
    RST,
    SLL,
    SLL2,
    SYN,
    Capture,
    Conversation,
    error_head,
    error_message,
    late_reply,
    message,
    ok_head,
    package,
    package_head,
    post,
    read_session,
    request,
    write_session,
)

ROWS = b"".join(b"%d,some text of row %d\n" % (n, n) for n in range(400))
SIX = {"client": ("fd00::1", 40000), "server": ("fd00::9", 8080)}


def dialogue(talk: Conversation, *, close: bool = True) -> None:
    """A read of two packages, one in small segments."""
    talk.client(request())
    talk.server(ok_head())
    talk.server(package("/data/a.txt", 0, 1, ROWS))
    talk.server(package("/data/a.txt", len(ROWS), 0, ROWS[:900]), mss=100)
    talk.server(END)
    if close:
        talk.close()


def carried(link: int = ETHERNET, six: bool = False, snaplen: int = 262144, byteorder: Any = "little", **carriage: Any) -> Capture:
    capture = Capture(link=link, snaplen=snaplen, byteorder=byteorder)
    talk = Conversation(capture, **(SIX if six else {}), mss=600, **carriage)
    talk.open()
    dialogue(talk)
    return capture


def talked(how: Callable[[Conversation], None], *, opened: bool = True, **arguments: Any) -> Capture:
    capture = Capture()
    talk = Conversation(capture, mss=600, **arguments)
    if opened:
        talk.open()
    how(talk)
    return capture


def begun(talk: Conversation) -> None:
    talk.client(request())
    talk.server(ok_head())
    talk.server(package("/data/a.txt", 0, 1, ROWS[:3000]))


def keep_alives(talk: Conversation) -> None:
    begun(talk)
    for garbage in (b"", b"\0"):
        talk.keep_alive("server", garbage=garbage)
        talk.keep_alive("client", garbage=garbage)
    talk.server(package_head("/data/a.txt", 3000, 0, 900))
    talk.server(ROWS[3000:3500])
    talk.keep_alive("server", garbage=b"\0")
    talk.keep_alive("server")
    talk.server(ROWS[3500:3900] + END)
    talk.close()


def zero_windows(talk: Conversation) -> None:
    begun(talk)
    talk.zero_window("client")
    talk.window_update("client")
    talk.server(package("/data/a.txt", 3000, 0, ROWS[3000:3900]) + END)
    talk.close()


def reused_ports() -> Capture:
    capture = Capture()
    for number in range(3):
        talk = Conversation(capture, mss=600, client_isn=1000 + number * 70_000, server_isn=9_000_000 * (number + 1))
        talk.open()
        dialogue(talk, close=number != 1)  # the second one is never closed
    return capture


def data_in_syn(talk: Conversation) -> None:
    """TCP Fast Open: the request comes with the SYN."""
    wanted = request()
    talk.segment("client", wanted[:300], position=-1, flags=SYN)
    talk.sides["client"].sent += 300
    talk.segment("server", position=-1, flags=SYN | ACK)
    talk.client(wanted[300:])
    talk.server(ok_head() + package("/data/a.txt", 0, 1, ROWS[:3000]) + END)
    talk.close()


def reset_after_data(talk: Conversation) -> None:
    begun(talk)
    talk.server(package_head("/data/a.txt", 3000, 0, 2000) + ROWS[3000:4000])
    talk.segment("client", b"why I reset", flags=RST | ACK)


def half_closed(talk: Conversation) -> None:
    talk.client(request())
    talk.fin("client")
    talk.server(ok_head() + package("/data/a.txt", 0, 1, ROWS[:3000]) + END)
    talk.fin("server")


def middle(talk: Conversation) -> None:
    """The capture starts inside the rows of a package."""
    talk.server(ROWS[100:2000])
    for number in range(3):
        talk.server(package("/data/a.txt", 2000 + 900 * number, 0, ROWS[2000 + 900 * number : 2900 + 900 * number]))
    talk.server(END)
    talk.close()


def lost_head(talk: Conversation) -> None:
    begun(talk)
    talk.gap("server", package_head("/data/a.txt", 3000, 0, 1000))
    talk.server(ROWS[3000:4000])
    talk.server(package("/data/a.txt", 4000, 0, ROWS[4000:5000]))
    talk.server(END)
    talk.close()


def lost_rows(talk: Conversation) -> None:
    begun(talk)
    talk.server(package_head("/data/a.txt", 3000, 0, 2000))
    talk.server(ROWS[3000:3600])
    talk.gap("server", ROWS[3600:4200])
    talk.server(ROWS[4200:5000])
    talk.server(package("/data/a.txt", 5000, 0, ROWS[5000:5900]))
    talk.server(END)
    talk.close()


def lost_then_sent_again(talk: Conversation) -> None:
    begun(talk)
    talk.server(package_head("/data/a.txt", 3000, 0, 2000))
    gone = talk.lose("server", ROWS[3000:3600])
    talk.server(ROWS[3600:5000])
    head = talk.lose("server", package_head("/data/a.txt", 5000, 0, 900))
    talk.server(ROWS[5000:5900] + END)
    talk.retransmit(gone)
    talk.retransmit(head)
    talk.close()


def lost_end(talk: Conversation) -> None:
    begun(talk)
    talk.gap("server", END)
    talk.close()


def hole_at_the_very_end(talk: Conversation) -> None:
    begun(talk)
    talk.server(package_head("/data/a.txt", 3000, 0, 2000) + ROWS[3000:3500])
    talk.gap("server", ROWS[3500:4100])


def acknowledged_before(talk: Conversation) -> None:
    """The recorder wrote acknowledgments before the data that they are for."""
    talk.client(request())
    talk.server(ok_head())
    start = len(talk.capture.records)
    talk.server(package("/data/a.txt", 0, 1, ROWS[:5000]), mss=500)
    records = talk.capture.records
    records[start:] = sorted(records[start:], key=lambda record: (records.index(record) // 6, len(record.data) > 100))
    talk.server(END)
    talk.close()


def overlaps(talk: Conversation) -> None:
    talk.client(request())
    talk.server(ok_head())
    body = package("/data/a.txt", 0, 1, ROWS[:3000]) + package("/data/a.txt", 3000, 0, ROWS[3000:3900]) + END
    talk.server(body[:1000])
    talk.overlap("server", 300, body[700:1500])
    talk.overlap("server", 800, body[700:900])
    talk.swap("server", body[1500:2100], body[2100:2700])
    talk.overlap("server", 10, body[2690:])
    talk.close()


def doubled() -> Capture:
    capture = carried()
    capture.records = [record for record in capture.records for _ in range(2)]
    return capture


def out_of_time_order() -> Capture:
    capture = carried()
    for at in range(3, len(capture.records) - 3, 4):
        capture.records[at], capture.records[at + 1] = capture.records[at + 1], capture.records[at]
    return capture


def reversed_opening() -> Capture:
    """Two queues of a network card: the request is captured in front of both SYNs."""
    capture = carried()
    records = capture.records
    records[:4] = [records[3], records[0], records[1], records[2]]
    return capture


def short_header() -> Capture:
    """A frame of a known connection whose TCP header claims to be shorter than one can be."""
    capture = carried()
    for at in (8, 10):
        record = capture.records[at]
        data = bytearray(record.data)
        data[14 + 20 + 12] = 0x10
        capture.records.insert(at, record._replace(data=bytes(data)))
    return capture


def lying_length() -> Capture:
    """IP lengths that are longer, or shorter, than the frame."""
    capture = carried()
    for at, total in ((8, 60_000), (10, 30), (12, 41)):
        record = capture.records[at]
        data = bytearray(record.data)
        data[16:18] = struct.pack(">H", total)
        capture.records.insert(at, record._replace(data=bytes(data)))
    return capture


def no_answer_to_syn() -> Capture:
    """The SYN+ACK and the first bytes of the answer are missing in the capture."""
    capture = Capture()
    talk = Conversation(capture, mss=600)
    talk.syn("client")
    talk.ack("client")
    talk.client(request(), ack=False)
    talk.ack("server")
    talk.recording = False
    talk.server(ok_head()[:100])
    talk.recording = True
    talk.server(ok_head()[100:] + package("/data/a.txt", 0, 1, ROWS[:900]) + package("/data/a.txt", 900, 0, ROWS[900:1800]) + END)
    talk.close()
    return capture


def strange_messages(talk: Conversation) -> None:
    talk.client(request())
    talk.server(ok_head())
    talk.server(message("L", struct.pack(">Q", 7)) + message("O", b"\0\0\0\5") + message("D", ROWS[:500]))
    talk.server(message("F", b"/" + b"n" * 300) + message("O", struct.pack(">Q", 500)) + message("D", ROWS[500:700]))
    talk.server(message("D", ROWS[700:800]) + error_message("something is wrong") + END + b"after the end")
    talk.close()


def unknown_letter(talk: Conversation) -> None:
    begun(talk)
    talk.server(b"Z" + package("/data/a.txt", 3000, 0, ROWS[3000:3900]) + END)
    talk.close()


def many_at_once() -> Capture:
    capture = Capture()
    read_session(
        capture,
        {"/data/a.txt": ROWS * 8, "/data/b.txt": ROWS * 2},
        segments=4,
        late=1,
        package_size=4000,
        header=True,
        conversation={"mss": 900},
    )
    write_session(capture, [[ROWS, ROWS[:300]], [ROWS[:900]]], first_port=42000, xid="1700000000-0000000043")
    talk = Conversation(capture, ("10.0.0.1", 43000))
    talk.open()
    talk.client(request("/none.txt"))
    talk.server(error_head())
    talk.close()
    talk = Conversation(capture, ("10.0.0.1", 43001))
    talk.open()
    talk.client(post(2, ROWS[:50], path="/late.txt"))
    talk.server(late_reply(0))
    talk.close()
    return capture


def mixed_versions() -> Capture:
    """IPv4 and IPv6 in turns, so that the fast layout changes sides."""
    capture = Capture()
    talks = [Conversation(capture, mss=200), Conversation(capture, **SIX, mss=200)]
    for talk in talks:
        talk.open()
        talk.client(request(segment=talks.index(talk)))
        talk.server(ok_head())
    for number in range(6):
        talks[number % 2].server(package("/data/a.txt", 3000 * number, 0, ROWS[3000 * number % 6000 :][:3000]))
    for talk in talks:
        talk.server(END)
        talk.close()
    return capture


SHAPES: dict[str, Callable[[], Capture]] = {
    "ethernet": carried,
    "vlan": lambda: carried(vlan=(7,)),
    "qinq": lambda: carried(vlan=(7, 8)),
    "sll": lambda: carried(SLL),
    "sll with a tag": lambda: carried(SLL, vlan=(7,)),
    "sll2": lambda: carried(SLL2),
    "sll2 with a tag": lambda: carried(SLL2, vlan=(7,)),
    "null": lambda: carried(NULL),
    "null, other byte order": lambda: carried(NULL, byteorder="big"),
    "loop": lambda: carried(LOOP),
    "raw": lambda: carried(RAW),
    "gre": lambda: carried(tunnel="gre"),
    "gre-ethernet": lambda: carried(tunnel="gre-ethernet"),
    "ipip": lambda: carried(tunnel="ipip"),
    "vxlan": lambda: carried(tunnel="vxlan"),
    "ip options": lambda: carried(ip_options=b"\x94\4\0\0"),
    "fragments": lambda: carried(fragment=256),
    "offload": lambda: carried(offloaded=True),
    "padding": lambda: carried(padding=True),
    "trailer": lambda: carried(trailer=b"DDDD"),
    "snapped": lambda: carried(snaplen=200),
    "snapped in the header": lambda: carried(snaplen=50),
    "time stamps": lambda: carried(timestamps=True),
    **{
        f"ipv6 {name}": how
        for name, how in {
            "ethernet": lambda: carried(six=True),
            "vlan": lambda: carried(six=True, vlan=(7,)),
            "sll": lambda: carried(SLL, six=True),
            "sll2": lambda: carried(SLL2, six=True),
            "null": lambda: carried(NULL, six=True),
            "loop": lambda: carried(LOOP, six=True),
            "raw": lambda: carried(RAW, six=True),
            "in ipv4": lambda: carried(six=True, tunnel="ipip"),
            "gre": lambda: carried(six=True, tunnel="gre"),
            "extension headers": lambda: carried(six=True, extensions=((0, b""), (60, b"\1\2\0\0"), (43, b"\0\0"))),
            "fragments": lambda: carried(six=True, fragment=256),
            "offload": lambda: carried(six=True, offloaded=True),
            "snapped": lambda: carried(six=True, snaplen=200),
        }.items()
    },
    "wrap": lambda: talked(dialogue, client_isn=2**32 - 200, server_isn=2**32 - 3000),
    "keep-alives": lambda: talked(keep_alives),
    "zero windows": lambda: talked(zero_windows),
    "reused ports": reused_ports,
    "data in syn": lambda: talked(data_in_syn, opened=False),
    "reset after data": lambda: talked(reset_after_data),
    "half close": lambda: talked(half_closed),
    "middle": lambda: talked(middle, opened=False),
    "middle of a dialogue": lambda: talked(dialogue, opened=False),
    "client only": lambda: talked(dialogue, only="client"),
    "server only": lambda: talked(dialogue, only="server"),
    "server only, middle": lambda: talked(middle, opened=False, only="server"),
    "doubled": doubled,
    "out of time order": out_of_time_order,
    "request before syn": reversed_opening,
    "lost head": lambda: talked(lost_head),
    "lost rows": lambda: talked(lost_rows),
    "lost and sent again": lambda: talked(lost_then_sent_again),
    "lost end": lambda: talked(lost_end),
    "hole at the very end": lambda: talked(hole_at_the_very_end),
    "acknowledged before": lambda: talked(acknowledged_before),
    "overlaps": lambda: talked(overlaps),
    "short tcp header": short_header,
    "lying length": lying_length,
    "no answer to syn": no_answer_to_syn,
    "strange messages": lambda: talked(strange_messages),
    "unknown letter": lambda: talked(unknown_letter),
    "push only": lambda: talked(lambda talk: talk.segment("client", request(), flags=PSH | ACK) and None),
    "many at once": many_at_once,
    "mixed versions": mixed_versions,
}
