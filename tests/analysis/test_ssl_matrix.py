"""Settings and what they lead to: openGauss's matrix of 24 rows, written out here a second time, from its documentation."""

import pytest

from gpinspect.analysis.ssl_matrix import Expectation, agrees, expected_rows, result_words

# ssl, sslmode, require_ssl, what is seen on the wire
MATRIX = """
1 on disable on: a clear start, which the server refuses
2 on disable off: a clear start, not encrypted
3 on allow on: a clear start that is refused, then SSLRequest, S and TLS on a second connection
4 on allow off: a clear start, not encrypted
5 on prefer on: SSLRequest, S, TLS
6 on prefer off: SSLRequest, S, TLS
7 on require on: SSLRequest, S, TLS
8 on require off: SSLRequest, S, TLS
9 on verify-ca on: SSLRequest, S, TLS
10 on verify-ca off: SSLRequest, S, TLS
11 on verify-full on: SSLRequest, S, TLS
12 on verify-full off: SSLRequest, S, TLS
13 off disable on: a clear start, not encrypted
14 off disable off: a clear start, not encrypted
15 off allow on: a clear start, not encrypted
16 off allow off: a clear start, not encrypted
17 off prefer on: SSLRequest, N, then a clear start, not encrypted
18 off prefer off: SSLRequest, N, then a clear start, not encrypted
19 off require on: SSLRequest, N, and the client leaves
20 off require off: SSLRequest, N, and the client leaves
21 off verify-ca on: SSLRequest, N, and the client leaves
22 off verify-ca off: SSLRequest, N, and the client leaves
23 off verify-full on: SSLRequest, N, and the client leaves
24 off verify-full off: SSLRequest, N, and the client leaves
"""
ROWS = [line.split(": ", 1) for line in MATRIX.strip().splitlines()]


@pytest.mark.parametrize(("settings", "words"), ROWS)
def test_three_settings_name_one_row_and_its_outcome(settings: str, words: str) -> None:
    number, ssl, mode, require = settings.split()
    rows = expected_rows(Expectation(ssl == "on", require == "on", mode))
    assert rows == (int(number),)
    assert result_words(rows) == words


def test_settings_that_are_not_known_leave_rows_open() -> None:
    assert expected_rows(Expectation(ssl=True, sslmode="require")) == (7, 8)
    assert expected_rows(Expectation(require_ssl=True, sslmode="allow")) == (3, 15)
    assert expected_rows(Expectation(ssl=False)) == tuple(range(13, 25))
    assert expected_rows(Expectation()) == tuple(range(1, 25))


def test_a_connection_agrees_when_it_can_be_one_of_the_rows() -> None:
    assert agrees((6,), (5, 6, 7)) is True
    assert agrees((4,), (5, 6, 7)) is False
    assert agrees((3, 15), (2, 4, 13, 14, 15, 16)) is True


def test_nothing_agrees_with_an_outcome_that_the_matrix_does_not_know() -> None:
    assert agrees((1,), ()) is False
    assert result_words(()) == "nothing that the matrix knows"


def test_what_negotiated_nothing_neither_agrees_nor_differs() -> None:
    assert agrees((1,), None) is None
