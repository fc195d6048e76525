"""issue 4, Reading a plan, users.md, screen 1: how long it takes, how long machines are down and what may go wrong stand beside
every plan, in its file too; outside of its digest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

import schemas
from planner.explain import text
from planner.plan.scope import Scope
from planner.planfile.envelope import dumps
from tests.planner.filed import FILE
from tests.planner.site import GIB, Site, vm
from tests.planner.test_forecast import NOW
from wavelift.applying.planfiles import in_time
from wavelift.applying.planio import read, write
from wavelift.cli.app import app
from wavelift.cli.console import Console
from wavelift.cli.forecast import beside_a_plan
from wavelift.forecasting import beside
from wavelift.planning.look import Looked
from wavelift.problems import STALE, UserProblem

WAVE = "waves:\n  shop: {target: korea, phase: replicate, machines: {web-01: Standard_D2s_v5, web-02: Standard_D2s_v5}}\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.time", lambda: NOW + 61.0)
    site = Site(tmp_path, vm(1, "web-01", (8,)), vm(2, "web-02", (8,)))
    site.now = NOW
    site.files(waves=WAVE, prices="prices: {currency: EUR, seed_gib_month: {koreacentral: 0.5}}\n")
    yield site


def kept(site: Site, looked: Looked | None = None) -> None:
    looked = looked or site.look()
    assert not looked.plan.errors, looked.plan.errors
    found, _ = beside_a_plan(looked, Console(quiet=True))
    write(FILE, looked.plan, site.workspace.estate, NOW, beside.kept(found))


def show(*how: str) -> str:
    done = CliRunner().invoke(app, ["show", str(FILE), *how], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_plan_file_says_how_long_it_takes(site: Site) -> None:
    """Offline, in all three forms, without being asked; clocks are the estate's, and so is the end of validity."""
    kept(site)
    pin = f"{read(FILE).digest}@2027-01-19T00:00:00Z"
    told = show()
    assert "Initial replications by wave" in told and f"sha256 {pin}, valid until Tue 2027-01-19 09:00 KST." in told
    page = show("--markdown")
    assert "| shop | web-02 | 8 GiB | Fri 2027-01-15 12:00:00 |" in page
    assert "valid to Tue 2027-01-19 09:00 KST · rights checked for plan, apply and engine" in page
    assert " · seeds +8.00 EUR a month**" in page and f"sha256 `{pin}`" in page
    document = json.loads(show("--json"))
    jsonschema.validate(document, schemas.load("plan-1"))
    assert document["expect_sha"] == pin and [s["machine"] for s in document["forecast"]["starts"]] == ["web-01", "web-02"]


def test_an_old_file_says_until_when_by_the_estate_s_clocks(site: Site) -> None:
    """Screen 1 says "valid to" in the estate's time; so does the refusal."""
    kept(site)
    with pytest.raises(UserProblem, match=r"was valid until Tue 2027-01-19 09:00 KST") as told:
        in_time(read(FILE), FILE, NOW + 9e5)
    assert told.value.code == STALE


