"""Sessions of any kind, over any network, under a mask: what is judged stays the same, and nothing of anybody's is left."""

import random
import string
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import zstandard
from click.testing import CliRunner
from craft import (
    END,
    ETHERNET,
    RST,
    SLL,
    SLL2,
    Capture,
    Conversation,
    error_message,
    ok_head,
    package,
    package_head,
    read_session,
    request,
    write_session,
)
from craft.files import Record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpinspect.cli.group import gpinspect
from gpinspect.inspection import inspect
from gpinspect.views.redaction import Mask

from .judge import left, names, told, words


def token(dice: random.Random) -> bytes:
    """A field; all of them begin like no other word, so that one that is left is no accident."""
    kind = dice.randrange(8)
    if kind == 0:
        return b"\\N"
    if kind == 1:
        return "Zürich Ωmega 東京".encode()
    if kind == 2:
        return b"N" * dice.randrange(3)
    if kind == 3:
        return b"q%d" % dice.randrange(10**9, 10**10)
    return b"Zq" + "".join(dice.choices(string.ascii_letters, k=dice.randrange(4, 14))).encode()


def text_rows(dice: random.Random, count: int) -> bytes:
    escapes = (b"", b"\\\\", b"\\t", b"\\N", b"\\x41")
    return b"".join(
        b"\t".join(token(dice) + dice.choice(escapes) for _ in range(dice.randrange(1, 5))) + b"\n" for _ in range(count)
    )


def csv_rows(dice: random.Random, count: int) -> bytes:
    out = b""
    for _ in range(count):
        fields = [token(dice).replace(b"\\", b"") for _ in range(dice.randrange(1, 5))]
        out += b",".join(b'"' + field + b'""\n' + field + b'"' if dice.random() < 0.3 else field for field in fields) + b"\n"
    return out


def spoil(dice: random.Random, records: list[Record], unrest: float) -> list[Record]:
    """What networks and recorders do to frames: lose, double, and swap them."""
    out: list[Record] = []
    for record in records:
        luck = dice.random()
        if luck < unrest / 3:
            continue
        out.append(record)
        if luck > 1 - unrest / 3:
            out.append(record)
        elif luck > 1 - unrest and len(out) > 1:
            times = out[-2].time_ns, out[-1].time_ns
            out[-2:] = [out[-1]._replace(time_ns=times[0]), out[-2]._replace(time_ns=times[1])]
    return out


def carriage(dice: random.Random) -> dict[str, Any]:
    how: dict[str, Any] = {"mss": dice.choice((60, 300, 1448, 9000)), "timestamps": dice.random() < 0.5}
    extra = dice.randrange(6)
    if extra == 0:
        how["fragment"] = 64
    elif extra == 1:
        how["vlan"] = (7,)
    elif extra == 2:
        how["offloaded"] = True
    return how


def broken_off(dice: random.Random, capture: Capture, server: tuple[str, int]) -> None:
    """One flow that ends as flows should not: with a reset, an error, or nothing."""
    talk = Conversation(capture, ("10.77.3.4", 41000), server)
    talk.open()
    talk.client(request("/Zqother/Zqpart.csv", segment=0, count=1, xid="9-0000000009"))
    talk.server(ok_head(1))
    talk.server(package("/srv/Zqother/Zqpart.csv", 0, 1, text_rows(dice, 9)))
    match dice.randrange(4):
        case 0:
            talk.segment("client", flags=RST)
        case 1:
            talk.server(error_message("line too long in file /srv/Zqother/Zqpart.csv near (9 bytes) Zqsecretrow"))
            talk.close()
        case 2:
            piece = talk.lose("server", package("/srv/Zqother/Zqpart.csv", 999, 0, text_rows(dice, 4)))
            talk.server(END)
            if dice.random() < 0.5:
                talk.retransmit(piece)
            talk.close()
        case _:
            talk.overlap("server", 7, b"Zqother77" + END)


