"""The filter language: what fits, what null does, what is refused and where the caret stands, and what no pattern can do."""

import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.model import Outcome, Severity, StallShares
from gpinspect.views import objects
from gpinspect.views.filter import FIELDS, Around, FilterError, make_filter, pointed
from gpinspect.views.filter.fields import aliases, names
from gpinspect.views.filter.search import program_of, run, searcher
from gpinspect.views.tables import package_rows
from views import samples

DOCUMENT = Path(__file__).parents[2] / "docs" / "filter.md"
AROUND = Around({1: samples.session()}, {1: {"error": 2, "warning": 0, "note": 0}}, samples.START)


def fits(expression: str, item: Any, kind: str = "exchanges") -> bool:
    return make_filter(expression, kind)(AROUND)(item)


def mistake(expression: str, kind: str = "exchanges") -> FilterError:
    with pytest.raises(FilterError) as caught:
        make_filter(expression, kind)
    return caught.value


EXCHANGE = samples.exchange(
    3, segment=2, path="/data/lineitem.csv", payload_bytes=1_500_000, outcome=Outcome.CANCELLED, seq=None, errors=("line too long",)
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("segment == 2", True),
        ("seg != 2", False),
        ("segment in (1, 2)", True),
        ("segment not in (1, 2)", False),
        ("payload_bytes > 1MB", True),
        ("payload_bytes == 1.5M", True),
        ("bytes >= 1500k && bytes <= 1_500_000", True),
        ("bytes > 2MiB", False),
        ("outcome == cancelled", True),
        ('outcome == "cancelled"', True),
        ("outcome in (late, broken)", False),
        ('path ~ "line.tem"', True),
        ("path !~ '^/data'", False),
        ('path ~ "(?i)LINEITEM"', True),
        ("method == GET", True),
        ("client == 10.0.0.9:40003", True),
        ("client.port > 40000 && server.host == 10.0.0.5", True),
        ("xid == 1700000000-0000000042", True),
        ("cid == 3", True),
        ("ended", True),
        ("!done", True),
        ("ended == false", False),
        ("duration == 1s", True),
        ("duration > 999ms and duration < 1001ms", True),
        ("start == 0s", True),
        ("end_ns > 2s", False),
        ('start_ns == "2023-11-14 22:13:20"', True),
        ('end == "2023-11-14T22:13:21.000000000"', True),
        ("start == 1700000000000000000", True),
        ("frames == 5", True),
        ("frame > 9", False),
        ("frames in (11, 9)", True),
        ('errors ~ "too long"', True),
        ("errors == null", False),
        ("message_counts.D == 2", True),
        ("session.delivery == proven", True),
        ("session.segments == 1 && session.segments != 7", True),
        ("session.findings.error == 2", True),
        ("segment == 1 || segment == 2 && ended", True),
        ("(segment == 2 || segment == 1) && !ended", False),
        ("not (segment == 1 or segment == 3)", True),
        ("SEGMENT == 2 AND Ended", True),
    ],
)
def test_what_fits_an_exchange(expression: str, expected: bool) -> None:
    assert fits(expression, EXCHANGE) is expected


@pytest.mark.parametrize(
    "comparison", ["seq == 1", "seq != 1", "seq < 1", "seq >= 1", "seq in (1, 2)", "seq not in (1, 2)", "seq != null"]
)
def test_what_is_not_known_fits_nothing(comparison: str) -> None:
    assert fits(comparison, EXCHANGE) is False


def test_what_is_not_known_is_null() -> None:
    assert fits("seq == null", EXCHANGE) and fits("seq in (1, null)", EXCHANGE) and not fits("segment == null", EXCHANGE)
    assert fits("segment != null", EXCHANGE)
    assert fits("errors == null", samples.exchange(errors=())) and not fits("errors != x", samples.exchange(errors=()))


def test_an_exchange_without_a_session_fits_no_condition_on_it() -> None:
    probe = samples.exchange(session=None)
    assert not fits('session.path ~ ""', probe) and not fits("session.delivery != proven", probe)
    assert fits("session.path == null", probe)


def test_severities_are_ordered() -> None:
    warning = samples.finding(Severity.WARNING)
    assert fits("severity >= warning", warning, "findings") and not fits("level > warning", warning, "findings")
    assert not fits("severity < warning", warning, "findings") and fits("severity in (note, warning)", warning, "findings")


def test_a_field_with_several_values_fits_when_one_of_them_does() -> None:
    session = samples.session(segments=(1, 5))
    assert fits("seg == 5", session, "sessions") and fits("seg > 4", session, "sessions")
    assert not fits("seg != 5", session, "sessions") and fits("seg != 6", session, "sessions")
    assert fits('file ~ "a.csv$" and files.gaps == 1', session, "sessions")


