"""Never silent for more than a second on a terminal (issue 4): what commands say that read for long and print at the end."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import pytest

from wavelift.cli import console as consoles
from wavelift.cli.app import invoke
from wavelift.cli.console import Console


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def until(told: str, screen: io.StringIO) -> float:
    """Seconds until `told` stands there."""
    began = time.monotonic()
    while told not in screen.getvalue():
        assert time.monotonic() - began < 5, screen.getvalue()
        time.sleep(0.01)
    return time.monotonic() - began


def test_what_takes_long_without_a_word_is_told_within_a_second_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    console = Console()
    console.soon("reading the files")
    assert screen.getvalue() == ""
    assert 0.3 < until("reading the files …", screen) < 0.9
    assert until("reading the files … 1 s", screen) < 1.5
    console.clear()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_what_is_quick_or_goes_to_no_terminal_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for screen in (Screen(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", screen)
        console = Console()
        console.soon("reading the files")
        if screen.isatty():
            console.clear()
        time.sleep(0.7)
        assert screen.getvalue() == ""


@pytest.mark.parametrize("command", ["validate", "show"])
def test_commands_that_only_read_say_so(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before they read: the error takes it away again."""
    told: list[str] = []
    monkeypatch.setattr(consoles.Console, "soon", lambda self, what: told.append(what))
    invoke(["validate", "-C", str(tmp_path)] if command == "validate" else ["show", str(tmp_path / "none")])
    assert told == [{"validate": "reading the files", "show": "reading the plan"}[command]]
