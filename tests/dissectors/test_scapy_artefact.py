"""Generated files are those that the grammar makes, and no slot of a template stays open."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gpinspect.cli.group import gpinspect
from gpinspect.errors import EncodeError
from gpinspect.export.scapy import LAYER, generate
from gpinspect.export.slots import fill

ROOT = Path(__file__).resolve().parent.parent.parent
DISSECTORS = {
    "scapy": ["dissectors/scapy/gpfdist.py", "gpinspect/export/scapy/gpfdist.py"],
    "spicy grammar": ["dissectors/spicy/gpfdist.spicy"],
    "spicy evt": ["dissectors/spicy/gpfdist.evt"],
}


@pytest.mark.parametrize(("words", "path"), [(words, path) for words, paths in DISSECTORS.items() for path in paths])
def test_a_generated_file_is_up_to_date_and_says_what_made_it(words: str, path: str) -> None:
    result = CliRunner().invoke(gpinspect, ["export", *words.split(), "--check", str(ROOT / path)])
    assert (result.exit_code, result.output) == (0, "")
    first = (ROOT / path).read_text(encoding="utf-8").partition("\n")[0]
    assert first == f"# Made by: gpinspect export {words}. Change the grammar or the template, not this file."


@pytest.mark.parametrize("words", DISSECTORS)
def test_a_file_that_differs_by_one_byte_is_told(words: str, tmp_path: Path) -> None:
    path = tmp_path / "some file"
    assert CliRunner().invoke(gpinspect, ["export", *words.split(), "-o", str(path)]).exit_code == 0
    assert CliRunner().invoke(gpinspect, ["export", *words.split(), "--check", str(path)]).exit_code == 0
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n", 1))
    result = CliRunner().invoke(gpinspect, ["export", *words.split(), "--check", str(path)])
    assert result.exit_code == 1
    assert f"not up to date: gpinspect export {words} -o" in result.output
    assert CliRunner().invoke(gpinspect, ["export", *words.split(), "--check", str(tmp_path / "none")]).exit_code == 3


def test_an_output_that_cannot_be_is_an_error_with_the_path(tmp_path: Path) -> None:
    result = CliRunner().invoke(gpinspect, ["export", "scapy", "-o", str(tmp_path / "no" / "file")])
    assert result.exit_code != 0
    assert str(tmp_path / "no" / "file") in str(result.exception) + result.output


def test_the_layer_in_the_package_is_the_one_that_people_install() -> None:
    assert LAYER.read_text(encoding="utf-8") == generate.layer()


@pytest.mark.parametrize(
    ("template", "values", "words"),
    [
        ("a @@one@@ @@two@@", {"one": "1"}, "nobody fills: two"),
        ("a @@one@@", {"one": "1", "two": "2"}, "no slot: two"),
        ("a @@One@@", {}, "broken slot near '@@One@@'"),
        ("a @@one", {}, "broken slot near '@@one'"),
    ],
)
def test_a_slot_that_nobody_fills_is_an_error(template: str, values: dict[str, str], words: str) -> None:
    with pytest.raises(EncodeError, match=words):
        fill(template, values)


def test_a_value_may_look_like_a_slot() -> None:
    assert fill("@@one@@ @@two@@", {"one": "@@two@@", "two": "2"}) == "@@two@@ 2"
