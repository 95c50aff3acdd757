"""Three network namespaces in a row: segments (10.77.1.1), a wire, the server (10.77.1.2).

Names carry the process id, so that leftovers of a dead run are known and swept. No offload: frames are what the wire would carry.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

CLIENT, SERVER = "10.77.1.1", "10.77.1.2"
PREFIX = "gplab"
_MACS = {"c": "02:00:0a:4d:01:01", "s": "02:00:0a:4d:01:02"}
_SETTINGS = {
    "net.ipv4.tcp_rmem": "4096 32768 131072",
    "net.ipv4.tcp_wmem": "4096 16384 65536",
    "net.ipv4.tcp_no_metrics_save": "1",
}
_making = threading.Lock()


class NoNamespacesError(Exception):
    """The machine does not let us build namespaces; the text says what is missing."""


def _run(*command: str, text: str | None = None) -> None:
    done = subprocess.run(command, input=text, text=True, capture_output=True, timeout=30, check=False)
    if done.returncode:
        raise NoNamespacesError(f"`{' '.join(command)}` said: {(done.stderr or done.stdout).strip() or done.returncode}")


class Space:
    """The namespaces `client`, `wire`, `server`; interfaces are `eth0` in the hosts, `toc` and `tos` in the wire."""

    def __init__(self, number: int) -> None:
        base = f"{PREFIX}-{os.getpid()}-{number}"
        self.client, self.wire, self.server = f"{base}-c", f"{base}-w", f"{base}-s"

    @property
    def names(self) -> tuple[str, str, str]:
        return self.client, self.wire, self.server

    def inside(self, name: str, *command: str) -> list[str]:
        """A command line that runs `command` in namespace `name`."""
        return ["ip", "netns", "exec", name, *command]

    def build(self) -> None:
        with _making:
            for name in self.names:
                _run("ip", "netns", "add", name)
            lines = [
                f"link add {end} netns {self.wire} type veth peer name eth0 netns {host} address {mac}"
                for end, host, mac in (("toc", self.client, _MACS["c"]), ("tos", self.server, _MACS["s"]))
            ]
            _run("ip", "-batch", "-", text="\n".join(lines) + "\n")
        offload = " ".join(f"{what} off" for what in ("tso", "gso", "gro", "lro", "tx", "rx", "sg"))
        for name, ends in ((self.client, ["eth0"]), (self.wire, ["toc", "tos"]), (self.server, ["eth0"])):
            settings = {"net.ipv6.conf.all.disable_ipv6": "1"} | (_SETTINGS if name != self.wire else {})
            script = [
                f"[ ! -e /proc/sys/{key.replace('.', '/')} ] || echo {value!r} > /proc/sys/{key.replace('.', '/')}"
                for key, value in settings.items()
            ]
            # not every machine lets a namespace have cubic; without either it stays as it is
            script.append(
                "for kind in cubic reno; do (echo $kind > /proc/sys/net/ipv4/tcp_congestion_control) 2>&- && break; done || true"
            )
            script += [f"ethtool -K {end} {offload} >/dev/null 2>&1 || true; ip link set {end} up mtu 1500" for end in ends]
            if name != self.wire:
                own, other, mac = (CLIENT, SERVER, _MACS["s"]) if name == self.client else (SERVER, CLIENT, _MACS["c"])
                script += ["ip link set lo up", f"ip addr add {own}/24 dev eth0"]
                script += [f"ip neigh replace {other} lladdr {mac} dev eth0 nud permanent"]
            _run(*self.inside(name, "sh", "-ec", "\n".join(script)))

    def clear(self) -> None:
        for name in self.names:
            _remove(name)

    def __enter__(self) -> "Space":
        try:
            self.build()
        except BaseException:
            self.clear()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()


def _remove(name: str) -> None:
    if not Path("/var/run/netns", name).exists():
        return
    inside = subprocess.run(["ip", "netns", "pids", name], text=True, capture_output=True, check=False).stdout.split()
    for pid in inside:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(int(pid), signal.SIGKILL)
    with contextlib.suppress(NoNamespacesError):
        _run("ip", "netns", "del", name)


def sweep() -> None:
    """Take away the namespaces of laboratory runs that no longer live."""
    folder = Path("/var/run/netns")
    for name in [entry.name for entry in folder.glob(f"{PREFIX}-*-*")] if folder.is_dir() else []:
        pid = name.split("-")[1]
        if pid.isdigit() and not Path("/proc", pid).exists():
            _remove(name)


def check() -> None:
    """Raise NoNamespacesError, with what to do, where the laboratory cannot work."""
    if os.geteuid() != 0:
        raise NoNamespacesError(
            "the laboratory builds network namespaces: run it as root (sudo), or in a container with NET_ADMIN and SYS_ADMIN"
        )
    missing = [tool for tool in ("ip", "ethtool", "tcpdump") if shutil.which(tool) is None]
    if missing:
        raise NoNamespacesError(f"programs missing: {', '.join(missing)}; tests/tools.sh installs them")
    sweep()
    with Space(999):
        pass
