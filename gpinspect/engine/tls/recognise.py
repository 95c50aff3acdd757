"""Is this TLS? Told from the first bytes of one direction, on any port."""

import enum

from gpinspect.engine.tls.records import CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER_LENGTH, LARGEST_FRAGMENT


class Recognition(enum.Enum):
    HELLO = "a ClientHello or ServerHello, or an alert in its place"
    RECORDS = "records that chain, picked up later than their start"
    MORE = "not enough bytes to tell"
    NO = "no TLS"


def recognise(data: bytes | bytearray | memoryview) -> Recognition:
    """Judge the first bytes of a direction. RECORDS wants two headers that chain; without the second one it is MORE."""
    size = len(data)
    for at, allowed in ((0, range(CHANGE_CIPHER_SPEC, 24)), (1, (3,)), (2, range(5))):
        if at < size and data[at] not in allowed:
            return Recognition.NO
    if size < HEADER_LENGTH:
        return Recognition.MORE
    length = data[3] << 8 | data[4]
    if not 0 < length <= LARGEST_FRAGMENT:
        return Recognition.NO
    if data[0] == HANDSHAKE and size > HEADER_LENGTH and data[5] in (1, 2):
        if size < HEADER_LENGTH + 6:
            return Recognition.MORE
        if data[6] == 0 and data[9] == 3:
            return Recognition.HELLO
    if data[0] == 21 and length == 2:
        if size < HEADER_LENGTH + 2:
            return Recognition.MORE
        return Recognition.HELLO if data[5] in (1, 2) else Recognition.NO
    end = HEADER_LENGTH + length
    if size < end + 3:
        return Recognition.MORE
    chained = CHANGE_CIPHER_SPEC <= data[end] <= 23 and data[end + 1] == 3 and data[end + 2] <= 4
    return Recognition.RECORDS if chained else Recognition.NO
