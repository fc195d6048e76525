"""A right estate: what the files say is what the planner sees, with every default resolved."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from planner.config import load, read_sources, render
from planner.estate import (
    BlackoutPolicy,
    CutoverPolicy,
    Estate,
    Hold,
    Phase,
    SecretRef,
    ShutdownPolicy,
    Span,
    ThrottleException,
    ThrottlePolicy,
)

CASES = Path(__file__).parents[1] / "cases" / "config"
GOOD = CASES / "good-seoul"


def load_good(folder: Path) -> Estate:
    loaded = load(folder, env={})
    assert loaded.estate is not None, render(loaded.diagnostics, read_sources(loaded.diagnostics))
    assert loaded.diagnostics == ()
    return loaded.estate


@pytest.fixture
def estate(monkeypatch: pytest.MonkeyPatch) -> Estate:
    monkeypatch.chdir(GOOD)
    return load_good(Path())


def as_json(estate: Estate) -> str:
    def plain(value: object) -> Any:
        if isinstance(value, Span):
            return str(value)
        if isinstance(value, Enum):
            return value.value
        assert dataclasses.is_dataclass(value)
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}

    return json.dumps(estate, default=plain, indent=1, ensure_ascii=False) + "\n"


def test_the_whole_estate(estate: Estate) -> None:
    """D1: sources, targets, blackout windows, throttles, waves and machines, resolved. UPDATE=1 writes it anew."""
    golden = GOOD / "expected.json"
    if os.environ.get("UPDATE"):
        golden.write_text(as_json(estate), encoding="utf-8")
    assert as_json(estate) == golden.read_text(encoding="utf-8")


def test_defaults_fall_through(estate: Estate) -> None:
    """users.md "The estate" 2: estate -> target -> wave -> machine, the nearest wins, and its line is known."""
    wiki, erp, db = (estate.machines[n] for n in ("wiki-01", "erp-01", "erp-db"))
    assert (wiki.disk_type, erp.disk_type, db.disk_type) == (
        "StandardSSD_LRS",
        "Premium_LRS",
        "StandardSSD_ZRS",
    )
    assert (wiki.quiesce, erp.quiesce, db.quiesce) == (False, True, False)
    assert (wiki.phase, erp.phase, db.phase) == (Phase.COMPLETE, Phase.REPLICATE, Phase.TEST)
    assert erp.tags == {"cost-unit": "0123", "site": "tokyo", "COST": "x", "wave": "on"}
    assert db.tags["site"] == "1e3"
    assert str(erp.spans["disk"]) == "estate.yaml:29:89"
    assert str(db.spans["phase"]) == "waves/shop.yml:24:47"
    assert str(erp.spans["phase"]) == "waves/shop.yml:17:12"


def test_policies_by_name_and_inline(estate: Estate) -> None:
    """users.md "The estate" 3; S13 and S14 as the appliance gets them."""
    one, two = estate.appliances["gw-1"], estate.appliances["gw-2"]
    office = "Monday;8:00;11h | Tuesday;8:00;11h | Wednesday;8:00;11h | Thursday;8:00;11h | Friday;8:00;11h"
    freeze = ThrottleException("2026-12-31/2027-01-02", None)
    assert one.throttle == ThrottlePolicy(1_000_000_000, (ThrottleException(office, 200_000_000), freeze), "wan")
    assert two.throttle == ThrottlePolicy(1_500_000_000)
    assert one.blackout == BlackoutPolicy("Friday;18:00;5h | Monday;7:00;2h", "payroll")
    assert two.blackout == BlackoutPolicy("Friday;18:00;5h | Monday;7:00;2h")
    assert (one.schedule.delta_minimum, one.schedule.delta_cap, one.schedule.retry_after) == (3600, 43200, 90)
    assert (two.limits.disks_per_appliance, two.limits.snapshot_hours, two.source) == (16, 1.5, "seoul")
    assert (two.limits.recheck, two.limits.foreign_snapshot_hours) == (0.02, 6.0)
    cutovers = {
        name: estate.machines[name].cutover for name in ("shop-web-01", "shop-db-01", "erp-01", "wiki-01")
    }
    assert cutovers == {
        "shop-web-01": CutoverPolicy(ShutdownPolicy("guest", 600, "force")),
        "shop-db-01": CutoverPolicy(ShutdownPolicy("force")),
        "erp-01": CutoverPolicy(ShutdownPolicy("none"), in_blackout="refuse"),
        "wiki-01": CutoverPolicy(),
    }


def test_machines(estate: Estate) -> None:
    """users.md "The estate" 7 and 8: names, disks and adapters as people write them."""
    assert list(estate.machines)[:3] == ["wiki-01", "jump-01", "shop-db-01"], "in the order of the files"
    db = estate.machines["shop-db-01"]
    assert db.vm == "/Seoul/vm/shop/SHOP DB 01"
    assert db.size == ("Standard_E8s_v5", "Standard_E8as_v5")
    disks = {key: (wish.type, wish.gib, wish.skip) for key, wish in db.disks.items()}
    assert disks == {
        "os": ("Premium_LRS", None, False),
        "scsi0:1": ("Premium_LRS", 1024, False),
        "scsi0:2": (None, None, True),
        "Hard disk 4": (None, 64, False),
    }
    nics = {key: (wish.ip, wish.subnet, wish.skip) for key, wish in estate.machines["shop-web-01"].nics.items()}
    assert nics == {1: ("10.20.1.11", None, False), 2: (None, None, True), 3: (None, "snet-db", False)}
    assert estate.machines["shop-web-02"].hold == Hold("INC-881", "2027-01-20")
    assert estate.machines["erp-db"].hold == Hold("later")
    assert estate.waves["erp"].after == {"shop": "completed"}
    assert estate.targets["japan"].zone == "2"


def test_file_names_are_relative_to_the_estate() -> None:
    """The folder may be named from anywhere; secrets are references and are not looked up."""
    folder = GOOD.relative_to(Path.cwd()) if GOOD.is_relative_to(Path.cwd()) else GOOD
    estate = load_good(folder)
    assert estate.state_path == str(folder / "state/seoul.json")
    assert estate.sources["seoul"].ca == str(folder / "certs/corp-ca.pem")
    assert estate.azure.login is not None
    assert estate.azure.login.engine == SecretRef("file", "/etc/wavelift/az.json")
    assert estate.azure.login.plan == SecretRef("env", "AZ_RO")


def test_digest_is_of_what_the_files_say(estate: Estate, tmp_path: Path) -> None:
    """The same estate elsewhere, with other comments and in other files, has the same digest; a change has another."""
    shutil.copytree(GOOD, tmp_path / "copy")
    pilot = tmp_path / "copy" / "waves" / "pilot.yaml"
    text = pilot.read_text(encoding="utf-8")
    pilot.unlink()
    moved = tmp_path / "copy" / "z.yaml"
    moved.write_text("# moved\n" + text, encoding="utf-8")
    assert load_good(tmp_path / "copy").digest == estate.digest
    moved.write_text(text.replace("Standard_B2s_v2", "Standard_B4s_v2"), encoding="utf-8")
    assert load_good(tmp_path / "copy").digest != estate.digest


def test_aliases_are_read(tmp_path: Path) -> None:
    """An alias stands for its anchor's value, in several places."""
    shutil.copytree(CASES / "_base", tmp_path, dirs_exist_ok=True)
    text = "waves: {a: {target: korea, machines: {m-1: &m {size: Standard_D2s_v5, quiesce: true}, m-2: *m}}}\n"
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    machines = load_good(tmp_path).machines
    assert machines["m-1"].quiesce
    assert machines["m-2"].size == ("Standard_D2s_v5",)


def test_windows_by_week_and_date_per_wave_and_machine(estate: Estate) -> None:
    """The estate 4, S14: by name or inline; a wave's and a machine's stand beside the appliance's."""
    weekdays = " | ".join(f"{day};9:00;3h" for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"))
    dates = "2026-12-31/2027-01-02 | 2027-01-17 01:00/05:00"
    assert estate.machines["erp-db"].blackout == BlackoutPolicy(f"{weekdays} | Saturday;8:00;1d7h | {dates}", "db_hours")
    assert estate.waves["erp"].blackout == BlackoutPolicy("Sunday;22:00;8h")
    assert estate.machines["erp-01"].blackout is None
    assert estate.machines["erp-01"].cutover.in_blackout == "refuse"
    assert estate.appliances["gw-1"].schedule.initial_in_blackout == "release-and-resume"
