"""What a server is told: the options of gpfdist, and what a reference server has besides."""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gpinspect.peers.server.hooks import Hooks
    from gpinspect.peers.server.transforms import Transform
    from gpinspect.peers.tls import ServerTls

VERSION: Final = "6.24.3 build commit:0000000000000000000000000000000000000000"
LOOPBACK: Final = ("127.0.0.1", "::1")
BLOCK: Final = 32768
"""Bytes of a block, of a row and of the buffer for writes, unless `-m` says otherwise."""

SMALLEST_BLOCK: Final = 32768
LARGEST_BLOCK: Final = 256 << 20
RELEASES: Final = ("6", "7", "cloudberry")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Times are in seconds, sizes in bytes. Letters name the option of gpfdist."""

    directory: str = "."  # -d
    shown_directory: str | None = None  # what names in F and in errors start with; None: the directory, made absolute
    hosts: tuple[str, ...] = LOOPBACK  # addresses to listen on; -b
    port: int = 8080  # -p; 0 takes any free one
    last_port: int | None = None  # -P
    head_timeout: float = 5  # -t; 0 waits for ever
    block: int = BLOCK  # -m
    keep: float = 300  # -k; for how long ended sessions are remembered
    close_delay: float = 0  # -w; before the target of a write is closed
    synchronous: bool = False  # -S
    backlog: int = 256  # -z
    linger: float = 60  # wait for the client's FIN
    forced_proto: int | None = None  # -g
    files: tuple[str, ...] = ()  # -f: answer every request with these, whatever its path
    compress: bool = False  # --compress
    compress_level: int = 1  # --compress-level
    blocks_a_turn: int = 3  # 1 with --multi_thread
    release: str = "6"  # one of RELEASES: whose habits
    version: str = VERSION  # text of X-GPFDIST-VERSION
    tls: "ServerTls | None" = None  # --ssl
    transforms: "dict[str, Transform]" = field(default_factory=dict)  # -c
    hooks: "Hooks | None" = None  # asked at named places, to misbehave on purpose

    @property
    def absolute(self) -> str:
        """The served directory, absolute, links not followed."""
        return os.path.abspath(self.directory)  # noqa: PTH100 - resolving links would change what F says

    @property
    def rules(self) -> str:
        """The release that `gpinspect.grammar.refusals` is asked for."""
        return "6" if self.release == "6" else "7"
