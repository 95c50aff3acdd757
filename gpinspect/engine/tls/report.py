"""What is known of one connection's TLS, as frozen values."""

from dataclasses import dataclass

NANOSECONDS_A_DAY = 86_400_000_000_000

Octets = bytes  # the word is also the name of a count below


@dataclass(frozen=True, slots=True)
class Certificate:
    """Fields of a certificate; times in UTC, as ISO 8601 text and in seconds since the epoch. What could not be read is None."""

    subject: str  # RFC 4514
    issuer: str
    serial: str  # lower-case hex
    not_before: str
    not_after: str
    not_before_s: int
    not_after_s: int
    san: tuple[str, ...]
    key_type: str | None
    key_bits: int | None
    signature_hash: str | None
    self_signed: bool
    key_fingerprint: str | None  # SHA-256 of SubjectPublicKeyInfo
    fingerprint: str  # SHA-256 of the whole
    days_left: int | None = None  # whole days from the capture to not_after, negative when it had passed

    def at(self, ns: int) -> "Certificate":
        """The same, judged at a time of the capture in nanoseconds since the epoch."""
        from dataclasses import replace

        return replace(self, days_left=(self.not_after_s * 1_000_000_000 - ns) // NANOSECONDS_A_DAY)


@dataclass(frozen=True, slots=True)
class Alert:
    sender: str  # "client" or "server"
    level: str  # "warning" or "fatal"
    description: str  # as in RFC 8446 or 5246
    encrypted: bool
    ns: int
    frame: int


@dataclass(frozen=True, slots=True)
class SideReport:
    """One direction. Bytes are plaintext of application data that was delivered."""

    bytes: int
    sha256: str | None  # only when asked for
    records: int  # whole records of any type
    data_records: int  # application data that was opened
    data_bytes_sealed: int  # bytes of application data records as sent, opened or not
    lost_records: int  # missing bytes, or a header is known and the record did not authenticate
    unread_records: int  # whole, but no secret fits them
    first_ns: int | None
    last_ns: int | None
    opening: Octets = b""  # its first bytes as sent, at most 64
    alert_records: int = 0  # of the visible type, readable or not; TLS 1.3 hides it


@dataclass(frozen=True, slots=True)
class TlsReport:
    """One connection. Unknown is None. Version to resumption are of the first handshake."""

    version: str | None
    versions_offered: tuple[str, ...]
    suite: str | None  # IANA; "0x1234" for an unknown number
    suite_openssl: str | None
    suite_id: int | None
    key_exchange: str | None
    forward_secret: bool | None
    sni: str | None
    alpn: str | None
    resumed: bool | None
    resumption: str | None  # "id", "ticket", "psk"
    extended_master_secret: bool | None
    encrypt_then_mac: bool | None
    secure_renegotiation: bool | None
    renegotiations: int
    renegotiation_asked_by_server: bool
    retried: bool  # HelloRetryRequest
    early_data: str | None  # "offered", "accepted", "rejected"
    key_updates: int
    handshake_done_ns: int | None  # both sides had switched to protected records (TLS 1.3 without keys: unknown)
    client_certificate_requested: bool | None
    server_certificate: Certificate | None
    client_certificate: Certificate | None
    server_chain: tuple[Certificate, ...]
    client_chain: tuple[Certificate, ...]
    client_certificate_empty: bool  # asked for, answered with an empty list
    unreadable_certificates: int
    alerts: tuple[Alert, ...]
    close_notify: tuple[str, ...]  # who sent it, in order
    authenticated: bool  # False: a NULL suite was read without a key, nothing proves its bytes
    decrypted: str  # "full", "partial", "none"
    reason: str | None
    reason_code: str | None  # a key of gpinspect.engine.tls.reasons.SENTENCES
    needs_secrets: bool  # the handshake was seen and a key log line (or RSA key) that comes later could still open it
    client: SideReport
    server: SideReport

    @property
    def c2s_bytes(self) -> int | None:
        return None if self.decrypted == "none" else self.client.bytes

    @property
    def s2c_bytes(self) -> int | None:
        return None if self.decrypted == "none" else self.server.bytes

    @property
    def c2s_sha256(self) -> str | None:
        return None if self.decrypted == "none" else self.client.sha256

    @property
    def s2c_sha256(self) -> str | None:
        return None if self.decrypted == "none" else self.server.sha256
