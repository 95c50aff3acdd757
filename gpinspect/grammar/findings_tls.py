"""Findings about TLS: what stays closed and why, and handshakes that failed (GPI50x, GPI51x)."""

from typing import Final

from gpinspect.grammar.finding_kind import Kind
from gpinspect.model.finding import Severity

NOTE, WARNING, ERROR = Severity.NOTE, Severity.WARNING, Severity.ERROR

SQL: Final = 'connection with gpfdist failed for "gpfdists://…", effective url "https://…"'
"""What the SQL user sees when TLS does not come about."""

SECRETS: Final = (
    Kind(
        code="GPI501",
        name="encrypted-no-keys",
        severity=NOTE,
        message="{what} is not opened: {reason}",
        explanation="Pace and sizes of the connection are shown, its content is not. The sentence names the secret that would "
        "open it.",
        rules_out="Everything about requests and rows in it.",
        cause="No key log, or not the one of this connection.",
        advice="Give `--keylog` with what the segments recorded: set SSLKEYLOGFILE, in the environment of each segment's "
        "postmaster, to a file in a directory that the database user may write, restart, load again. It wants libcurl 7.58 or "
        "newer behind the server (`ldd` on the postgres binary) with OpenSSL (1.1.1 for TLS 1.3) or GnuTLS. `--server-key "
        "server.key` is enough for RSA key exchange up to TLS 1.2.",
        source="url_curl.c; libcurl, SSLKEYLOGFILE",
        values=("what", "reason"),
    ),
    Kind(
        code="GPI502",
        name="secret-does-not-open",
        severity=WARNING,
        message="{what} is not opened by the secret that was given for it: {reason}",
        explanation="Key material for this connection is there, and what it gives does not authenticate, so nothing is shown.",
        rules_out="That this key, or this line of the key log, belongs to the connection.",
        cause="The key of another server or of an earlier certificate, or a key log of another run.",
        advice="Take server.key from the directory that `--ssl` names on the server of this connection, or the key log of this "
        "very "
        "load.",
        values=("what", "reason"),
    ),
    Kind(
        code="GPI503",
        name="tls-records-lost",
        severity=WARNING,
        message="TLS records that could not be opened: {count}; {reason}",
        explanation="A record opens only when all its bytes are there. It costs its own content (in TLS 1.0 with CBC also that of "
        "the next one); the others are opened.",
        rules_out="What those records held.",
        cause="Loss in the recorder, or a snap length.",
        advice="Record again without drops and with `-s 0`.",
        values=("count", "reason"),
    ),
    Kind(
        code="GPI504",
        name="tls-records-damaged",
        severity=WARNING,
        message="TLS records that are not what was sent: {count}; {reason}",
        explanation="Each record carries a proof of its bytes, and here it fails although others before it were good.",
        rules_out="What those records held; they are not shown.",
        cause="A capture that was changed or damaged, or a record missing in front of it. Peers would have answered with the alert "
        "bad_record_mac.",
        advice="Compare the capture with its original; record on the other host.",
        values=("count", "reason"),
    ),
    Kind(
        code="GPI505",
        name="tls-handshake-missing",
        severity=NOTE,
        message="{what} is not opened: {reason}",
        explanation="Keys are made from numbers that both sides send in the clear at the start of the connection.",
        rules_out="Everything about requests and rows in it, with any key.",
        cause="The recorder was started while the connection was open, or dropped its first frames.",
        advice="Start the recorder before the query.",
        values=("what", "reason"),
    ),
    Kind(
        code="GPI506",
        name="tls-not-supported",
        severity=NOTE,
        message="{what} is not opened: {reason}",
        explanation="gpinspect knows the name of what was agreed, but not its arithmetic.",
        rules_out="Everything about requests and rows in it, with any key.",
        cause="ARIA, SEED, IDEA and other rare suites; SSL 3.0; compression of records.",
        advice="For a test, limit one side's OpenSSL configuration to AES128-GCM-SHA256 or to the TLS 1.3 suites.",
        values=("what", "reason"),
    ),
    Kind(
        code="GPI507",
        name="data-before-protection",
        severity=WARNING,
        message="application data came before encryption was switched on: {reason}",
        explanation="No TLS program sends application data at that point, so it is neither shown nor believed.",
        rules_out="What those bytes were meant to be.",
        cause="A broken or hostile peer, or frames missing without a trace.",
        advice="Record on both hosts and compare.",
        values=("reason",),
    ),
    Kind(
        code="GPI508",
        name="encrypted-postgres",
        severity=NOTE,
        message="{what} of a PostgreSQL or openGauss connection is not opened: {reason}",
        explanation="Neither server writes a key log, and the four suites of openGauss are forward secret, so the server's key "
        "never helps there.",
        rules_out="Statements and rows in it.",
        cause="No key log of the client.",
        advice="Give `--keylog` from a client that can write one: libpq 18 with the connection parameter sslkeylogfile, a preload "
        "library that calls SSL_CTX_set_keylog_callback (for openGauss one that fits its own libssl), or probes on libssl. Plain "
        "PostgreSQL on a test system: ssl_ciphers='AES128-GCM-SHA256' and ssl_max_protocol_version='TLSv1.2', then `--server-key` "
        "is enough. Or a test system without TLS.",
        source="libpq; openGauss, ssl_ciphers",
        values=("what", "reason"),
    ),
    Kind(
        code="GPI509",
        name="key-log-lines",
        severity=NOTE,
        message="lines of the key log that are not understood: {bad} of {lines}",
        explanation="A line is a label, 32 bytes of client random and a secret, in hexadecimal. A bad line costs that line only.",
        rules_out="Nothing about the other lines.",
        cause="A file that was copied while it was written, or that is no key log.",
        advice="Copy the file again after the load; the label CLIENT_RANDOM or one that ends in _TRAFFIC_SECRET_0 begins a good "
        "line.",
        values=("bad", "lines"),
    ),
)

