"""What the command ends with: the one list of exit statuses, and the only place that gives them numbers."""

import enum


class Status(enum.IntEnum):
    """Part of the contract with scripts; numbers keep their meaning."""

    FINE = 0  # also for a table without a line, and when the reader of stdout went away
    FINDINGS = 1  # at or above --fail-on
    USAGE = 2
    UNREADABLE = 3  # an input is no capture, or not there
    NOT_OURS = 4  # neither gpfdist nor TLS nor a request for TLS in the capture
    MISSING = 5  # a right, a tool or a key, and nothing to do without it
    DEFECT = 70  # this program is wrong
    INTERRUPTED = 130
