"""Every row of the catalogue is told by its smallest capture, and not by its harmless neighbour."""

import re
from pathlib import Path

import pytest

from gpinspect.grammar import findings as catalogue
from gpinspect.views.explain import explain, sentences_of
from gpinspect.views.why import causes

from .row import WORDS, Row, look, told
from .rows_peers import ROWS_PEERS
from .rows_reads import ROWS_READS
from .rows_requests import ROWS_REQUESTS
from .rows_slowness import OWNED_BY_STALLS, PENDING, ROWS_SLOWNESS
from .rows_tls import ROWS_TLS
from .rows_writes import ROWS_WRITES

ROWS = (*ROWS_READS, *ROWS_REQUESTS, *ROWS_WRITES, *ROWS_TLS, *ROWS_PEERS, *ROWS_SLOWNESS)
LAST = 55


def numbers(rows: tuple[Row, ...]) -> set[int]:
    return {int(found[1]) for row in rows if (found := re.fullmatch(r"(\d+)[a-z]?", row.number))}


def test_the_table_has_every_row() -> None:
    assert numbers(ROWS) | set(map(int, PENDING)) == set(range(1, LAST + 1))
    assert {"6.3a", "6.3b"} <= {row.number for row in ROWS}
    assert len({row.label for row in ROWS}) == len(ROWS)


def test_no_row_waits_for_a_code_that_is_there() -> None:
    stalls = [kind.code for kind in catalogue.ALL if "GPI301" <= kind.code <= "GPI329"]
    assert not (stalls and PENDING), "give the rows of rows_slowness.OWNED_BY_STALLS their codes in CODES"


@pytest.mark.parametrize("number", OWNED_BY_STALLS)
def test_stories_of_slowness_differ_in_time_alone(number: str, tmp_path: Path) -> None:
    _, _, shows, spares = OWNED_BY_STALLS[number]
    slow, quick = look(shows, tmp_path), look(spares, tmp_path)
    assert slow.exchanges and quick.exchanges
    seconds = [((found.last_ns or 0) - (found.first_ns or 0)) / 1e9 for found in (slow, quick)]
    assert seconds[0] > 5 and seconds[1] < 1
    for code in ("GPI101", "GPI103", "GPI109", "GPI207", "GPI208", "GPI210"):
        assert not told(slow, code, ()) and not told(quick, code, ())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_row_is_told_with_its_severity_and_evidence(row: Row, tmp_path: Path) -> None:
    found = look(row.shows, tmp_path)
    for code in row.codes:
        shown = told(found, code, row.says)
        assert shown, (code, [(finding.code, finding.message) for finding in found.findings])
        assert {finding.severity for finding in shown} == {WORDS[row.severity]}
        for finding in shown:
            assert finding.frames is not None and 1 <= finding.frames[0] <= finding.frames[1] <= found.frames
            assert finding.time_ns is not None and (found.first_ns or 0) <= finding.time_ns <= (found.last_ns or 0)
            several = any(word in finding.message for word in ("connections", "requests", "segments"))
            assert finding.connection or finding.exchange or finding.session or several


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_harmless_neighbour_of_the_row_is_not_accused(row: Row, tmp_path: Path) -> None:
    found = look(row.spares, tmp_path)
    assert found.connections
    assert [finding.message for code in row.codes for finding in told(found, code, row.says)] == []


@pytest.mark.parametrize("code", sorted({code for row in ROWS for code in row.codes}))
def test_finding_of_a_row_says_what_a_person_needs(code: str) -> None:
    kind = catalogue.kind(code)
    page = explain([code])
    assert page is not None
    for label in ("says:", "means:", "cause:", "do:", "rules out:", "known from:"):
        assert label in page
    for sentence in sentences_of(kind):
        assert code in {proof.code for cause in causes(sentence) for proof in cause.proof}, sentence


@pytest.mark.parametrize("kind", catalogue.ALL, ids=lambda kind: kind.code)
def test_every_sentence_of_a_finding_leads_to_it(kind: catalogue.Kind) -> None:
    for sentence in sentences_of(kind):
        assert kind.code in {proof.code for cause in causes(sentence) for proof in cause.proof}, sentence
