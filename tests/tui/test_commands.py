"""The command table, and how keys become commands."""

from gpinspect.tui.app import InspectApp
from gpinspect.tui.commands import COMMANDS, LISTS, MOST, PLACES, Keys, commands_of, method_of, readable
from gpinspect.tui.findings import FindingsScreen
from gpinspect.tui.help import HelpScreen, help_lines
from gpinspect.tui.lists import ExchangesScreen, FlowsScreen, PackagesScreen, SessionsScreen
from gpinspect.tui.package import PackageScreen
from gpinspect.tui.screen import MOVES

SCREENS = (SessionsScreen, FlowsScreen, ExchangesScreen, PackagesScreen, FindingsScreen, PackageScreen, HelpScreen)


def fed(keys: str, place: str = "sessions") -> list[tuple[str, int | None]]:
    reader = Keys()
    presses = [reader.feed(key, place) for key in keys.split()]
    return [(press.command.name, press.count) for press in presses if press is not None]


def test_every_place_is_one_screen() -> None:
    assert sorted(screen.place for screen in SCREENS) == sorted(PLACES)


def test_every_command_is_carried_out_by_the_screens_that_offer_it_or_by_the_application() -> None:
    for screen in SCREENS:
        for command in commands_of(screen.place):
            method = method_of(command)
            assert command.name in MOVES or hasattr(screen, method) or hasattr(InspectApp, method), (screen, command.name)


def test_every_method_of_a_command_is_in_the_table() -> None:
    known = {method_of(command) for command in COMMANDS}
    for owner in (*SCREENS, InspectApp):
        assert {name for name in dir(owner) if name.startswith("do_")} <= known


def test_a_key_means_one_thing_at_a_place() -> None:
    for place in PLACES:
        keys = [key for command in commands_of(place) for key in command.keys]
        assert len(keys) == len(set(keys)), place


def test_help_lists_every_command_of_its_place_and_no_other() -> None:
    for place in PLACES:
        told = "\n".join(line for line, _ in help_lines(place, 200))
        for command in COMMANDS:
            shown = f"{' '.join(map(readable, command.keys)).ljust(20)}{command.help}" in told
            assert shown == (place in command.places), (place, command.name)


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


def test_a_number_without_end_stays_small() -> None:
    assert fed(" ".join("9" * 100) + " G") == [("bottom", MOST)]


def test_what_is_typed_can_be_shown() -> None:
    reader = Keys()
    for key in ("4", "2", "g"):
        reader.feed(key, "packages")
    assert reader.pending == "42g"


def test_keys_are_written_as_a_person_writes_them() -> None:
    assert [readable(key) for key in ("ctrl+d", "g g", "question_mark", "pagedown", "G")] == ["^D", "gg", "?", "PgDn", "G"]


def test_enter_goes_in_and_q_goes_back_in_every_list() -> None:
    for place in LISTS:
        assert fed("enter q", place) == [("open", None), ("back", None)]