def test_packages_are_chosen_by_file_offset_kind_and_exchange() -> None:
    table = samples.table((b"/d/a.csv", 0, b"x" * 10), (b"/d/b.csv", 2000, b"y" * 3))
    rows = list(package_rows([samples.exchange(packages=table)]))

    def chosen(expression: str) -> list[int]:
        keep = make_filter(expression, "packages")(AROUND)
        return [row.number for row in rows if keep(row)]

    assert chosen("kind == data") == [0, 1]
    assert chosen("file ~ b.csv && offset >= 2kB") == [1]
    assert chosen("offset == null") == [2]
    assert chosen("length > 3") == [0]
    assert chosen("exchange.segment == 0 && exchange == 1") == [0, 1, 2]
    assert chosen('session.path ~ "a" && !(kind == end)') == [0, 1]


# mistakes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "position", "words"),
    [
        ("", 0, "empty"),
        ("segm == 3", 0, "did you mean seg (segment)?"),
        ("outcome == lat", 11, "did you mean late?"),
        ("segment == x", 11, "wants a number"),
        ("segment == '3'", 11, "quotes make a text"),
        ("bytes > 2s", 8, "its units are B, k"),
        ("duration > 2", 11, "a unit is missing"),
        ("segment ~ 3", 8, "wanted ==, !=, in, <"),
        ("path < x", 5, "wanted ==, !=, in, ~, !~"),
        ("ended == 1", 9, "true or false"),
        ("ended in (true)", 6, "wanted ==, !="),
        ("segment", 7, "the expression ends here; wanted a comparison"),
        ("segment = 3", 8, "write =="),
        ("segment == 3 & ended", 13, "write &&"),
        ("segment == 3 segment == 4", 13, "wanted &&, || or the end"),
        ("(segment == 3", 13, "for the ( at character 1"),
        ("segment == 3)", 12, "wanted &&"),
        ("segment in 3", 11, "wanted ("),
        ("segment in (3", 13, "wanted , or )"),
        ("segment not 3", 12, "wanted in"),
        ("3 == segment", 0, "which is no field"),
        ("path ~ 'a(b'", 9, "no regular expression"),
        ("path ~ '(a)\\1'", 11, "references back"),
        ("path ~ '(?=a)'", 8, "(?:"),
        ("path == 'x", 8, "not closed"),
        ("segment < null", 10, "more or less than null"),
        ("and == 3", 0, "name of a field"),
        ('start == "yesterday"', 9, "universal time"),
        ("bytes == 0.3", 9, "no whole number"),
        ("delivery == proven", 0, "session.delivery"),
    ],
)
def test_a_mistake_is_named_where_it_stands(expression: str, position: int, words: str) -> None:
    found = mistake(expression)
    assert found.start == position and words in found.problem, found.problem


def test_the_caret_stands_below_the_mistake() -> None:
    expression = "ended && segm == 3"
    assert pointed(expression, mistake(expression)) == ["ended && segm == 3", "         ^^^^"]


def test_the_caret_stands_right_behind_wide_and_hostile_characters() -> None:
    expression = "path == '\x1b漢' && segm == 3"
    shown, caret = pointed(expression, mistake(expression))
    assert shown.isprintable() and shown.startswith(r"path == '\x1b漢' && segm")
    assert caret.index("^") == len(r"path == '\x1b漢' && ") + 1


def test_a_long_expression_is_shown_around_the_mistake() -> None:
    expression = "ended && " * 100 + "segm == 3" + " && ended" * 100
    shown, caret = pointed(expression, mistake(expression))
    assert len(shown) < 130 and shown[caret.index("^") :].startswith("segm")


@pytest.mark.parametrize(
    "expression", ["(" * 5000, "!" * 4000, "(" * 3000 + "ended", "ended" + " && ended" * 900, "ended or " * 400]
)
def test_depth_and_length_are_bounded(expression: str) -> None:
    mistake(expression)


def test_a_long_flat_expression_is_fine() -> None:
    assert fits("ended" + " && ended" * 400, EXCHANGE)


@given(st.text(max_size=60), st.sampled_from(sorted(FIELDS)))
def test_any_text_is_a_filter_or_a_mistake_inside_of_it(expression: str, kind: str) -> None:
    try:
        make_filter(expression, kind)
    except FilterError as found:
        assert 0 <= found.start <= len(expression) and found.problem
        assert all(line.isprintable() for line in pointed(expression, found))


WORDS = [
    "segment",
    "path",
    "outcome",
    "==",
    "!=",
    "~",
    "in",
    "not",
    "(",
    ")",
    ",",
    "&&",
    "||",
    "!",
    "3",
    "2MB",
    "late",
    "'x'",
    "null",
    "ended",
]


@given(st.lists(st.sampled_from(WORDS), max_size=14))
def test_any_row_of_words_is_a_filter_or_a_mistake(words: list[str]) -> None:
    try:
        keep = make_filter(" ".join(words), "exchanges")(AROUND)
    except FilterError:
        return
    assert keep(EXCHANGE) in (True, False)


# fields -----------------------------------------------------------------------------------------------------------------


