"""Bodies in chunks (RFC 9112, 7.1), which no gpfdist sends, but proxies and frameworks in front of one do; libcurl takes them."""

from typing import Final

LONGEST_LINE: Final = 1024
"""Bytes of a line with a size, or of a trailer."""

LARGEST_CHUNK: Final = 1 << 40


class Dechunker:
    """Takes a body in chunks, gives what is in them."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._left = 0  # of the chunk under way
        self._ending = False  # its line end is due
        self._trailers = False
        self.over = False
        self.problem = ""

    def feed(self, data: bytes) -> bytes:
        """Take bytes; what stands behind the last chunk is left alone."""
        self._held += data
        held, given, at = self._held, [], 0
        while not self.over and not self.problem:
            if self._left:
                piece = bytes(held[at : at + self._left])
                if not piece:
                    break
                given.append(piece)
                at += len(piece)
                self._left -= len(piece)
                self._ending = not self._left
                continue
            end = held.find(b"\n", at)
            if end < 0:
                if len(held) - at > LONGEST_LINE:
                    self.problem = f"a line of more than {LONGEST_LINE} bytes between chunks"
                break
            line = bytes(held[at:end]).rstrip(b"\r")
            at = end + 1
            self._line(line)
        del held[:at]
        return b"".join(given)

    def _line(self, line: bytes) -> None:
        if self._ending:
            self._ending = False
            if line:
                self.problem = "a chunk is longer than its size"
            return
        if self._trailers:
            self.over = not line
            return
        size = line.partition(b";")[0].strip()
        if not size or size.strip(b"0123456789abcdefABCDEF") or int(size, 16) > LARGEST_CHUNK:
            self.problem = "the size of a chunk is no hexadecimal number"
            return
        self._left = int(size, 16)
        self._trailers = not self._left
