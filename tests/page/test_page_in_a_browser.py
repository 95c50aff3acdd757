"""The page of `report --html` in Chromium: a person clicks through it, and what the wire says stays text."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from craft.files import Capture
from craft.gpfdist import END, blocks, ok_head, request
from craft.sessions import read_session
from craft.tcp import Conversation
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from gpinspect.cli.group import gpinspect

from .conftest import opened

CAPTURES = Path(__file__).resolve().parent.parent.parent / "captures"


def page_of(folder: Path, *arguments: str) -> Path:
    target = folder / "report.html"
    done = CliRunner().invoke(gpinspect, ["report", *arguments, "--html", str(target), "--force"])
    assert done.exit_code == 0, done.output
    return target


def requests_of(browser: Any) -> list[str]:
    """Addresses that the browser asked for since the page was opened."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]


def complaints(browser: Any) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser")]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = ("gp-get-killed-server", "gp-get-csv-loss", "gp-post-cancelled-s", "gp-get-two-servers")
    return page_of(tmp_path_factory.mktemp("killed"), *(str(CAPTURES / f"{name}.pcapng") for name in names))


def test_page_asks_for_nothing_but_itself_and_the_console_stays_empty(browser: Any, killed: Path) -> None:
    opened(browser, killed)
    asked = [url for url in requests_of(browser) if not url.startswith("data:")]
    assert asked == [killed.as_uri()]
    assert complaints(browser) == []


def test_link_of_what_to_do_opens_the_finding_inside_its_closed_session(browser: Any, killed: Path) -> None:
    opened(browser, killed)
    link = next(one for one in browser.find_elements(By.CSS_SELECTOR, "#todo + ul a") if one.text == "GPI210")
    anchor = link.get_attribute("href").rpartition("#")[2]
    finding = browser.find_element(By.ID, anchor)
    explanation = finding.find_element(By.CSS_SELECTOR, "dl")
    assert not explanation.is_displayed()
    link.click()
    assert explanation.is_displayed()
    assert "gpfdist error: server closed connection" in finding.text


def test_filter_and_verdict_leave_the_sessions_that_fit(browser: Any, killed: Path) -> None:
    opened(browser, killed)
    rows = browser.find_elements(By.CSS_SELECTOR, "#sessions tbody tr")
    assert len(rows) > 2
    browser.find_element(By.ID, "filter").send_keys("killed-server")
    shown = [row for row in rows if row.is_displayed()]
    assert [row.get_attribute("data-verdict") for row in shown] == ["refuted"]
    assert browser.find_element(By.ID, "matching").text == "1 shown"
    parts = [part for part in browser.find_elements(By.CSS_SELECTOR, "details.session") if part.is_displayed()]
    assert [part.get_attribute("id") for part in parts] == [shown[0].get_attribute("data-part")]
    browser.find_element(By.ID, "verdict").send_keys("proven")
    assert not any(row.is_displayed() for row in rows)


def test_click_on_a_head_sorts_and_a_second_click_turns_it_round(browser: Any, killed: Path) -> None:
    opened(browser, killed)

    def ids() -> list[int]:
        return [int(cell.text) for cell in browser.find_elements(By.CSS_SELECTOR, "#sessions tbody td:first-child")]

    head = browser.find_element(By.CSS_SELECTOR, "#sessions th:first-child button")
    head.click()
    assert ids() == sorted(ids())
    head.click()
    assert ids() == sorted(ids(), reverse=True)


def test_keyboard_alone_reaches_the_findings(browser: Any, killed: Path) -> None:
    opened(browser, killed)
    browser.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "To the findings"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "main"
    browser.find_element(By.TAG_NAME, "body").send_keys("j")
    summary = browser.switch_to.active_element
    assert summary.tag_name == "summary"
    before = summary.find_element(By.XPATH, "..").get_attribute("open")
    summary.send_keys(Keys.ENTER)
    assert summary.find_element(By.XPATH, "..").get_attribute("open") != before
    browser.find_element(By.TAG_NAME, "body").send_keys("/")
    assert browser.switch_to.active_element.get_attribute("id") == "filter"


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)], ids=["phone", "laptop"])
def test_nothing_is_wider_than_the_window(browser: Any, killed: Path, size: tuple[int, int]) -> None:
    opened(browser, killed)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        wide, window = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert window == size[0]
        assert wide <= window
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


