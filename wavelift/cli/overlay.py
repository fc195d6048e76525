"""Gives `--overlay` to every command that takes an estate, so that none can forget it."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from wavelift.cli.options import Overlay


class Overlaid(TyperGroup):
    """The root of the command line. The option is one of the command's parameters and no argument of its function."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        made = typer.Typer()
        made.command()(_spelled)
        _give(self, next(p for p in get_command(made).params if p.name == "overlay"))


def _spelled(overlay: Overlay = None) -> None:
    """Has the option, so that it is spelled the way that all others are."""


def _give(group: TyperGroup, option: Any) -> None:
    for command in group.commands.values():
        if isinstance(command, TyperGroup):
            _give(command, option)
        elif isinstance(command, TyperCommand) and any(p.name == "estate" for p in command.params):
            command.params.append(option)
