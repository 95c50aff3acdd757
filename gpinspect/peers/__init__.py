"""Peers: programs that speak gpfdist's protocol themselves, for tests and for standing in.

`ReferenceServer` is a gpfdist, `ReferenceClient` so many segments. Every byte they send is built by the grammar. Nothing here
judges captures.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpinspect.peers.client import ReferenceClient as ReferenceClient
    from gpinspect.peers.server import ReferenceServer as ReferenceServer
    from gpinspect.peers.server.settings import ServerSettings as ServerSettings
    from gpinspect.peers.tls import ClientTls as ClientTls
    from gpinspect.peers.tls import ServerTls as ServerTls

_HOMES = {
    "ReferenceClient": "gpinspect.peers.client.api",
    "ReferenceServer": "gpinspect.peers.server",
    "ServerSettings": "gpinspect.peers.server.settings",
    "ClientTls": "gpinspect.peers.tls",
    "ServerTls": "gpinspect.peers.tls",
}


def __getattr__(name: str) -> Any:
    """Names are loaded when they are asked for: a client needs no server."""
    import importlib

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
