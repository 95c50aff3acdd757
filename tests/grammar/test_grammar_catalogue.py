"""Findings, statuses and SQL errors: everything is found, everything can be said."""

import re
import string
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpinspect.grammar import findings, sentences, statuses
from gpinspect.model import Severity

CODES = """001 capture-cut W position|002 capture-damaged E position problem|003 unknown-link-type W link frames
004 recorder-dropped W count|005 snapped-frames N frames bytes|006 secrets-in-capture N count|007 input-skipped W problem
008 time-steps-back N frames|020 capture-loss W bytes|021 network-loss W bytes|022 overlap-differs E bytes
023 reorder-limit W bytes|024 started-late N|025 one-direction N|027 connection-refused W|101 framing-lost W position
102 framing-found N position skipped|103 unknown-message E letter position|105 bad-number-length E letter length
106 name-too-long E length|107 bad-length E letter length position|108 zstd-damaged E problem|109 bytes-after-end W bytes
110 head-too-large W bytes|111 header-spelling W name|112 csvopt-unreadable E value|113 header-value W name value
114 messages-without-proto E|115 foreign-framing W what|201 error-message E text|202 error-then-end E text
203 refused E status reason|204 cancelled N|205 late-segment N|206 segments-missing N missing expected
207 file-gap E file first last bytes|208 file-overlap E file first last bytes|209 session-reopened E seconds
210 no-end-package E|211 open-at-end N|212 outcome-lost W bytes|213 probe N|214 no-proof-protocol-0 N|215 first-was-late W
216 file-gap-cancelled N file first last bytes|217 file-gap-uncaptured W file first last bytes|401 sequence-refused E seq
402 sequence-repeated N seq|403 data-discarded E bytes seq|404 write-unfinished W segment|405 post-unanswered W seq
501 encrypted-no-keys N what reason"""
WANTED = [entry.split() for entry in re.split(r"[|\n]", CODES)]
SEVERITIES = {"N": Severity.NOTE, "W": Severity.WARNING, "E": Severity.ERROR}


@pytest.mark.parametrize(("number", "name", "severity", "values"), [(w[0], w[1], w[2], w[3:]) for w in WANTED])
def test_code_has_its_name_severity_and_values(number: str, name: str, severity: str, values: list[str]) -> None:
    kind = findings.kind(f"GPI{number}")
    assert (kind.name, kind.severity, sorted(kind.values)) == (name, SEVERITIES[severity], sorted(values))
    assert findings.lookup(name.upper()) is kind
    assert findings.lookup(f" gpi{number} ") is kind


def test_codes_and_names_are_unique_and_well_formed() -> None:
    assert len({kind.code for kind in findings.ALL}) == len({kind.name for kind in findings.ALL}) == len(findings.ALL)
    for kind in findings.ALL:
        assert re.fullmatch(r"GPI\d{3}", kind.code)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind.name)
    assert findings.lookup("GPI999") is None


@pytest.mark.parametrize("kind", findings.ALL, ids=lambda kind: kind.code)
def test_message_uses_exactly_its_values_and_the_rest_is_said(kind: findings.Kind) -> None:
    used = {name for _, name, _, _ in string.Formatter().parse(kind.message) if name is not None}
    assert used == set(kind.values)
    text = kind.render({name: f"[{name}]" for name in kind.values})
    assert all(f"[{name}]" in text for name in kind.values) and "{" not in text
    assert kind.render({}).count("?") >= len(kind.values)
    assert all((kind.explanation, kind.rules_out, kind.cause, kind.advice, kind.source))
    assert kind.advice.endswith(".") and kind.explanation.endswith(".")


@pytest.mark.parametrize(
    ("code", "setting"),
    [
        ("GPI201", "`-m`"),
        ("GPI209", "`-k`"),
        ("GPI203", "`-t`"),
        ("GPI202", "`STDERR: console`"),
        ("GPI405", "`gpfdist_retry_timeout`"),
        ("GPI206", "gp_external_max_segs"),
        ("GPI501", "`--keylog`"),
    ],
)
def test_advice_names_the_setting(code: str, setting: str) -> None:
    assert setting in findings.kind(code).advice


def test_sql_errors_of_findings_are_known_sentences() -> None:
    for kind in findings.ALL:
        if kind.sql is not None:
            sentence = sentences.lookup(kind.sql)
            assert sentence is not None, kind.code
            assert kind.code in sentence.findings or "http response" in kind.sql or kind.code == "GPI110", kind.code