def leaves(value: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from leaves(inner, f"{prefix}{key}.")
        else:
            yield prefix + key, inner


TABLE = samples.table((b"/d/a.csv", 7, b"rows"))
SAMPLES = {
    "sessions": (samples.session(), objects.session_object(samples.session(), dict(AROUND.counts[1]))),
    "flows": (samples.flow(), objects.flow_object(samples.flow())),
    "exchanges": (EXCHANGE, objects.exchange_object(EXCHANGE)),
    "packages": (
        next(package_rows([samples.exchange(packages=TABLE)])),
        objects.package_object(samples.exchange(packages=TABLE), 0, TABLE[0]),
    ),
    "findings": (samples.finding(), objects.finding_object(samples.finding())),
}


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_every_key_of_the_json_is_a_field_with_the_same_value(kind: str) -> None:
    item, made = SAMPLES[kind]
    fields, checked = FIELDS[kind], 0
    for key, value in leaves(made):
        if key in ("schema", "files") or key.startswith("stall_ns"):
            continue
        assert key in fields, f"{kind}: {key} is in the JSON and no field"
        got = fields[key].get(item, AROUND)
        plain = sorted(got) if key == "segments" else list(got) if isinstance(got, tuple) else got
        assert plain == value, key
        checked += 1
    assert checked > 8


def test_every_field_and_short_name_stands_in_the_document() -> None:
    text = DOCUMENT.read_text()
    for kind, fields in FIELDS.items():
        for name in names(fields):
            if not name.startswith(("session.", "exchange.")):
                assert f"`{name}`" in text, f"{kind}: {name}"
        for short in aliases(fields):
            if not short.startswith(("session.", "exchange.")):
                assert f"`{short}`" in text, f"{kind}: {short}"


def test_expressions_of_the_document_are_read() -> None:
    shown = re.findall(r"gpinspect (\w+) INPUT --filter '([^\n]+)'\n", DOCUMENT.read_text())
    assert len(shown) > 8
    for kind, expression in shown:
        make_filter(expression, kind)


HELD = samples.flow(segment=3, stall_ns=StallShares(server=2_500_000_000, segment=500_000_000, capture=9_000_000_000))
HELD_AROUND = Around({1: samples.session()}, {}, samples.START, [samples.flow(), HELD])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("stall > 2s", True),
        ("stall == 3s", True),
        ("stall > 3s", False),
        ("stall.server > 2s && stall_ns.segment == 500ms", True),
        ("stall.network > 0s", False),
        ("stall.capture == 9s", True),
    ],
)
def test_how_long_a_flow_was_held_up_is_a_field_of_it_and_of_its_session(expression: str, expected: bool) -> None:
    """2.5 s by the server and 0.5 s by the segment are 3 s; frames that were not recorded held up nobody."""
    assert make_filter(expression, "flows")(HELD_AROUND)(HELD) is expected
    assert make_filter(expression, "sessions")(HELD_AROUND)(samples.session()) is expected


def test_where_nobody_knows_about_stalls_they_are_null() -> None:
    assert fits("stall == null", samples.flow(), "flows")
    assert fits("stall == null", samples.session(), "sessions")
    assert not fits("stall < 1s", samples.session(), "sessions")


@pytest.mark.parametrize("kind", ["flows", "packages", "findings"])
def test_path_and_verdict_are_those_of_the_session_where_an_item_has_none(kind: str) -> None:
    session = samples.session()
    assert fits(f'path ~ "{re.escape(session.path or "")}" && verdict == {session.delivery.value}', SAMPLES[kind][0], kind)


def test_the_path_of_an_exchange_is_its_own() -> None:
    assert fits('path ~ "^/data/lineitem" && session.path !~ "lineitem"', EXCHANGE)


def test_the_kind_of_a_package_may_be_told_by_its_letter() -> None:
    row = SAMPLES["packages"][0]
    assert fits('kind == "D"', row, "packages") == fits("kind == data", row, "packages") is True
    assert not fits('kind == "E"', row, "packages")
    assert "kind is data, end or error" in mistake('kind == "X"', "packages").problem


# search -----------------------------------------------------------------------------------------------------------------

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[]a]", r"\d", r"\w", r"\.", r"\b", "^", "$", "1", "[a\\]b]"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map("|".join),
        inner.map(lambda one: f"({one})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.lists(st.text("ab1.]\n", max_size=6), min_size=1, max_size=4))
def test_the_simulation_finds_what_re_finds(pattern: str, texts: list[str]) -> None:
    program = program_of(pattern)
    for text in texts:
        assert run(program, text) is (re.search(pattern, text) is not None), (pattern, text)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(a|aa)+$", ".*.*.*.*.*b", "a?" * 40 + "a" * 40 + "b", "(.*a){12}b", "a*b"]
)
def test_no_pattern_makes_a_hostile_text_hang(pattern: str) -> None:
    begun = time.process_time()
    assert searcher(pattern)("a" * 20_000 + "!") is False
    assert time.process_time() - begun < 20, "seconds; a search with backtracking would take years"


@pytest.mark.parametrize(
    "pattern", ["(?:a{2000}){2000}", "(?:){4000000000}", "a{999999999999}", "x" * 201, "(" * 100 + ")" * 100, "a++"]
)
def test_patterns_that_would_be_too_large_are_refused(pattern: str) -> None:
    mistake(f"path ~ '{pattern}'")
