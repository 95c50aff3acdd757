"""A report under a mask names nobody, and says the same otherwise."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import gpinspect as package
from gpinspect.cli.group import gpinspect

CAPTURES = Path(__file__).resolve().parent.parent.parent / "captures"
LOADS = ("gp-get-killed-server.pcapng", "gp-get-404.pcapng", "gp-get-two-servers.pcapng", "gp-post-cancelled-s.pcapng")


def names_in(capture: Path) -> set[str]:
    """What must not be found: addresses, users, databases, and every part of a path that is not a format."""
    with package.inspect([str(capture)]) as found:
        texts = {capture.stem}
        for exchange in found.exchanges:
            texts |= {exchange.client.host, exchange.server.host, exchange.user or "", exchange.database or ""}
            texts |= {part for part in re.split(r"[/.*]", exchange.path or "") if len(part) > 3}
        for session in found.sessions:
            for file in session.files:
                texts |= {part for part in re.split(r"[/.*]", file.name) if len(part) > 3}
    return {text for text in texts if len(text) > 2} - {"pipe", "data", "file"}


@pytest.mark.parametrize("name", LOADS)
@pytest.mark.parametrize("form", ["html", "text", "json"])
def test_masked_report_names_nobody(tmp_path: Path, name: str, form: str) -> None:
    capture = CAPTURES / name
    page = tmp_path / "page.html"
    more = {"html": ["--html", str(page)], "text": [], "json": ["--json"]}[form]
    done = CliRunner().invoke(gpinspect, ["report", str(capture), "--redact", *more])
    assert done.exit_code == 0, done.output
    said = page.read_text(encoding="utf-8") if form == "html" else done.stdout
    assert said
    betrayed = {text for text in names_in(capture) if re.search(rf"(?<![\w.]){re.escape(text)}(?![\w])", said)}
    assert betrayed == set()


@pytest.mark.parametrize("name", LOADS)
def test_masked_report_keeps_verdicts_codes_and_figures(name: str) -> None:
    capture = str(CAPTURES / name)
    plain, masked = (
        json.loads(CliRunner().invoke(gpinspect, ["report", capture, "--json", *more]).stdout) for more in ([], ["--redact"])
    )
    assert plain.keys() == masked.keys()

    def figures(report: dict[str, list[str]]) -> list[list[str]]:
        kept = re.compile(r"GPI\d{3}|proven|refuted|unprovable|\d[\d.,]* (?:MB|kB|B)\b|segments \d+/\d+")
        told = report.get("wrong") or report["noted"]
        return [kept.findall(line) for line in (*report["ran"], *told)]

    assert figures(plain) == figures(masked)
    assert any(figures(plain))