def test_the_catalogue_loads_without_construct() -> None:
    program = (
        "import sys, gpinspect.grammar, gpinspect.grammar.findings, gpinspect.grammar.headers, gpinspect.grammar.statuses,"
        "gpinspect.grammar.sentences, gpinspect.grammar.http, gpinspect.views.explain;"
        "sys.exit('construct' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


SENT = """100 Continue
200 ok
400 forbidden
400 invalid request
400 invalid request (no gp-proto)
400 invalid request (invalid gp-proto)
400 invalid request (missing X-GP-* header)
400 invalid EOL encoding
400 invalid EOL length
400 invalid sequence number
400 invalid request due to relative path
400 invalid request, escape character backslash '\\' is not allowed.
400 invalid request (unable to set path)
400 path too long
400 bad request, csvopt doesn't match the format
400 can't write to and read from the same gpfdist server simultaneously
400 invalid request due to missing sequence number
400 invalid request due to wrong sequence number
400 invalid request (unsupported input #transform)
400 invalid request (unsupported output #transform)
400 invalid request (path does not match safe regex)
403 Reading a directory is forbidden.
404 file not found
404 file open failure /data/etl/x: y.txt: Permission denied
404 Multiple reader to a pipe is forbidden.
404 No matching file(s) found
404 More than 1 file found for writing. Unsupported operation.
408 time out
415 Unsupported File Type
500 Internal Server Error
500 internal error
500 internal error - out of memory
500 session error
500 no complete data row found for writing
500 cannot write into file
500 subprocess_open: cannot start up
500 failed to get temporary directory for paths file
500 zstd decompression error, error is Unknown frame descriptor
500 zstd decompression error, error is Data corruption detected
500 could not connect to pipe
501 pipe is busy, close the pipe and try again"""


@pytest.mark.parametrize("line", SENT.split("\n"))
def test_every_status_line_is_found_with_its_cause(line: str) -> None:
    code, _, reason = line.partition(" ")
    status = statuses.lookup(int(code), reason)
    assert status is not None and status.code == int(code)
    assert statuses.lookup(None, reason) is not None
    assert all((status.cause, status.where, status.advice))


def test_every_status_of_the_table_is_met_by_a_line_that_was_sent() -> None:
    met = {statuses.lookup(int(line[:3]), line[4:]) for line in SENT.split("\n")}
    assert met == set(statuses.STATUSES)


def test_a_status_text_that_no_server_sends_is_not_found() -> None:
    assert statuses.lookup(404, "not here") is None
    assert statuses.lookup(400, "") is None


ERRORS = {
    'ERROR:  connection with gpfdist failed for "gpfdist://h:8081/x", effective url: "http://10.0.0.1:8081/x": '
    "error code = 111 (Connection refused);  (seg0 slice1)": "error code = 111",
    "connection with gpfdist failed for a: error code = 110 (Connection timed out)": "error code = 110",
    "connection with gpfdist failed for a: error code = 113 (No route to host)": "error code = 113",
    "connection with gpfdist failed for a: error code = 104 (Connection reset by peer)": "error code = 104",
    'connection with gpfdist failed for "gpfdists://h/x", effective url "https://h/x": SSL': "gpfdists://",
    "http response code 404 from gpfdist (gpfdist://h/x): HTTP/1.0 404 file not found": "http response code",
    'could not open "gpfdist://h/x" for reading': "for reading",
    "error when connecting to gpfdist http://h/x, quit after 11 tries": "quit after",
    "gpfdist error: server closed connection": "gpfdist error: server closed",
    "gpfdist server closed connection": "gpfdist server closed",
    "gpfdist error: incomplete packet - packet len 3": "incomplete packet",
    "gpfdist error: bad packet type 68 len -1": "bad packet type",
    "gpfdist error: unknown meta type 108": "unknown meta type",
    "gpfdist error: filename too long (300)": "filename too long",
    "gpfdist error: offset not of length 8 (9)": "not of length 8",
    "gpfdist error: please check gpfdist log messages.": "please check",
    "gpfdist error - line too long in file /data/a near (0 bytes)": "gpfdist error - TEXT",
    "connection to gpfdist error: stream ends unexpectedly": "stream ends",
    "ZSTD_decompressStream failed, error is x": "stream ends",
    "segment has not received data from gpfdist for long time, cancelling the query.": "long time",
    'could not open certificate file "/d/gpfdists/client.crt": No such file': "certificate",
    'could not open private key file "/d/gpfdists/root.crt": No such file': "private key",
    "intermittent network connectivity issues": "intermittent",
    'missing data for column "b"': "missing data",
    "extra data after last expected column": "extra data",
    "NOTICE:  External scan from gpfdist server will utilize 64 out of 512 segment databases": "will utilize",
    "line too long in file /data/a near (0 bytes)": "line too long",
    "WARN unable to open file /data/b": "unable to open",
    "cannot read file - /data/b.gz": "cannot read file",
    "gpfdist_send failed - the connection was terminated by the client (32: Broken pipe)": "terminated by the client",
    "session already ended. return empty response (OK)": "already ended",
    "remove out-dated session 1-2.3.0.1:/data/a": "out-dated",
    "request failure resulting in session failure: top = 0, bot = 5": "session failure",
    "[0:5:0:9] do_read_request time out": "do_read_request",
    "SSL accept failed": "SSL accept failed",
    "signal 15 received. gpfdist exits": "gpfdist exits",
}


@pytest.mark.parametrize("line", ERRORS)
def test_every_sql_error_is_found_with_its_event(line: str) -> None:
    for text in (line, line.upper(), f"2026-01-01 12:00:00 | {line} | seg3"):
        found = sentences.lookup(text)
        assert found is not None and ERRORS[line] in found.text
        assert all((found.event, found.cause, found.advice))


def test_every_sentence_of_the_table_is_met_and_its_findings_exist() -> None:
    assert {sentences.lookup(line) for line in ERRORS} == set(sentences.SENTENCES)
    for sentence in sentences.SENTENCES:
        assert sentences.lookup(sentence.text) is not None
        for code in sentence.findings:
            findings.kind(code)


def test_other_sql_errors_are_not_found() -> None:
    assert sentences.lookup('relation "x" does not exist') is None


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    sentences.lookup(text)
    statuses.lookup(None, text)
    findings.lookup(text)


def test_long_hostile_text_is_searched_in_bounded_time() -> None:
    assert sentences.lookup("connection with gpfdist failed " * 100_000) is None
    assert sentences.lookup("could not open " * 100_000) is None
    assert statuses.lookup(404, "file open failure " + ": " * 100_000 + "\0") is not None