NASTY = (
    "<script>document.title='owned'</script>",
    "\"'><img src=x onerror=document.title='owned'>",
    "</style></title><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "{{7*7}}{% raw %}",
    "\x1b]0;owned\x07\x00\u202egpj.exe",
    "x" * 10_000,
)


@pytest.mark.parametrize("nasty", NASTY, ids=["script", "quotes", "style", "scheme", "template", "control", "long"])
def test_whatever_stands_in_headers_names_and_errors_stays_text(browser: Any, tmp_path: Path, nasty: str) -> None:
    text = nasty.encode("utf-8")[:240]
    capture = Capture()
    talk = Conversation(capture, ("10.0.0.1", 40000), ("10.0.0.9", 8080))
    talk.open()
    header = text.decode("latin-1")[:3000] if len(nasty) < 3000 else "x" * 3000
    safe = header.replace("\r", "").replace("\n", "")
    extra = [("X-GP-USER", safe), ("X-GP-DATABASE", safe), ("X-GP-TRANSFORM", safe)]
    path = "/" + safe.replace(" ", "%20").replace("\0", "")
    talk.client(request(path, segment=0, count=1, extra=extra, drop=["X-GP-USER", "X-GP-DATABASE"]))
    talk.server(ok_head(1).replace(b"6.24.3", safe.encode("latin-1")))
    for block in blocks("/a", b"1|2\n" * 100, 200):
        head = block.head.replace(b"F\0\0\0\x02/a", b"F" + len(text).to_bytes(4, "big") + text)
        talk.server(head)
        talk.server(block.data)
    talk.server(b"E" + len(text).to_bytes(4, "big") + text)
    talk.server(END)
    talk.close()
    written = tmp_path / "nasty.pcap"
    written.write_bytes(capture.pcap())
    opened(browser, page_of(tmp_path, str(written)))
    assert browser.title == "gpinspect: gpfdist load"
    assert browser.find_elements(By.CSS_SELECTOR, "img, iframe, object, embed, svg[onload], [onerror]") == []
    assert len(browser.find_elements(By.TAG_NAME, "script")) == 1
    hrefs = [link.get_attribute("href") for link in browser.find_elements(By.TAG_NAME, "a")]
    assert hrefs and all(href.startswith("file://") and "#" in href for href in hrefs)
    assert complaints(browser) == []
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not set(source) & set(map(chr, (*range(9), 11, 12, *range(14, 32), 0x7F, 0x202E)))


def test_page_without_script_still_says_everything(browser: Any, killed: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.html"
    text = killed.read_text(encoding="utf-8")
    begin, end = text.rindex("<script>"), text.rindex("</script>")
    bare.write_text(text[:begin] + text[end:], encoding="utf-8")
    opened(browser, bare)
    browser.find_element(By.CSS_SELECTOR, "details.session > summary").click()
    assert "Greenplum segments over time" in browser.find_element(By.CSS_SELECTOR, "details.session").text


def test_large_read_of_many_segments_draws_a_matrix(browser: Any, tmp_path: Path) -> None:
    capture = Capture()
    read_session(capture, {"/data/a.txt": b"0123456789|abc\n" * 20_000}, segments=100, package_size=2000)
    written = tmp_path / "many.pcap"
    written.write_bytes(capture.pcap())
    opened(browser, page_of(tmp_path, str(written)))
    matrix = browser.find_element(By.CSS_SELECTOR, ".grid svg")
    assert matrix.get_attribute("aria-label") == "rate of each Greenplum segment over time"
    assert matrix.find_elements(By.CSS_SELECTOR, "path.level1, path.level2, path.level3, path.level4")
    assert "From 0 at the top to 99" in browser.find_element(By.TAG_NAME, "main").text
