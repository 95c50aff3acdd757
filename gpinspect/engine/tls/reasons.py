"""Why a connection is not decrypted in full: one sentence out of a table, the most telling first."""

NO_KEY = "no key"
NO_KEY_FORWARD_SECRET = "no key, forward secret"
FORWARD_SECRET = "forward secret"
NO_KEY_LOG = "no key, not RSA"
NOT_RSA = "key exchange is not RSA"
NO_LINE = "no key log line"
KEY_MISMATCH = "key is not that of the certificate"
PREMASTER = "key does not decrypt the premaster secret"
MASTER_HASH = "handshake message missing for the master secret"
NO_CLIENT_KEY_EXCHANGE = "ClientKeyExchange not captured"
FIRST_HANDSHAKE = "first handshake absent"
NO_HANDSHAKE = "handshake not captured"
NO_CLIENT_HELLO = "ClientHello not captured"
NO_SERVER_HELLO = "ServerHello not captured"
SUITE = "suite not supported"
COMPRESSION = "compression not supported"
SSL3 = "SSL 3.0 not supported"
DOES_NOT_FIT = "secret does not fit"
AUTHENTICATION = "authentication failed"
LOST = "record lost"
EARLY_CLEAR = "data before ChangeCipherSpec"
HANDSHAKE_FAILED = "handshake failed"
NO_DATA = "handshake not finished"

SENTENCES = {
    SSL3: "SSL 3.0 is recognised but not opened: neither a key log nor the server key helps",
    SUITE: "cipher suite {suite} is not supported, so no key can help here",
    COMPRESSION: "the records are compressed (TLS compression method {method}), which is not supported",
    NO_HANDSHAKE: "the handshake was not captured, so the randoms that key material is applied with are not known",
    NO_CLIENT_HELLO: "the ClientHello was not captured, and no key log line fits in its place",
    NO_SERVER_HELLO: "the ServerHello was not captured, so suite and server random are not known",
    NO_KEY: "no key was given: a key log, or the server's RSA private key, would open this connection",
    NO_KEY_FORWARD_SECRET: ("no key was given; the suite is forward secret, so only a key log can open this connection"),
    FORWARD_SECRET: "the suite is forward secret, so the server's private key cannot help: a key log is needed",
    NO_KEY_LOG: ("no key was given; the key exchange {exchange} is not plain RSA, so only a key log can open this connection"),
    NOT_RSA: ("the key exchange {exchange} is not plain RSA, so the server's private key cannot help: a key log is needed"),
    NO_LINE: "no key log line has the client random {random}… of this connection",
    KEY_MISMATCH: (
        "the server key {name} (public key SHA-256 {given}…) does not belong to the certificate of this "
        "connection (public key SHA-256 {wanted}…)"
    ),
    PREMASTER: (
        "the server key {name} gives no premaster secret of 48 bytes with the client's version, so it is not "
        "the key of this connection"
    ),
    MASTER_HASH: (
        "a handshake message that the extended master secret is made of is missing in the capture, so the "
        "server key cannot help: a key log would"
    ),
    NO_CLIENT_KEY_EXCHANGE: (
        "the ClientKeyExchange was not captured, so the server key has nothing to decrypt: a key log is needed"
    ),
    FIRST_HANDSHAKE: "this is a resumed session and its first handshake is not in this capture: a key log is needed",
    DOES_NOT_FIT: ("the secret given for this connection does not fit: authentication failed from the first protected record on"),
    AUTHENTICATION: (
        "authentication failed at record {number} from the {sender}: it was damaged, or a record before it is missing{more}"
    ),
    LOST: "a record was cut or lost at byte {position} of what the {sender} sent{more}",
    EARLY_CLEAR: ("the {sender} sent application data before protection was switched on, which cannot be told from ciphertext"),
    HANDSHAKE_FAILED: (
        "nothing to decrypt: the handshake ended with the alert {description} from the {sender}, before any application data"
    ),
    NO_DATA: "nothing to decrypt: no protected record was captured",
}


def sentence(code: str, values: dict[str, object]) -> str:
    """The sentence of a reason with its values filled in; `renegotiation`: its handshake, if not the first."""
    again = values.get("renegotiation")
    return SENTENCES[code].format_map(values) + (f" (after renegotiation {again})" if again else "")
