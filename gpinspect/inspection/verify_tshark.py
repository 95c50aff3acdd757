"""What tshark with the Lua dissector finds in a capture: run it, and read its PDML while it writes.

tshark reads twice (`-2`), so that each package knows where it ends. `tcp.reassemble_out_of_order` is switched on: by default it is
off, and then tshark gives TLS records in the order in which segments were recorded, so that one that was sent again breaks the
decryption of all that follow. The dissector orders plain TCP itself and does not need it.
"""

import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from gpinspect.errors import SourceError

if TYPE_CHECKING:
    from typing import IO

STEP = 1 << 16
IN_ORDER = ("-o", "tcp.reassemble_out_of_order:TRUE")


class Piece(NamedTuple):
    """A stretch of payload: `package` is None for a body of protocol 0 or of a POST."""

    package: int | None
    position: int
    data: bytes


@dataclass(slots=True)
class SeenExchange:
    """One exchange as the dissector shows it. Values are texts of its fields, by field name without `gpfdist.`"""

    request: dict[str, str] = field(default_factory=dict)
    answer: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    packages: dict[int, dict[str, str]] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def visible(self) -> bool:
        """As gpinspect counts exchanges: a whole request, an answer, or messages."""
        return bool(self.answer or self.counts or (self.request and "head_cut" not in self.request))


@dataclass(slots=True)
class SeenConnection:
    """One TCP stream, numbered as tshark does, from 0."""

    exchanges: dict[int, SeenExchange] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    lost: int = 0  # bytes that the capture does not have


def command(tool: str, script: str, path: str, keylogs: Sequence[str] = (), server_keys: Sequence[str] = ()) -> list[str]:
    """The command line of tshark: what `see` runs, and what a person can repeat."""
    keys = [word for log in keylogs[:1] for word in ("-o", f"tls.keylog_file:{log}")]
    for key in server_keys:
        quoted = key.replace('"', "\\x22")
        keys += ["-o", f'uat:rsa_keys:"{quoted}",""']
    shown = ["-Y", "gpfdist", "-T", "pdml", "-J", "gpfdist"]
    return [tool, "-n", "-2", "-X", f"lua_script:{script}", *IN_ORDER, *keys, "-r", str(Path(path).resolve()), *shown]


def see(
    tool: str, dissector: str, path: str, keylogs: Sequence[str] = (), server_keys: Sequence[str] = ()
) -> dict[int, SeenConnection]:
    """Run tshark over a capture and gather what the dissector shows, by TCP stream.

    Args:
        tool: Where tshark is.
        dissector: The text of gpfdist.lua.
        keylogs: Key logs; tshark takes one, so several are put together for it.

    Raises:
        SourceError: tshark cannot be started, gives no PDML, or the dissector makes a Lua error.
    """
    with tempfile.TemporaryDirectory(prefix="gpinspect-") as folder:
        script = Path(folder) / "gpfdist.lua"
        script.write_text(dissector, encoding="utf-8")
        logs = list(keylogs)
        if len(logs) > 1:
            together = Path(folder) / "keys"
            together.touch(mode=0o600)
            together.write_bytes(b"\n".join(Path(log).read_bytes() for log in logs))
            logs = [str(together)]
        with tempfile.TemporaryFile() as words:
            try:
                process = subprocess.Popen(
                    command(tool, str(script), path, logs, server_keys),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=words,
                )
            except OSError as error:
                raise SourceError(f"{tool} cannot be started: {error.strerror}") from error
            with process:
                assert process.stdout is not None
                try:
                    seen = _gather(process.stdout)
                except ParseError as error:
                    process.kill()
                    raise SourceError(
                        f"{path}: tshark wrote what is no PDML ({error}); see whether it reads the capture"
                    ) from error
            words.seek(0)
            said = words.read().decode("utf-8", "replace")
    if "Lua Error" in said or "Lua: Error" in said:
        raise SourceError(f"{path}: the dissector failed in tshark: {said.strip().splitlines()[-1]}")
    if process.returncode not in (0, 2) and not seen:  # 2: the capture is cut
        raise SourceError(f"{path}: {said.strip().splitlines()[-1] if said.strip() else f'tshark ended with {process.returncode}'}")
    return seen


def _packets(stream: "IO[bytes]") -> Iterator[Element]:
    parser: Any = XMLPullParser(["end"])  # its stubs do not tell what "end" gives
    while data := stream.read(STEP):
        parser.feed(data)
        for _, element in parser.read_events():
            if element.tag == "packet":
                yield element
                element.clear()
    parser.close()


def _gather(stream: "IO[bytes]") -> dict[int, SeenConnection]:
    seen: dict[int, SeenConnection] = {}
    for packet in _packets(stream):
        for layer in packet.findall("proto"):
            if layer.get("name") == "gpfdist":
                _layer(layer, seen)
            elif any("Lua Error" in (inner.get("showname") or inner.get("show") or "") for inner in layer.iter()):
                raise SourceError("the dissector failed in tshark: Lua Error in a frame")
    return seen


def _layer(layer: Element, seen: dict[int, SeenConnection]) -> None:
    values = _values(layer)
    stream = values.get("stream")
    if stream is None:
        return
    connection = seen.setdefault(int(stream), SeenConnection())
    exchange = connection.exchanges.setdefault(int(values["exchange"]), SeenExchange()) if "exchange" in values else SeenExchange()
    for element in layer:
        name = (element.get("name") or "").removeprefix("gpfdist.")
        if name == "request":
            exchange.request = _deep(element)
        elif name == "answer":
            told = _deep(element)
            if told.get("status") != "100":
                exchange.answer = told
        elif name == "package":
            inner = _values(element)
            exchange.packages[int(inner["package.index"])] = inner
            for message in element.findall("field[@name='gpfdist.message']"):
                exchange.counts[_values(message)["message.type"]] += 1
        elif name == "message":
            exchange.counts[_values(element)["message.type"]] += 1
        elif name == "message.text":
            exchange.errors.append(element.get("show") or "")
        elif name == "content":
            _content(element, exchange)
        elif name in ("lost", "snapped"):
            connection.lost += int(element.get("show") or 0)
        elif name == "code":
            connection.codes[element.get("show") or ""] += 1


def _content(element: Element, exchange: SeenExchange) -> None:
    inner = _values(element)
    data = element.find("field[@name='gpfdist.rows']")
    if data is not None:
        package = inner.get("rows.package")
        piece = Piece(
            None if package is None else int(package), int(inner["rows.position"]), bytes.fromhex(data.get("value") or "")
        )
        exchange.pieces.append(piece)


def _values(element: Element) -> dict[str, str]:
    """Fields directly below, the last of each name."""
    return {(inner.get("name") or "").removeprefix("gpfdist."): inner.get("show") or "" for inner in element}


def _deep(element: Element) -> dict[str, str]:
    """Fields at any depth, the last of each name."""
    return {(inner.get("name") or "").removeprefix("gpfdist."): inner.get("show") or "" for inner in element.iter("field")}
