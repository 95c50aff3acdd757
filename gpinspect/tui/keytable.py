"""The table of keys for docs/tui.md, made of the commands.

`python -m gpinspect.tui.keytable docs/tui.md` brings the page up to date.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from gpinspect.tui.commands import COMMON, Command, CommandTable, readable
from gpinspect.tui.screens import SCREENS

BEGIN, END = "<!-- keys: made by gpinspect.tui.keytable -->", "<!-- end of keys -->"


def rows(commands: Iterable[Command]) -> list[str]:
    return [
        f"| {' '.join(f'`{readable(key)}`' for key in command.keys).replace('|', chr(92) + '|')} | {command.name} | "
        f"{command.help}{f' ({command.counted})' if command.counted else ''} |"
        for command in commands
    ]


def key_table() -> str:
    """Markdown: what many screens share, then what each has of its own."""
    table = CommandTable(SCREENS)
    head = ["| keys | command | what it does |", "|---|---|---|"]
    shared = [*COMMON, *(screen.entry for screen in SCREENS if screen.entry is not None)]
    lines = [*head, *rows(shared)]
    for screen in SCREENS:
        own = [command for command in table.of(screen) if command in screen.own]
        if own:
            lines += ["", f"On the screen *{screen.place}*:", "", *head, *rows(own)]
    return "\n".join(lines)


def brought_up_to_date(page: str) -> str:
    """A page with the table as it is now between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{key_table()}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(brought_up_to_date(path.read_text()))
