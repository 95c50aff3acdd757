"""A real PostgreSQL server of our own, made anew and gone after the tests; it is told to change its mind about TLS."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .programs import Program
from .wire import HOST, Recorder

USER, PASSWORD = "tester", "Pa55word-on-the-wire"
_OWNERS = ("postgres", "nobody")  # the server refuses to run as root


def _binary(name: str) -> str:
    """A program of the server; Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    path = str(found[-1]) if found else shutil.which(name)
    assert path, f"{name} is missing: tests/tools.sh installs it"
    return path


def _owner() -> pwd.struct_passwd | None:
    """Who the server runs as; None: as we do."""
    if os.getuid():
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(names[name] for name in _OWNERS if name in names)


class Server:
    """A running server; `configure` changes its TLS settings between two connections."""

    def __init__(self, folder: Path) -> None:
        self._owner = _owner()
        self._as = (
            ["setpriv", f"--reuid={self._owner.pw_uid}", f"--regid={self._owner.pw_gid}", "--clear-groups"] if self._owner else []
        )
        self.data = folder / "data"
        self.data.mkdir(mode=0o700)
        self._give(self.data)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        made = [
            *self._as,
            _binary("initdb"),
            "-D",
            self.data,
            "-U",
            USER,
            "-A",
            "trust",
            "--no-sync",
            "--pwfile",
            password,
            "-E",
            "UTF8",
        ]
        subprocess.run(
            list(map(str, made)), check=True, capture_output=True, cwd="/", env={"LC_ALL": "C", "PATH": os.environ["PATH"]}
        )
        self._write("postgresql.conf", "")

    @contextmanager
    def running(self) -> Iterator["Server"]:
        self.port = _free_port()
        options = {
            "port": self.port,
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "fsync": "off",
            "log_min_messages": "info",
        }
        settings = [text for name, value in options.items() for text in ("-c", f"{name}={value}")]
        program = Program(*self._as, _binary("postgres"), "-D", self.data, *settings)
        with program:
            program.wait_for(b"ready to accept connections")
            self._program = program
            yield self
            program.process.send_signal(signal.SIGQUIT)
            program.ended()

    def configure(
        self, certificate: tuple[Path, Path] | None, *, hba: str = "host all all 127.0.0.1/32 trust", **settings: str
    ) -> None:
        """New settings for connections from now on: `ssl` is on where there is a certificate (with its key)."""
        lines = [f"ssl = {'on' if certificate else 'off'}", *(f"{name} = '{value}'" for name, value in settings.items())]
        if certificate:
            for source, name in zip(certificate, ("server.crt", "server.key"), strict=True):
                self._write(name, source.read_text())
        self._write("postgresql.conf", "\n".join(lines) + "\n")
        self._write("pg_hba.conf", hba + "\n")
        before = self._program.said.count(b"received SIGHUP")
        self._program.process.send_signal(signal.SIGHUP)
        self._program.wait_for(b"received SIGHUP", before + 1)
        assert b"was not reloaded" not in self._program.said, self._program.said

    def _write(self, name: str, text: str) -> None:
        path = self.data / name
        path.write_text(text)
        path.chmod(0o600)
        self._give(path)

    def _give(self, path: Path) -> None:
        if self._owner:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)


def _free_port() -> int:
    import socket

    with socket.create_server((HOST, 0)) as probe:
        return probe.getsockname()[1]


def psql(server: Server, out: Path, sslmode: str, *, host: str, home: Path, **parameters: str | Path) -> tuple[Path, bool]:
    """Run one query through a recorder; gives the capture and whether the query was answered."""
    with Recorder() as recorder:
        told = {
            "host": host,
            "hostaddr": HOST,
            "port": recorder.port_to(server.port),
            "user": USER,
            "dbname": "postgres",
            "sslmode": sslmode,
            "gssencmode": "disable",
            "connect_timeout": 10,
            **parameters,
        }
        words = " ".join(f"{name}='{value}'" for name, value in told.items())
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PGPASSWORD": PASSWORD, "LC_ALL": "C"}
        done = subprocess.run(["psql", "-XAtq", "-c", "select 6*7", words], capture_output=True, env=environment, timeout=30)
        recorder.settle()
        return recorder.write(out), done.stdout == b"42\n" and done.returncode == 0