FAILURES: Final = (
    Kind(
        code="GPI510",
        name="tls-handshake-failed",
        severity=ERROR,
        message="the {sender} ended the handshake with the alert {alert}: {meaning}",
        explanation="TLS did not come about, so nothing was read or written on this connection.",
        rules_out="That any row went through it.",
        cause="As the alert says.",
        advice="Compare client.crt, client.key and root.crt below `gpfdists` in each segment's data directory with server.crt and "
        "root.crt in the directory of `--ssl`.",
        sql=SQL,
        source="RFC 8446, section 6.2",
        values=("sender", "alert", "meaning"),
    ),
    Kind(
        code="GPI511",
        name="server-certificate-rejected",
        severity=ERROR,
        message="the client rejected the server's certificate with the alert {alert}: {meaning}",
        explanation="The segment checks the chain of server.crt against its own root.crt, and the name in it, before it sends "
        "anything.",
        rules_out="That any row went through this connection.",
        cause="root.crt on the segment is not that of the issuer of server.crt, or server.crt is out of date or revoked.",
        advice="Put the issuer of server.crt into `gpfdists/root.crt` of each segment's data directory, or a certificate of that "
        "issuer into server.crt; PostgreSQL clients: PGSSLROOTCERT. `verify_gpfdists_cert=off` only hides it.",
        sql=SQL,
        source="url_curl.c, url_curl_fopen",
        values=("alert", "meaning"),
    ),
    Kind(
        code="GPI512",
        name="client-certificate-rejected",
        severity=ERROR,
        message="the server rejected the client's certificate with the alert {alert}: {meaning}",
        explanation="gpfdist wants a client certificate whose chain ends in its own root.crt; it checks no name.",
        rules_out="That any row went through this connection.",
        cause="client.crt on the segment was issued by somebody else than root.crt in the directory of `--ssl` says, or is out of "
        "date.",
        advice="Put the issuer of the segments' client.crt into root.crt in the directory of `--ssl`, or issue client.crt anew.",
        sql=SQL,
        source="gpfdist.c, initialize_ctx",
        values=("alert", "meaning"),
    ),
    Kind(
        code="GPI513",
        name="client-certificate-missing",
        severity=ERROR,
        message="the server wants a client certificate and got none, so it ended with the alert {alert}",
        explanation="gpfdist asks for a client certificate unless it was started with `--ssl_verify_peer off` (7.x). Up to TLS 1.2 "
        "the alert is handshake_failure; in TLS 1.3 it comes after the client believes itself connected, so a request may already "
        "be on its way.",
        rules_out="That any row went through this connection.",
        cause="client.crt or client.key is missing or not readable on the segment, or the client is none.",
        advice="Put client.crt and client.key into `gpfdists` of each segment's data directory, readable by the database user; "
        "curl: "
        "`--cert` and `--key`; PostgreSQL clients: PGSSLCERT and PGSSLKEY.",
        sql=SQL,
        source="gpfdist.c, initialize_ctx; RFC 8446, section 4.4.2.4",
        values=("alert",),
    ),
    Kind(
        code="GPI514",
        name="no-common-version",
        severity=ERROR,
        message="the {sender} refuses the TLS version with the alert {alert}; offered: {offered}",
        explanation="Client and server have no version in common. gpfdist 6.17.1 and later speaks TLS 1.2 and 1.3, 4.3 only TLS "
        "1.0.",
        rules_out="That any row went through this connection.",
        cause="Mixed releases, or a library whose policy forbids old versions.",
        advice="Use the gpfdist of the same major release as the cluster; look at MinProtocol in the OpenSSL configuration of both "
        "hosts.",
        sql=SQL,
        source="gpfdist.c, initialize_ctx",
        values=("sender", "alert", "offered"),
    ),
    Kind(
        code="GPI515",
        name="no-common-suite",
        severity=ERROR,
        message="the {sender} found no cipher suite in common and ended with the alert {alert}",
        explanation="None of the suites that the client offers is one that the server takes, or has a certificate for.",
        rules_out="That any row went through this connection.",
        cause="4.3 clients offer AES128-SHA alone; openGauss servers take four DHE suites, of which OpenSSL's default list lacks "
        "those with CCM; or the key of server.crt does not fit the suites.",
        advice="Compare CipherString in the OpenSSL configuration of both hosts; openGauss: ssl_ciphers.",
        sql=SQL,
        source="url_curl.c (4.3); RFC 5246, section 7.2.2",
        values=("sender", "alert"),
    ),
    Kind(
        code="GPI516",
        name="handshake-ended-sealed",
        severity=ERROR,
        message="the client ended the TLS 1.3 handshake with an alert that is encrypted",
        explanation="After the server's certificate the client sent one protected record of the size of an alert, no Finished and "
        "no request.",
        rules_out="That any row went through this connection.",
        cause="Most likely the client does not accept the server's certificate.",
        advice="Compare `gpfdists/root.crt` of the segments with the issuer of server.crt, and the name in LOCATION with the "
        "names in "
        "it; `--keylog` shows the alert.",
        sql=SQL,
        source="RFC 8446, section 6.2",
    ),
    Kind(
        code="GPI517",
        name="handshake-unfinished",
        severity=WARNING,
        message="the {sender} closed the connection in the middle of the handshake, without an alert",
        explanation="Both sides had begun to speak TLS and then one of them left.",
        rules_out="That any row went through this connection.",
        cause="The query was cancelled, a process died, or a middle box cut the connection.",
        advice="Read the logs of both sides around this time.",
        sql=SQL,
        values=("sender",),
    ),
    Kind(
        code="GPI518",
        name="closed-after-handshake",
        severity=WARNING,
        message="the {sender} closed the connection right after the handshake, before any data",
        explanation="TLS came about and nobody used it. A client that compares the server's name with its certificate itself "
        "closes "
        "this way, without an alert.",
        rules_out="That any row went through this connection.",
        cause="The name in LOCATION (or in the connection string, with sslmode=verify-full) is not in the certificate; or a probe.",
        advice="Compare the name with the names in the certificate (`gpinspect tls --json`).",
        sql=SQL,
        values=("sender",),
    ),
    Kind(
        code="GPI519",
        name="ended-by-alert",
        severity=ERROR,
        message="the {sender} ended the connection with the alert {alert}: {meaning}",
        explanation="A fatal alert after data had gone through: what was sent last may not have been taken.",
        rules_out="That the other side took everything.",
        cause="As the alert says. bad_record_mac: bytes were changed on the way, or a fault in a library.",
        advice="Read the logs of both sides around this time; load again.",
        source="RFC 8446, section 6.2",
        values=("sender", "alert", "meaning"),
    ),
)