def compressed(dice: random.Random, capture: Capture, server: tuple[str, int]) -> None:
    """A flow with zstd on the wire."""
    talk = Conversation(capture, ("10.77.3.4", 42000), server, mss=dice.choice((100, 1448)))
    talk.open()
    talk.client(request("/Zqpacked/Zqpart.csv", segment=0, count=1, xid="7-0000000007", extra=[("X-GP-ZSTD", "1")]))
    talk.server(ok_head(1, zstd=1))
    at = 0
    for _ in range(dice.randrange(1, 4)):
        rows = text_rows(dice, dice.randrange(1, 300))
        frame = zstandard.ZstdCompressor(level=dice.choice((1, 9)), write_checksum=dice.random() < 0.3).compress(rows)
        talk.server(package_head("/srv/Zqpacked/Zqpart.csv", at, 1 if not at else 0, len(rows)) + frame)
        at += len(rows)
    if dice.random() < 0.7:
        talk.server(END)
        talk.close()


def build(dice: random.Random) -> tuple[Capture, set[bytes]]:
    """A capture with a read, a write and a flow that broke off, and the words of its rows."""
    capture = Capture(link=dice.choice((ETHERNET, ETHERNET, SLL, SLL2)), snaplen=dice.choice((262144, 262144, 262144, 400)))
    server = dice.choice((("10.77.3.9", 8080), ("2001:db8:77::9", 8080)))
    client = "10.77.3.4" if "." in server[0] else "2001:db8:77::4"
    csv = dice.random() < 0.5
    content = (csv_rows if csv else text_rows)(dice, dice.randrange(1, 120))
    naming: dict[str, Any] = {"csvopt": "m1x 34q 34n0h0" if csv else "m0x 92q  0n0h0", "host": f"{server[0]}:8080"}
    if ":" in server[0]:
        naming["host"] = f"[{server[0]}]:8080"
    read_session(
        capture,
        {"/srv/Zqdata/Zqorders-1.tbl": content},
        dice.randrange(1, 4),
        package_size=max(map(len, content.split(b"\n\n"))) + 3000,
        late=0,
        path="/Zqdata/Zqorders-1.tbl",
        server=server,
        client_hosts=(client,),
        conversation=carriage(dice),
        **naming,
    )
    bodies = [[text_rows(dice, dice.randrange(1, 40)) for _ in range(dice.randrange(1, 3))] for _ in range(2)]
    write_session(
        capture, bodies, path="/Zqout/Zqtarget.txt", server=server, client_hosts=(client,), first_port=50000, xid="8-0000000008"
    )
    if "." in server[0]:
        broken_off(dice, capture, server)
        compressed(dice, capture, server)
    capture.records = spoil(dice, capture.records, dice.choice((0, 0, 0.05, 0.2)))
    secret = words(content) | {b"Zqsecretrow", b"gpadmin"}
    for parts in bodies:
        secret |= words(b"".join(parts))
    return capture, {one for one in secret if one.strip(b"N")}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_any_session_is_judged_the_same_under_a_mask_and_nothing_of_it_is_left(seed: int) -> None:
    dice = random.Random(seed)
    capture, secret = build(dice)
    with tempfile.TemporaryDirectory() as folder:
        source, plain, masked = (Path(folder) / name for name in ("in.pcapng", "plain.pcapng", "masked.pcapng"))
        capture.write(source)
        for path, options in ((plain, []), (masked, ["--redact"])):
            with patch("gpinspect.inspection.redact.fresh_mask", lambda: Mask(b"a fixed key of the test")):
                result = CliRunner().invoke(
                    gpinspect, ["cut", str(source), "-o", str(path), "-q", *options], catch_exceptions=False
                )
            if result.exit_code == 4:
                return  # so much was lost that it is not ours any more
            assert result.exit_code == 0, result.output
        assert told(masked) == told(plain)
        with inspect([str(plain)]) as found:
            secret |= names(found)
        assert left(secret, masked.read_bytes()) == []
