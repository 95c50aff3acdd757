"""Alerts: their names (RFC 8446 section 6 and RFC 5246 section 7.2) and what they mean between gpfdist and its segments."""

LEVELS = {1: "warning", 2: "fatal"}

CLOSE_NOTIFY = 0

NAMES = {
    0: "close_notify",
    1: "end_of_early_data",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}

_MEANINGS = {
    ("server", "handshake_failure"): "no cipher suite in common, or (up to TLS 1.2) the segment showed no client certificate",
    ("server", "certificate_required"): "the server wants a client certificate and the segment showed none",
    ("server", "unknown_ca"): "the server does not trust the client certificate: its root.crt is not that of the issuer",
    ("client", "unknown_ca"): "root.crt on the segment does not belong to the issuer of server.crt",
    ("client", "bad_certificate"): "the segment rejects the server's certificate",
    ("client", "certificate_expired"): "the server's certificate was out of date for the segment's clock",
    ("server", "certificate_expired"): "the client certificate was out of date for the server's clock",
    ("client", "certificate_revoked"): "the server's certificate is on the segment's revocation list",
    ("server", "certificate_revoked"): "the client certificate is on the server's revocation list",
    ("client", "certificate_unknown"): "the segment could not accept the server's certificate",
    ("server", "protocol_version"): "the server does not speak a TLS version that the segment offers",
    ("server", "insufficient_security"): "the server wants stronger suites than the segment offers",
    ("server", "inappropriate_fallback"): "the segment came back with a lower version than the server can do",
    ("server", "unrecognized_name"): "the server has no certificate for the name the segment asked for",
    ("server", "no_renegotiation"): "the server refuses to renegotiate",
    ("client", "no_renegotiation"): "the segment refuses to renegotiate",
}

_GENERAL = {
    "close_notify": "the sender has said everything; the regular end",
    "unexpected_message": "a message came that has no place there",
    "bad_record_mac": "a record did not authenticate: bytes were changed on the way, or the two sides have different keys",
    "record_overflow": "a record is longer than TLS allows",
    "handshake_failure": "no set of parameters that both sides accept",
    "bad_certificate": "a certificate is damaged or its signature is wrong",
    "unsupported_certificate": "a certificate is of a kind that is not taken",
    "certificate_revoked": "a certificate is on a revocation list",
    "certificate_expired": "a certificate is out of date, or a clock is wrong",
    "certificate_unknown": "a certificate was not acceptable for another reason",
    "illegal_parameter": "a value in the handshake is not allowed",
    "unknown_ca": "the issuer of a certificate is not among those that are trusted",
    "access_denied": "the certificate is good, but its owner may not enter",
    "decode_error": "a message could not be read; OpenSSL also says this when the other side closed without close_notify",
    "decrypt_error": "a signature or a Finished in the handshake is wrong",
    "protocol_version": "the TLS version is not supported",
    "insufficient_security": "stronger suites are wanted",
    "internal_error": "a fault inside the sender",
    "inappropriate_fallback": "a client tried again with a lower version although the server can do better",
    "user_canceled": "the handshake was given up for a reason outside TLS",
    "no_renegotiation": "a new handshake on this connection is refused",
    "missing_extension": "an extension that must be there is not",
    "unsupported_extension": "an extension was answered that was not offered",
    "unrecognized_name": "there is no certificate for the name that was asked for",
    "unknown_psk_identity": "the session to be resumed is not known",
    "certificate_required": "a client certificate is wanted and none came",
    "no_application_protocol": "no application protocol in common (ALPN)",
}


def level_name(number: int) -> str:
    return LEVELS.get(number, f"unknown ({number})")


def description(number: int) -> str:
    return NAMES.get(number, f"unknown ({number})")


def meaning(sender: str, name: str) -> str | None:
    """What an alert of this sender usually says about the set-up, in words; None where nothing more is known."""
    return _MEANINGS.get((sender, name)) or _GENERAL.get(name)
