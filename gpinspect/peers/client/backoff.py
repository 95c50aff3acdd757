"""When a segment tries again: waits of 1, 2, 4 … 64 s, until `gpfdist_retry_timeout` is over. Asks no clock.

Source: url_curl.c, gp_curl_easy_perform_backoff_and_check_response (6.24.3).
"""

from typing import Final

LONGEST_WAIT: Final = 64.0
RETRIED: Final = frozenset((408,))
"""Statuses of a write after which the same request goes again; others are final."""


class Backoff:
    """The tries of one request.

    Args:
        began: Moment of the first try, in seconds of any clock that does not jump.
        limit: Seconds after which nothing is tried again.
    """

    def __init__(self, began: float, limit: float) -> None:
        self._began = began
        self._limit = limit
        self._next = 1.0
        self.tries = 1  # with the one that is under way

    def wait(self, now: float) -> float | None:
        """Seconds to wait before the next try; None: it is time to give up."""
        left = self._began + self._limit - now
        if left <= 0:
            return None
        wait = min(self._next, LONGEST_WAIT, left)
        self._next = min(self._next * 2, LONGEST_WAIT)
        self.tries += 1
        return wait
