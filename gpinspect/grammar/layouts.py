"""`struct` layouts and numbers of protocol 1 for loops that cannot afford Construct.

Written out, because Construct takes longer to load than a small capture to read; a test derives each of them from its declaration
in `gpinspect.grammar.messages` and holds the two together.
"""

from struct import Struct
from typing import Final

F: Final = 0x46
O: Final = 0x4F  # noqa: E741 - the letter on the wire
L: Final = 0x4C
D: Final = 0x44
E: Final = 0x45
KNOWN: Final = frozenset((F, O, L, D, E))

MESSAGE_HEAD: Final = Struct(">BI")
"""Letter and length of any message: 5 bytes."""

AFTER_NAME: Final = Struct(">BIQBIQBI")
"""What follows the name of F in a data package: O, its length and offset; L, its length and line; D and its length. 31 bytes."""

NUMBER_MESSAGE: Final = Struct(">BIQ")
"""A whole O or L message: letter, length, value. 13 bytes."""

NUMBER_LENGTH: Final = 8
"""Bytes of content that O and L must have."""

END_PACKAGE: Final = MESSAGE_HEAD.pack(D, 0)
"""`D` without content: the end of data."""

LARGEST_NAME: Final = 256
"""Bytes of F that a Greenplum segment accepts; a real server sends at most 255."""

LARGEST_LENGTH: Final = (1 << 31) - 1
"""A segment reads lengths as signed 32-bit numbers; more is refused."""

LARGEST_BLOCK: Final = 256 << 20
"""The most that `-m` allows, so the longest D of a real server, in bytes."""

LARGEST_STDERR: Final = 8192
"""Bytes of a transform's standard error that go into an E message."""

PACKAGE_HEAD: Final = MESSAGE_HEAD.size + AFTER_NAME.size
"""Bytes of a data package in front of its rows, without the file name: 36."""
