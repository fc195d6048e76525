"""Where a value came from: users.md, The estate 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from planner.config import load
from planner.config.provenance import Origins
from planner.config.vocabulary import UnknownPlace

ROOT = Path(__file__).parents[2]
GOOD = ROOT / "tests" / "cases" / "config" / "good-seoul"


@pytest.fixture
def origins(monkeypatch: pytest.MonkeyPatch) -> Origins:
    monkeypatch.chdir(GOOD)
    return Origins.read(Path())


def ask(*words: str) -> Result:
    from wavelift.cli.app import app

    return CliRunner().invoke(app, ["explain-value", *words])


@pytest.mark.parametrize("folder", [GOOD, ROOT / "examples" / "demo"], ids=lambda p: p.name)
def test_it_says_what_the_planner_takes(folder: Path) -> None:
    """users.md, The estate 2: for every machine the value that is explained is the value that is planned, and its line too."""
    origins = Origins.read(folder)
    found = load(folder, env={})
    if found.estate is None:  # the demo's endpoints come from a lab
        assert {d.code for d in found.diagnostics} <= {"WL160", "WL141", "WL145", "WL144"}
        assert origins.machine("wiki-01")
        return
    for name, machine in found.estate.machines.items():
        for key, value in (
            ("disk", machine.disk_type),
            ("ip", machine.ip),
            ("quiesce", machine.quiesce),
            ("phase", machine.phase.value),
            ("target", machine.target),
            ("cutover.in_blackout", machine.cutover.in_blackout),
            ("cutover.shutdown.then", machine.cutover.shutdown.otherwise),
        ):
            if key == "cutover.shutdown.then" and machine.cutover.shutdown.mode != "guest":
                continue
            origin = origins.of(f"{name}.{key}")
            assert origin.value == value, (name, key)
            assert "." in key or origin.span == machine.spans.get(key), (name, key)
        assert (origins.of(f"{name}.tags").value or {}) == dict(machine.tags)


def test_the_level_and_its_line(origins: Origins) -> None:
    """users.md, The estate 2: estate, target, wave, machine; the nearest is taken, and all are shown."""
    disk = origins.of("waves.erp.machines.erp-01.disk")
    assert (disk.value, disk.place, str(disk.span)) == ("Premium_LRS", "targets.japan.defaults.disk", "estate.yaml:29:89")
    assert [level.value for level in disk.levels] == ["StandardSSD_LRS", "Premium_LRS", None, None]
    assert origins.of("erp-01.disk") == disk
    quiet = origins.of("wiki-01.quiesce")
    assert (quiet.value, quiet.span, quiet.default) == (False, None, "wavelift's own default")


def test_policies_are_followed(origins: Origins) -> None:
    """users.md, The estate 3: the line is the policy's, and who names the policy is said."""
    then = origins.of("shop-web-01.cutover.shutdown.then")
    assert (then.value, then.place) == ("force", "policies.cutover.night.shutdown.then")
    assert [level.by for level in then.levels if level.span] == ["waves.shop.cutover"]
    assert origins.of("appliances.gw-1.schedule.delta_cap").place == "policies.schedule.hourly.delta_cap"
    hidden = origins.of("shop-db-01.cutover.shutdown.then")
    assert (hidden.value, hidden.span) == ("fail", None), "a nearer policy hides the farther one whole"


def test_what_adds_up(origins: Origins) -> None:
    """users.md, The estate 2 and 4: tags and windows of all levels count; of one tag the nearest level."""
    assert origins.of("erp-01.tags").adds
    assert origins.of("erp-db.tags.site").place == "waves.erp.machines.erp-db.tags.site"
    assert isinstance(origins.of("erp-db.blackout").value, list)


def test_the_command() -> None:
    """issue 4: one value, all of a machine, JSON; a name that is not there is answered with the nearest."""
    assert "  > targets.japan.defaults.disk" in ask("erp-01.disk", "-C", str(GOOD)).output
    assert "waves.erp.machines.erp-01.quiesce = true" in ask("erp-01", "-C", str(GOOD)).output
    (made,) = json.loads(ask("erp-01.disk", "-C", str(GOOD), "--json").output)
    assert (made["value"], made["place"]) == ("Premium_LRS", "targets.japan.defaults.disk")
    assert "No file of an estate" in str(ask("a", "-C", str(GOOD / "nowhere")).exception)
    for wrong in ("waves.shop.machines.shop-web-09.disk", "erp-01.disc", "waves.shopp.phase"):
        assert "Did you mean" in str(ask(wrong, "-C", str(GOOD)).exception)


def test_unknown_places(origins: Origins) -> None:
    """issue 4, Editing: nothing is answered for what is not in the files."""
    for wrong in ("nobody.disk", "targets.mars.zone", ""):
        with pytest.raises(UnknownPlace):
            origins.of(wrong)
