"""Header values, X-GP-CSVOPT and request targets, read as the server reads them."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gpinspect.grammar import csvopt, headers
from gpinspect.grammar.paths import server_path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        (" 7", 7),
        ("-1", -1),
        ("+3", 3),
        ("007", 7),
        ("7 rows", 7),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", None),
        ("-9223372036854775808", -9223372036854775808),
        ("9" * 5000, None),
        ("10000000000000000000000", None),
        ("0" * 5000 + "7", 7),
        ("0" * 5000, 0),
        ("abc", None),
        ("", None),
        ("-", None),
        ("\xb2", None),
        (None, None),
    ],
)
def test_decimal_headers_are_read_as_c_reads_them_and_unknown_is_none(text: str | None, value: int | None) -> None:
    assert headers.number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("0x1", 1),
        ("0X1f", 31),
        ("01", 1),
        ("010", 8),
        ("08", 0),
        ("abc", 0),
        ("", 0),
        ("0x", 0),
        (" -1", -1),
        ("2", 2),
        ("9" * 5000, 2**63 - 1),
        (None, None),
    ],
)
def test_the_protocol_is_read_with_any_base(text: str | None, value: int | None) -> None:
    assert headers.proto_number(text) == value


@pytest.mark.parametrize(
    ("digits", "length", "delimiter", "problem"),
    [
        ("0D0A", "2", b"\r\n", None),
        ("0a", "1", b"\n", None),
        ("7C7C", "-1", b"||", None),
        (None, "-1", None, None),
        ("", "-1", None, None),
        ("0D0", "1", None, "invalid EOL encoding"),
        ("0G", "1", None, "invalid EOL encoding"),
        ("0D 0A", "2", None, "invalid EOL encoding"),
        ("0D0A", "1", None, "invalid EOL length"),
        (None, "1", None, "invalid EOL length"),
    ],
)
def test_row_end_of_text_rows(digits: str | None, length: str, delimiter: bytes | None, problem: str | None) -> None:
    assert headers.line_delimiter(digits, length) == delimiter
    assert headers.line_delimiter_problem(digits, length) == problem


def test_every_header_of_the_protocol_is_known_in_exact_case() -> None:
    request = [
        "X-GP-XID",
        "X-GP-CID",
        "X-GP-SN",
        "X-GP-SEGMENT-ID",
        "X-GP-SEGMENT-COUNT",
        "X-GP-LINE-DELIM-STR",
        "X-GP-LINE-DELIM-LENGTH",
        "X-GP-PROTO",
        "X-GP-SEQ",
        "X-GP-DONE",
        "Content-Type",
        "Content-Length",
        "Expect",
        "X-GP-MASTER_HOST",
        "X-GP-MASTER_PORT",
        "X-GP-COORDINATOR_HOST",
        "X-GP-COORDINATOR_PORT",
        "X-GP-CSVOPT",
        "X-GP_SEG_PG_CONF",
        "X-GP_SEG_DATADIR",
        "X-GP_SEG_LOGDIR",
        "X-GP-DATABASE",
        "X-GP-USER",
        "X-GP-SEG-PORT",
        "X-GP-SESSION-ID",
        "X-GP-TRANSFORM",
        "X-GP-ZSTD",
    ]
    answer = [
        "Content-type",
        "Content-length",
        "Expires",
        "X-GPFDIST-VERSION",
        "X-GP-PROTO",
        "Cache-Control",
        "Connection",
        "X-GP-ZSTD",
    ]
    for name in request:
        assert headers.lookup(name.swapcase())[0].name == name
        assert headers.lookup(name)[0].direction != "answer"
    for name in answer:
        assert headers.lookup(name.upper())[-1].name == name
        assert headers.lookup(name)[-1].direction == "answer"
    assert headers.lookup("X-GP-NOTHING") == ()


def test_every_header_says_all_there_is_to_say() -> None:
    for field in headers.HEADERS:
        assert all((field.type, field.releases, field.required, field.wrong, field.meaning, field.example, field.source))
        assert field.direction in ("read", "write", "both", "answer")


OPTIONS = {
    "m1x 34q 34n0h0": (True, 34, 34, 0, False, "padded"),
    "m0x 92q  0n0h0": (False, 92, 0, 0, False, "padded"),
    "m1x 34q 34n3h1": (True, 34, 34, 3, True, "padded"),
    "m1x 92q 39n0h1": (True, 92, 39, 0, True, "padded"),
    "m1x34q34n0h1": (True, 34, 34, 0, True, "plain"),
    "m0x92q0n1h0": (False, 92, 0, 1, False, "plain"),
    "m1x34q34h1": (True, 34, 34, None, True, "old"),
    "m1x34q34h1n2": (True, 34, 34, 2, True, "swapped"),
}


@pytest.mark.parametrize("text", OPTIONS)
def test_options_of_every_release_are_read_and_built(text: str) -> None:
    options = csvopt.parse(text)
    assert options is not None
    assert (options.csv, options.escape, options.quote, options.newline, options.header, options.form) == OPTIONS[text]
    assert options.build() == text
    assert csvopt.problem(text) is None


@given(st.booleans(), st.integers(0, 255), st.integers(0, 255), st.integers(0, 3), st.booleans(), st.sampled_from(csvopt.FORMS))
def test_options_that_are_built_are_read_again(csv: bool, escape: int, quote: int, newline: int, header: bool, form: str) -> None:
    assume(form != "plain" or escape < 100 or quote < 100)  # with three digits each the padded form is the same text
    options = csvopt.CsvOptions(csv, escape, quote, None if form == "old" else newline, header, form)
    assert csvopt.parse(options.build()) == options


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "wanted"),
        ("m1x34", "wanted"),
        ("m1x34q34", "wanted"),
        ("m1x34q34n0", "wanted"),
        ("m.x.q.n.h.", "wanted"),
        ("n0h1m1x34q34", "wanted"),
        ("m1x" + "9" * 5000 + "q34n0h0", "wanted"),
        ("m1x300q34n0h0", "byte values"),
        ("m1x34q34n9h0", "row end 9"),
        ("m1x34q34n0h1 and more", "not looked at"),
    ],
)
def test_options_that_are_wrong_say_why(text: str, word: str) -> None:
    assert word in (csvopt.problem(text) or "")
    assert (csvopt.parse(text) is None) == (word == "wanted")


def test_row_end_of_csv_follows_the_declaration() -> None:
    ends = [csvopt.CsvOptions(True, 34, 34, newline, False).row_end for newline in (None, 0, 1, 2, 3)]
    assert ends == [b"\n", b"\n", b"\n", b"\r", b"\r\n"]


@pytest.mark.parametrize(
    ("target", "parts", "key"),
    [
        ("/a.csv", ("a.csv",), "a.csv"),
        ("//a.csv", ("a.csv",), "a.csv"),
        ("/a.txt%20b.txt", ("a.txt", "b.txt"), "a.txt b.txt"),
        ("/a.txt%20%20/b.txt", ("a.txt", "b.txt"), "a.txt b.txt"),
        ("/%61.csv", ("a.csv",), "a.csv"),
        ("/%2561", ("%61",), "%61"),
        ("/a+b", ("a+b",), "a+b"),
        ("/a%zz%4", ("a%zz%4",), "a%zz%4"),
        ("/\\x", ("x",), "x"),
        ("/dir/*.csv?x=1", ("dir/*.csv?x=1",), "dir/*.csv?x=1"),
        ("/a%00b", ("a",), "a"),
        ("/dir//a", ("dir//a",), "dir//a"),
    ],
)
def test_targets_become_the_files_that_the_server_opens(target: str, parts: tuple[str, ...], key: str) -> None:
    path = server_path(target)
    assert (path.parts, path.key, path.problems, path.transform) == (parts, key, (), None)


def test_targets_of_one_session_have_one_key_and_others_do_not() -> None:
    assert server_path("/a.txt").key == server_path("//a.txt").key == server_path("/%61.txt").key
    assert server_path("/a.txt").key == server_path("/a.txt#transform=up").key
    assert server_path("/a.txt").key != server_path("/a*.txt").key


def test_a_transform_is_cut_off_the_path() -> None:
    path = server_path("/a.txt#transform=up")
    assert (path.parts, path.transform) == (("a.txt",), "up")


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("/", "invalid request (unable to set path)"),
        ("/%20/", "invalid request (unable to set path)"),
        ("/..", "invalid request due to relative path"),
        ("/a..b", "invalid request due to relative path"),
        ("/a%5cb", "invalid request, escape character backslash '\\' is not allowed."),
    ],
)
def test_targets_that_the_server_refuses(target: str, problem: str) -> None:
    assert server_path(target).problems == (problem,)


def test_only_the_exact_status_page_is_the_status_page() -> None:
    assert server_path("/gpfdist/status").status_page
    assert server_path("/gpfdist/%73tatus").status_page
    assert not server_path("gpfdist/status").status_page
    assert not server_path("//gpfdist/status").status_page


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_no_target_raises(target: str) -> None:
    path = server_path(target)
    assert all(part and not part.startswith("/") and " " not in part for part in path.parts)
    assert csvopt.parse(target) is None or csvopt.problem(target) != ""
    assert headers.number(target) is None or isinstance(headers.number(target), int)
    assert isinstance(headers.proto_number(target), int)
