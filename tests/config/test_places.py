"""Every diagnostic at its line and column, also those that are found long after the files were read."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.config import read_sources, render
from planner.config.places import located
from planner.estate import Diagnostic, Span

GOOD = Path(__file__).parents[1] / "cases" / "config" / "good-seoul"
TARGET = Span("estate.yaml", 24, 3)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("azure", None, "estate.yaml:4:1"),
        ("azure.login", None, "estate.yaml:5:34"),
        ("azure.identities.apply", None, "estate.yaml:4:1"),
        ("sources.seoul.tracking", None, "estate.yaml:7:3"),
        ("targets.korea.vnet", TARGET, "estate.yaml:25:83"),
        ("targets.korea.zone", TARGET, "estate.yaml:24:3"),
        ("waves.shop.machines.shop-db-01.size", None, "waves/shop.yml:10:15"),
        ("seed_store.korea", TARGET, "estate.yaml:24:3"),
        ("vault", None, "None"),
        ("", None, "None"),
    ],
)
def test_the_exact_place(path: str, before: Span | None, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 4, Editing: every diagnostic with file:line:column; the nearest place that there is, never a wrong one."""
    monkeypatch.chdir(GOOD)
    (made,) = located([Diagnostic("WL342", "the virtual network does not exist", "x", path, before)], Path())
    assert str(made.span) == after


def test_the_caret_stands_below_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 4, Editing: the line itself with a caret, for what only Azure knows as well."""
    monkeypatch.chdir(GOOD)
    made = located([Diagnostic("WL342", "the virtual network does not exist", "x", "targets.korea.vnet", TARGET)], Path())
    line, caret = render(made, read_sources(made)).splitlines()[1:3]
    assert line[caret.index("^") :].startswith("vnet-prod")
