"""Where rows lead that several screens have, and how things are found again in a later snapshot."""

from typing import TYPE_CHECKING

from gpinspect.model import Exchange, Session
from gpinspect.tui.reading import Snapshot
from gpinspect.views.browse import exchange_key, session_key

if TYPE_CHECKING:
    from gpinspect.tui.app import InspectApp


def open_exchange(walk: "InspectApp", exchange: Exchange, origin_ns: int, crumb: str, frame: int | None = None) -> None:
    """Its packages; or a word why it has none.

    Args:
        frame: Begin at the package that holds this frame.
    """
    from gpinspect.tui.screens.packages import PackagesScreen

    if len(exchange.packages):
        walk.push_screen(PackagesScreen(exchange, origin_ns, crumb, frame))
    else:
        walk.say(why_without_packages(exchange))


def why_without_packages(exchange: Exchange) -> str:
    if exchange.method == "POST":
        return f"a write has no packages: its body holds {exchange.payload_bytes:,} bytes of rows"
    if exchange.payload_bytes:
        return f"no packages: protocol 0 sends {exchange.payload_bytes:,} bytes of rows as they are"
    return f"no packages came in this exchange: it ended as {exchange.outcome.value}"


def renewed(exchange: Exchange, found: Snapshot) -> Exchange:
    """An exchange as it is in a later snapshot."""
    if exchange.id <= len(found.exchanges):
        today = found.exchanges[exchange.id - 1]
        if exchange_key(today) == exchange_key(exchange):
            return today
    return next((other for other in found.exchanges if exchange_key(other) == exchange_key(exchange)), exchange)


def session_today(session: Session, found: Snapshot) -> Session | None:
    """A session as it is in a later snapshot; None while it is not among the others."""
    key = session_key(session)
    near = found.sessions[session.id - 1 : session.id]
    return next((one for one in (*near, *found.sessions) if session_key(one) == key), None)
