"""How header values are read: as the C programs read them, without inventing what is not there."""

import re

_DECIMAL = re.compile(r"[ \t\n\v\f\r]*([+-]?)0*([0-9]{1,19})(?![0-9])", re.ASCII)
_BASED = re.compile(r"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9][0-9]*))", re.ASCII)
_HEX_BYTES = re.compile(r"(?:[0-9a-fA-F]{2})*", re.ASCII)
_LARGEST = (1 << 63) - 1


def number(text: str | None) -> int | None:
    """A decimal header as C's atol and strtol read it: blanks in front are skipped, what stands behind the digits is left alone.

    Returns:
        The number, None where there is none ("abc", "", no header) or none that 64 bits hold. Real programs read 0 there; an
        inspector does not invent it.
    """
    if text is None:
        return None
    found = _DECIMAL.match(text)
    if found is None:
        return None
    value = int(found[1] + found[2])
    return value if -_LARGEST - 1 <= value <= _LARGEST else None


def proto_number(text: str | None) -> int | None:
    """X-GP-PROTO as gpfdist reads it: C's strtol with base 0, so `0x1` is 1, `010` is 8 and `abc` is 0.

    Returns:
        The number, limited to 64 bits as C does it; None only without the header.
    """
    if text is None:
        return None
    found = _BASED.match(text[:128])
    if found is None:
        return 0
    sign, hexadecimal, octal, decimal = found.groups()
    if hexadecimal is not None:
        value = int(hexadecimal, 16)
    elif octal is not None:
        value = int(octal or "0", 8)
    else:
        value = int(decimal)
    return max(-value, -_LARGEST - 1) if sign == "-" else min(value, _LARGEST)


def line_delimiter(hex_text: str | None, length_text: str | None = None) -> bytes | None:
    """Row end that X-GP-LINE-DELIM-STR and -LENGTH declare; None when they declare none or cannot be read.

    Source: gpfdist.c, request_parse_gp_headers (6.24.3).
    """
    if not hex_text or line_delimiter_problem(hex_text, length_text) is not None:
        return None
    return bytes.fromhex(hex_text)


def line_delimiter_problem(hex_text: str | None, length_text: str | None = None) -> str | None:
    """Why gpfdist answers 400 to the two headers: `invalid EOL encoding` or `invalid EOL length`; None when it does not."""
    text = hex_text or ""
    if _HEX_BYTES.fullmatch(text) is None:
        return "invalid EOL encoding"
    length = number(length_text)
    if length is not None and length > 0 and length != len(text) // 2:
        return "invalid EOL length"
    return None
