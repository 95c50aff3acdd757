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


def level_name(number: int) -> str:
    return LEVELS.get(number, f"unknown ({number})")


def description(number: int) -> str:
    return NAMES.get(number, f"unknown ({number})")


def meaning(sender: str, name: str) -> str | None:
    """What an alert of this sender usually says about the set-up, in words; None where the name says it all."""
    return _MEANINGS.get((sender, name))
