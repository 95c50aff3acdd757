"""TLS of both sides of gpfdists: the folders of files, what may be agreed on, and the `ssl` contexts made of them.

A server's folder holds server.crt, server.key and root.crt, a segment's client.crt, client.key and root.crt. Contexts come from
`context()`, which looks at every file first, so that a bad one is one clear line and not a failing handshake.

Refuses to start renegotiation: Python's `ssl` cannot, so the one that gpfdist begins after 600 s does not happen here.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from gpinspect.errors import TlsKeyError
from gpinspect.peers import tls_files

VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
OBSOLETE: Final = frozenset({"1.0", "1.1"})
MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""sslmode of libpq, from the most trusting to the strictest."""

DOCUMENTED_TLS1: Final = "AES128-SHA"
"""The one suite of gpfdists in 4.3 and 5, TLS_RSA_WITH_AES_128_CBC_SHA; with least and most version "1.0" that profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Agreement:
    """What may be agreed on."""

    least: str = "1.2"  # lowest version, a key of VERSIONS
    most: str | None = None  # highest version; None: the highest there is
    ciphers: str | None = None  # OpenSSL's list, of 1.2 and below; `;` is taken as `:`, as openGauss writes it
    keylog: str | None = None  # file that gets the secrets of every connection, appended
    crl: str | None = None  # PEM file of revoked certificates

    def _agree(self, context: ssl.SSLContext) -> None:
        """Put versions, suites, CRL and key log into a context.

        Raises:
            TlsKeyError: This OpenSSL does not have them, or a file cannot be used.
        """
        for version in filter(None, (self.least, self.most)):
            if version not in VERSIONS:
                raise TlsKeyError(f"TLS version {version!r}; known are {', '.join(VERSIONS)}")
        if self.most is not None and list(VERSIONS).index(self.most) < list(VERSIONS).index(self.least):
            raise TlsKeyError(f"TLS {self.least} at least and {self.most} at most: no version is left")
        ciphers = self.ciphers.replace(";", ":") if self.ciphers else None
        if self.least in OBSOLETE:
            ciphers = f"{ciphers or 'DEFAULT'}:@SECLEVEL=0"  # present OpenSSL signs with SHA-1 nowhere else
        import warnings

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # obsolete versions are asked for by name
                context.minimum_version = VERSIONS[self.least]
                if self.most is not None:
                    context.maximum_version = VERSIONS[self.most]
            if ciphers is not None:
                context.set_ciphers(ciphers)
        except (ssl.SSLError, ValueError) as problem:
            raise TlsKeyError(
                f"this OpenSSL ({ssl.OPENSSL_VERSION}) has not what was asked for: {ciphers or self.least}"
            ) from problem
        if self.crl is not None:
            tls_files.read_pem(self.crl, "a list of revoked certificates")
            _load(context, self.crl, "a list of revoked certificates")
            context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        if self.keylog is not None:
            try:
                context.keylog_filename = self.keylog
            except OSError as problem:
                raise TlsKeyError(f"{self.keylog}: {problem.strerror}; the key log needs a file that may be written") from problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls(_Agreement):
    """TLS of a gpfdist with `--ssl DIR`."""

    directory: str  # holds server.crt, server.key and root.crt
    verify_peer: bool = True  # False: `--ssl_verify_peer off` of 7

    def check(self, now: datetime | None = None) -> tuple[str, ...]:
        """Look at the three files.

        Returns:
            Sentences on what is no error: a certificate that ends within seven days.

        Raises:
            TlsKeyError: A file is missing, unreadable, protected, expired, or does not fit another.
        """
        now = now or datetime.now(UTC)
        told = tls_files.check_pair(self._file("server.crt"), self._file("server.key"), "server", now)
        if self.verify_peer:
            tls_files.certificates(self._file("root.crt"), "the authorities of client certificates")
        return told

    def context(self) -> ssl.SSLContext:
        """A context for `ssl.SSLContext.wrap_bio`; files are checked first.

        Raises:
            TlsKeyError: As `check`, or this OpenSSL lacks a version or suite.

        Source: gpfdist.c, initialize_ctx (6.24.3): a client certificate is required, its name and CRL are not looked at.
        """
        self.check()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._agree(context)
        _chain(context, self._file("server.crt"), self._file("server.key"))
        if self.verify_peer:
            _load(context, self._file("root.crt"), "the authorities of client certificates")
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _file(self, name: str) -> str:
        return str(Path(self.directory) / name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls(_Agreement):
    """TLS of a segment, or of a program with the habits of libpq."""

    certificate: str | None = None
    key: str | None = None
    root: str | None = None
    verify: str = "full"  # "full": chain and host name, "ca": chain, "none": nothing (verify_gpfdists_cert=off)
    sslmode: str | None = None  # of MODES, when it came from the environment
    private: bool = False  # the key must be readable for its owner only (libpq)

    @classmethod
    def of_segment(cls, directory: str, *, verify_cert: bool = True, **more: Any) -> Self:
        """The files of a segment: client.crt, client.key and root.crt in `directory` (`$PGDATA/gpfdists`).

        Args:
            verify_cert: verify_gpfdists_cert; without it neither chain nor host name is looked at.
            more: `least`, `most`, `ciphers`, `keylog`, `crl`.
        """
        folder = Path(directory)
        return cls(
            certificate=str(folder / "client.crt"),
            key=str(folder / "client.key"),
            root=str(folder / "root.crt"),
            verify="full" if verify_cert else "none",
            **more,
        )

    @classmethod
    def of_environment(cls, environment: Mapping[str, str], **more: Any) -> Self | None:
        """What PGSSLMODE, PGSSLCERT, PGSSLKEY, PGSSLROOTCERT and PGSSLCRL say; None for `disable`.

        `allow` tries without TLS first and `prefer` goes on without where the server has none: see `plain_first` and `plain_after`.

        Raises:
            TlsKeyError: An unknown mode, a path that is not absolute, or a mode that needs PGSSLROOTCERT without it.
        """
        mode = environment.get("PGSSLMODE") or "prefer"
        if mode not in MODES:
            raise TlsKeyError(f"PGSSLMODE is {mode!r}; known are {', '.join(MODES)}")
        if mode == "disable":
            return None
        paths = {}
        for name in ("PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT", "PGSSLCRL"):
            path = environment.get(name) or None
            if path is not None and not Path(path).is_absolute():
                raise TlsKeyError(f"{name} is {path!r}; wanted an absolute path")
            paths[name] = path
        if mode.startswith("verify") and paths["PGSSLROOTCERT"] is None:
            raise TlsKeyError(f"PGSSLMODE is {mode} and PGSSLROOTCERT is not set; name the file of the authorities")
        chain = mode.startswith("verify") or (mode == "require" and paths["PGSSLROOTCERT"] is not None)
        crl = paths["PGSSLCRL"]
        if crl is not None:
            more["crl"] = crl
        return cls(
            certificate=paths["PGSSLCERT"],
            key=paths["PGSSLKEY"],
            root=paths["PGSSLROOTCERT"],
            verify="full" if mode == "verify-full" else "ca" if chain else "none",
            sslmode=mode,
            private=True,
            **more,
        )

    @property
    def plain_first(self) -> bool:
        """Whether a connection without TLS is tried before."""
        return self.sslmode == "allow"

    @property
    def plain_after(self) -> bool:
        """Whether a connection without TLS is tried after TLS failed."""
        return self.sslmode == "prefer"

    def check(self, now: datetime | None = None) -> tuple[str, ...]:
        """Look at the files, also where nothing is verified, as a segment of 6.24.3 does.

        Returns:
            Sentences on what is no error: a certificate that ends within seven days.

        Raises:
            TlsKeyError: A file is missing, unreadable, protected, expired, or does not fit another.
        """
        if self.verify not in ("full", "ca", "none"):
            raise TlsKeyError(f"verification {self.verify!r}; known are full, ca and none")
        if (self.certificate is None) != (self.key is None):
            raise TlsKeyError("a client certificate and its key go together; one of the two is not named")
        told: tuple[str, ...] = ()
        if self.certificate is not None and self.key is not None:
            told = tls_files.check_pair(self.certificate, self.key, "client", now or datetime.now(UTC))
            if self.private:
                tls_files.check_mode(self.key)
        if self.root is not None:
            tls_files.certificates(self.root, "the authorities of server certificates")
        elif self.verify != "none":
            raise TlsKeyError("the server is to be verified and no file of authorities (root.crt) is named")
        return told

    def context(self) -> ssl.SSLContext:
        """A context for a client; files are checked first.

        Raises:
            TlsKeyError: As `check`, or this OpenSSL lacks a version or suite.

        Source: url_curl.c, url_curl_fopen (6.24.3).
        """
        self.check()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = self.verify == "full"
        if self.verify == "none":
            context.verify_mode = ssl.CERT_NONE
        self._agree(context)
        if self.certificate is not None and self.key is not None:
            _chain(context, self.certificate, self.key)
        if self.root is not None:
            _load(context, self.root, "the authorities of server certificates")
        return context


def _chain(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, OSError) as problem:
        raise TlsKeyError(f"{certificate}: OpenSSL does not take it ({_reason(problem)}); try a longer key or SHA-256") from problem


def _load(context: ssl.SSLContext, path: str, what: str) -> None:
    try:
        context.load_verify_locations(path)
    except (ssl.SSLError, OSError) as problem:
        raise TlsKeyError(f"{path}: OpenSSL does not take it ({_reason(problem)}); wanted {what} in PEM form") from problem


def _reason(problem: Exception) -> str:
    return str(getattr(problem, "reason", None) or getattr(problem, "strerror", None) or problem)
