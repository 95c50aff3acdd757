"""`struct` layouts and numbers of protocol 1 for loops that cannot afford Construct; all derived from its declarations."""

from typing import Final

from gpinspect.grammar import messages, outline

F: Final = messages.LETTERS["F"]
O: Final = messages.LETTERS["O"]  # noqa: E741 - the letter on the wire
L: Final = messages.LETTERS["L"]
D: Final = messages.LETTERS["D"]
E: Final = messages.LETTERS["E"]
KNOWN: Final = frozenset(messages.LETTERS.values())

MESSAGE_HEAD: Final = outline.fixed_run(messages.MESSAGE_HEAD)
"""Letter and length of any message: 5 bytes."""

AFTER_NAME: Final = outline.fixed_run(messages.DATA_PACKAGE, after="file.name")
"""What follows the name of F in a data package: O, its length and offset; L, its length and line; D and its length. 31 bytes."""

NUMBER_MESSAGE: Final = outline.fixed_run(messages.O_MESSAGE)
"""A whole O or L message: letter, length, value. 13 bytes."""

NUMBER_LENGTH: Final = 8
"""Bytes of content that O and L must have."""

END_PACKAGE: Final = messages.build_end()
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
