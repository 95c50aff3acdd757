"""The command table, and how keys become commands."""

from pathlib import Path

import pytest

from gpinspect.errors import SourceError
from gpinspect.tui.app import InspectApp
from gpinspect.tui.commands import ALWAYS, COMMON, MOST, MOVING, CommandTable, Keys, key_named, method_of, readable, written
from gpinspect.tui.config import command_table, config_path, read_keys
from gpinspect.tui.screens import SCREENS
from gpinspect.tui.screens.help import help_lines, keys_text
from gpinspect.tui.screens.sessions import SessionsScreen

TABLE = CommandTable(SCREENS)
NAMES = {command.name for command in TABLE.everything()}


def fed(keys: str, table: CommandTable = TABLE) -> list[tuple[str, int | None]]:
    reader = Keys()
    presses = [reader.feed(key, table.of(SessionsScreen)) for key in keys.split()]
    return [(press.command.name, press.count) for press in presses if press is not None]


def test_every_place_is_one_screen() -> None:
    assert len({screen.place for screen in SCREENS}) == len(SCREENS)


def test_every_command_is_carried_out_by_the_screens_that_offer_it_or_by_the_application() -> None:
    for screen in SCREENS:
        for command in TABLE.of(screen):
            method = method_of(command)
            moves = command.group == MOVING
            assert moves or command.name in TABLE.entries or hasattr(screen, method) or hasattr(InspectApp, method), (
                screen,
                command.name,
            )


def test_every_method_of_a_command_is_in_the_table() -> None:
    known = {method_of(command) for command in TABLE.everything()}
    for owner in (*SCREENS, InspectApp):
        assert {name for name in dir(owner) if name.startswith("do_")} <= known


def test_every_group_of_a_common_command_is_offered_by_some_screen() -> None:
    offered = {group for screen in SCREENS for group in (*screen.groups, ALWAYS)}
    assert {command.group for command in COMMON} <= offered


def test_a_key_means_one_thing_on_a_screen() -> None:
    assert list(TABLE.clashes()) == []
    for screen in SCREENS:
        keys = {key for command in TABLE.of(screen) for key in command.keys}
        assert not {key for key in keys if any(other.startswith(f"{key} ") for other in keys)}, screen


def test_every_command_has_a_key_where_it_is_offered() -> None:
    for screen in SCREENS:
        assert all(command.keys for command in TABLE.of(screen)), screen


def test_one_name_is_one_kind_of_command_everywhere() -> None:
    assert all(name == name.lower() and " " not in name for name in NAMES)


def test_help_lists_every_command_of_its_screen_and_no_other() -> None:
    for screen in SCREENS:
        told = "\n".join(line for line, _ in help_lines(screen.place, TABLE.of(screen), 400))
        offered = {command.name for command in TABLE.of(screen)}
        for name in NAMES:
            assert (f"[{name}]" in told) == (name in offered), (screen.place, name)
        for command in TABLE.of(screen):
            assert keys_text(command) in told


def test_a_number_goes_in_front_of_a_command() -> None:
    assert fed("5 G") == [("bottom", 5)]
    assert fed("1 0 j") == [("down", 10)]
    assert fed("1 2 g g") == [("top", 12)]
    assert fed("j") == [("down", None)]


def test_a_zero_alone_is_no_number() -> None:
    assert fed("0 j") == [("down", None)]


def test_g_twice_is_one_command_and_g_with_anything_else_is_none() -> None:
    assert fed("g g") == [("top", None)]
    assert fed("g x j") == [("down", None)]


def test_escape_takes_back_what_was_typed_before_it_goes_back() -> None:
    assert fed("5 escape") == []
    assert fed("g escape") == []
    assert fed("5 escape escape j") == [("back", None), ("down", None)]


def test_a_letter_behind_m_belongs_to_it_whatever_it_would_be_alone() -> None:
    reader = Keys()
    assert reader.feed("m", TABLE.of(SessionsScreen)) is None and reader.pending == "m"
    press = reader.feed("q", TABLE.of(SessionsScreen))
    assert press is not None and (press.command.name, press.letter) == ("set-mark", "q")
    assert fed("m escape j") == [("down", None)]


