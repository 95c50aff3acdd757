from gpinspect.model import UNKNOWN, Severity
from gpinspect.views import tables
from gpinspect.views.tables import Context
from views import samples

UTC = Context(utc=True)


def cells(table: tables.Table, item: object, context: Context = UTC) -> dict[str, str]:
    return dict(zip(table.header, next(table.rows([item], context)), strict=True))


def test_a_session_in_one_line() -> None:
    row = cells(tables.SESSIONS, samples.session(), Context(True, {1: {"error": 2, "warning": 0, "note": 1}}))
    assert (row["Started"], row["Op"], row["Path"], row["Segs"]) == ("22:13:20.000", "GET", "/a.csv", "2/2")
    assert (row["XID/CID/SN"], row["Findings"], row["Delivery"]) == ("1700000000-0000000042/3/0", "2e 1n", "proven")


def test_unknown_is_a_dash_in_every_table() -> None:
    bare = samples.exchange(session=None, method=None, path=None, segment=None, status=None, reason=None)
    row = cells(tables.EXCHANGES, bare)
    assert {row[name] for name in ("Session", "Op", "Path", "Seg", "Seq", "Status", "Reason", "Reset by", "Error")} == {"-"}
    nameless = samples.session(xid=None, cid=None, sn=None, segment_count=None)
    assert cells(tables.SESSIONS, nameless)["XID/CID/SN"] == "-"
    assert cells(tables.SESSIONS, nameless)["Segs"] == "2"
    assert cells(tables.FLOWS, samples.flow(segment=None))["Seg"] == "-"


def test_greenplum_segment_zero_is_known() -> None:
    assert cells(tables.FLOWS, samples.flow(segment=0))["Seg"] == "0"


def test_line_zero_of_a_package_is_what_the_server_said_and_a_missing_line_is_not() -> None:
    packages = samples.table((b"f", 0, b"x"))
    exchange = samples.exchange(packages=packages)
    said, _ = tables.PACKAGES.rows(tables.package_rows([exchange]))
    assert said[tables.PACKAGES.header.index("Line")] == "1"
    zero = tables.PackageRow(exchange, 1, packages[0]._replace(line=0))
    missing = tables.PackageRow(exchange, 1, packages[0]._replace(line=UNKNOWN))
    assert [cells(tables.PACKAGES, row)["Line"] for row in (zero, missing)] == ["0", "-"]


def test_place_of_a_finding_names_the_connection_only_without_an_exchange() -> None:
    assert tables.place_text(samples.finding()) == "session 1 seg 1 exch 2"
    assert tables.place_text(samples.finding(session=None, segment=None, exchange=None)) == "conn 2"
    assert tables.place_text(samples.finding(session=None, segment=None, exchange=None, connection=None)) == "capture"


def test_no_cell_carries_a_control_character_of_the_wire() -> None:
    nasty = samples.NASTY
    rows = [
        *tables.SESSIONS.rows([samples.session(path=nasty, method=nasty, xid=nasty, cid=nasty, sn=nasty)]),
        *tables.FLOWS.rows([samples.flow(host=nasty)]),
        *tables.EXCHANGES.rows([samples.exchange(path=nasty, method=nasty, reason=nasty, errors=(nasty,))]),
        *tables.PACKAGES.rows(tables.package_rows([samples.exchange(packages=samples.table((b"\x1b]0;x\x07\xff", 0, b"r")))])),
        *tables.FINDINGS.rows([samples.finding(message=nasty, advice=nasty)]),
    ]
    assert all(cell.isprintable() for row in rows for cell in row)


def test_tones_follow_the_words() -> None:
    level = tables.FINDINGS.columns[0]
    assert [level.tone(severity.word) for severity in Severity] == ["", "warn", "bad"]


def test_every_table_has_a_column_that_never_gives_way() -> None:
    for table in (tables.SESSIONS, tables.FLOWS, tables.EXCHANGES, tables.PACKAGES, tables.FINDINGS):
        assert any(column.priority == 1 for column in table.columns)
        assert len(set(table.header)) == len(table.header)