def test_the_hour_is_in_no_digest_and_in_the_bytes_to_ten_minutes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same input, byte-identical plan."""
    kept(site)
    digest, bytes_ = read(FILE).digest, FILE.read_bytes()
    monkeypatch.setattr("time.time", lambda: NOW + 599.0)
    kept(site)
    assert FILE.read_bytes() == bytes_
    monkeypatch.setattr("time.time", lambda: NOW + 3600.0)
    kept(site)
    assert FILE.read_bytes() != bytes_ and read(FILE).digest == digest


def test_only_what_the_plan_begins_is_foretold(site: Site) -> None:
    """Of a narrowed plan, the others neither begin nor cost anything."""
    found, _ = beside_a_plan(site.look(scope=Scope(machines=("web-02",))), Console(quiet=True))
    assert [one.machine for one in found.starts] == ["web-02"]
    assert found.seeds == {"koreacentral": 8 * GIB} and found.added == {"koreacentral": 4.0}
    site.go()
    found, _ = beside_a_plan(site.look(), Console(quiet=True))
    assert not found.starts and not beside.cost(found)
    site.files(waves=WAVE.replace("phase: replicate", "phase: migrate"))
    found, _ = beside_a_plan(site.look(scope=Scope(machines=("web-02",))), Console(quiet=True))
    assert [one.machine for one in found.cutovers] == ["web-02"]


def test_who_is_held_and_by_what_stands_at_the_head(site: Site) -> None:
    """users.md, screen 1: `held 1 (shop-web-02 INC-881)`, open and not folded, of three by name."""
    site.go()
    held = "{size: Standard_D2s_v5, hold: {why: INC-881}}"
    site.files(waves=WAVE.replace("phase: replicate", "phase: migrate").replace("web-02: Standard_D2s_v5", f"web-02: {held}"))
    kept(site)
    assert " · 1 waiting for a gate (web-02: held: INC-881)\n" in show("--markdown").partition("<details>")[0]


def test_blackout_windows_are_told_where_there_are_some(site: Site) -> None:
    """Whose they are: the appliance's, the wave's, the machine's own; a line about windows that do not exist is none."""
    site.go()
    site.files(waves=WAVE.replace("phase: replicate", "phase: migrate"))
    assert "blackout" not in text(site.look().plan)
    base = (site.folder / "estate.yaml").read_text()
    (site.folder / "estate.yaml").write_text(base.replace("role: primary,", 'role: primary, blackout: "Friday;18:00;5h",'))
    own = '{size: Standard_D2s_v5, blackout: "Monday;7:00;2h"}'
    site.files(waves=WAVE.replace("phase: replicate", "phase: migrate").replace("web-02: Standard_D2s_v5", f"web-02: {own}"))
    told = text(site.look().plan)
    assert told.count("in a blackout window (gw-1 ") == 2 and told.count(", web-02 ") == 1, told


def test_what_the_plan_adds_to_the_bill_is_unknown_rather_than_nothing(site: Site) -> None:
    site.files(prices="prices: {seed_gib_month: {japaneast: 0.5}}\n")
    found, _ = beside_a_plan(site.look(), Console(quiet=True))
    assert beside.cost(found) == "seeds cost unknown"


def test_names_of_others_are_no_markup(site: Site) -> None:
    """A datastore's name comes from vCenter: it mentions nobody, ends no cell and draws nothing on a terminal."""
    evil = "@all | <img> \x1b[2J"
    site.vms = {n: replace(v, disks=tuple(replace(d, datastore=evil) for d in v.disks)) for n, v in site.vms.items()}
    kept(site)
    page, found = show("--markdown"), beside.of_file(read(FILE), FILE)
    assert "<img>" not in page and "@all" not in page and "\x1b" not in page
    assert found is not None and "\x1b" not in beside.text(found) and "\\x1b" in beside.text(found)


@pytest.mark.parametrize(
    "damage",
    [
        "soon",
        [],
        {"at": 1.0},
        {"zone": "../../etc/passwd"},
        {"zone": "No/Where"},
        {"at": 1e300},
        {"starts": [{"machine": 1}]},
        {"more": 1},
        {"left_out": 7},
    ],
)
def test_a_forecast_that_means_nothing_is_refused(site: Site, damage: Any) -> None:
    """By somebody who computes the checksum anew: exit code 1 and WL401, never a traceback."""
    kept(site)
    file = read(FILE)
    made = {**file.forecast, **damage} if isinstance(damage, dict) and damage != {"at": 1.0} else damage
    FILE.write_bytes(dumps(file.plan, file.valid_until, str(site.folder), made))
    done = CliRunner().invoke(app, ["show", str(FILE)])
    assert done.exit_code == 1 and "WL401" in str(done.exception or done.output), (done.exception, done.output)