def test_a_number_without_end_stays_small() -> None:
    assert fed(" ".join("9" * 100) + " G") == [("bottom", MOST)]


def test_what_is_typed_can_be_shown() -> None:
    reader = Keys()
    for key in ("4", "2", "g"):
        reader.feed(key, TABLE.of(SessionsScreen))
    assert reader.pending == "42g"


def test_keys_are_written_as_a_person_writes_them() -> None:
    assert [readable(key) for key in ("ctrl+d", "g g", "?", "pagedown", "G")] == ["^D", "gg", "?", "PgDn", "G"]
    assert [written(text) for text in ("^D", "ctrl+d", "gg", "g g", "PgDn", "F5", "/", "Space", "X")] == [
        "ctrl+d", "ctrl+d", "g g", "g g", "pagedown", "f5", "/", "space", "X",
    ]  # fmt: skip
    assert [written(text) for text in ("", "Hyper", "^", "^^", "ctrl+", "ctrl+dd", "a b c", "\x1b")] == [
        None, None, "^", "^ ^", None, None, None, None,
    ]  # fmt: skip


def test_a_printable_key_is_known_by_its_character() -> None:
    assert (
        key_named("less_than_sign", "<") == "<" and key_named("space", " ") == "space" and key_named("ctrl+d", "\x04") == "ctrl+d"
    )


# [keys] ---------------------------------------------------------------------------------------------------------------------


def configured(folder: Path, text: str) -> CommandTable:
    path = folder / "config.toml"
    path.write_text(text)
    return command_table(SCREENS, read_keys(path), path)


def test_keys_of_the_configuration_take_the_place_of_those_of_the_table(tmp_path: Path) -> None:
    table = configured(tmp_path, '[keys]\nfilter = "f"\ndown = ["^N", "Down"]\nnext-stall = "gs"\n')
    assert fed("f", table) == [("filter", None)] and fed("/", table) == []
    assert fed("ctrl+n", table) == [("down", None)] and fed("j", table) == []
    assert fed("g s", table) == [("next-stall", None)]
    assert fed("g g", table) == [("top", None)]


def test_a_key_that_somebody_chose_leaves_the_command_that_had_it(tmp_path: Path) -> None:
    table = configured(tmp_path, '[keys]\nsearch = "q"\n')
    assert fed("q", table) == [("search", None)] and fed("escape", table) == [("back", None)]


def test_help_tells_the_keys_of_the_configuration(tmp_path: Path) -> None:
    table = configured(tmp_path, '[keys]\nfilter = "F6"\n')
    lines = [line for line, _ in help_lines("sessions", table.of(SessionsScreen), 200) if "[filter]" in line]
    assert len(lines) == 1 and lines[0].startswith("F6 ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[keys]\nfliter = "f"\n', "fliter is no command; did you mean filter"),
        ('[keys]\nfilter = "Hyper"\n', "filter = Hyper is no key"),
        ("[keys]\nfilter = 5\n", "filter = 5 is no key"),
        ('[keys]\nfilter = "5"\n', "digits are counts"),
        ("[keys]\nfilter = []\n", "filter has no key"),
        ('[keys]\nfilter = "x"\nsearch = "x"\n', "x is wanted for filter and for search"),
        ('keys = "x"\n', "wanted a table [keys]"),
        ("[keys\n", "wanted a configuration in TOML"),
        ("\x00", "wanted a configuration in TOML"),
    ],
)
def test_a_wrong_configuration_is_one_clear_line(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError) as problem:
        configured(tmp_path, text)
    assert says in str(problem.value) and "config.toml" in str(problem.value) and "\n" not in str(problem.value)


def test_without_a_configuration_nothing_changes(tmp_path: Path) -> None:
    assert read_keys(tmp_path / "none.toml") == {} and read_keys(None) == {}


def test_the_configuration_lies_where_xdg_says() -> None:
    assert config_path({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}) == Path("/x/gpinspect/config.toml")
    assert config_path({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}) == Path("/h/.config/gpinspect/config.toml")
    assert config_path({}) is None
