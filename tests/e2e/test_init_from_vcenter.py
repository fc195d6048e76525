"""`wavelift init --from-vcenter` on a lab: what it writes explains what is left to fill in, and then plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from planner.config import load, read_lock
from wavelift.labs import Lab

FILLED = {
    '"<region>"': "koreacentral",
    '"<resource group>"': "{name: rg-trial, managed: true}",
    '"<virtual network>"': "vnet-trial\n    network_group: rg-network",
    'web: "<subnet>"': "web: snet-web",
    'db: "<subnet>"': "db: snet-db",
}


def vm(name: str, folder: str, **more: Any) -> dict[str, Any]:
    nics = [{"network": "VLAN120-db" if "DB" in name else "VLAN110-web"}]
    base = {"name": name, "host": "esx-01", "datastore": "ds-01", "disks": [{"gib": 0.01}], "nics": nics}
    return {**base, "folder": folder, **more}


VMS = [
    vm("SHOP DB 01", "/Seoul/vm/shop", cpus=8, memory_mb=65536, disks=[{"gib": 0.01}] * 3),
    vm("shop-web-01", "/Seoul/vm/shop"),
    vm("shop-web-02", "/Seoul/vm/shop", hw="vmx-04"),
    vm("same", "/Seoul/vm/erp team", cpus=4, memory_mb=8192),
    vm("same", "/Seoul/vm/old"),
    vm("jump-01", "/Seoul/vm"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("init")
    inventory = {
        "datacenters": ["Seoul"],
        "hosts": ["esx-01"],
        "datastores": [{"name": "ds-01", "capacity_gib": 64}],
        "networks": ["VLAN110-web", "VLAN120-db"],
        "vms": VMS,
    }
    (folder / "inventory.yaml").write_text(yaml.safe_dump(inventory))
    made = Lab(folder / "lab")
    made.start(["--inventory", str(folder / "inventory.yaml")], [])
    yield made
    made.stop()


def run(*words: str) -> Result:
    from wavelift.cli.app import app

    return CliRunner().invoke(app, list(words))


@pytest.fixture
def estate(lab: Lab, tmp_path: Path) -> Path:
    done = run("init", "-C", str(tmp_path), "--lab", str(lab.folder), "--from-vcenter", "all")
    assert done.exit_code == 0, done.output
    return tmp_path


def fill(estate: Path) -> None:
    path = estate / "targets.yaml"
    text = path.read_text()
    for placeholder, value in FILLED.items():
        assert placeholder in text
        text = text.replace(placeholder, value)
    path.write_text(text)


def test_validate_names_every_placeholder(estate: Path) -> None:
    """users.md, The weeks 3: what only the author knows is a placeholder, and `validate` says what belongs there."""
    found = load(estate).diagnostics
    assert {d.code for d in found} == {"WL191"}
    assert len(found) == len(FILLED)
    assert all("still to be filled in: write " in d.detail for d in found)
    assert run("fmt", "-C", str(estate), "--check").exit_code == 0, "it is written as fmt lays it out"


def test_the_result_plans(estate: Path) -> None:
    """users.md, The weeks 3: filled in, it is valid, pinned, and a plan has no problem."""
    fill(estate)
    loaded = load(estate)
    assert loaded.diagnostics == ()
    assert loaded.estate is not None
    machines = loaded.estate.machines
    assert set(machines) == {"shop-db-01", "shop-web-01", "same", "same-2", "jump-01"}
    assert machines["shop-db-01"].size == ("Standard_E8s_v5",)
    assert machines["same"].size == ("Standard_F4s_v2",)
    assert {machines["same"].vm, machines["same-2"].vm} == {"/Seoul/vm/erp team/same", "/Seoul/vm/old/same"}
    assert {name: wave.machines for name, wave in loaded.estate.waves.items()} == {
        "shop": ("shop-db-01", "shop-web-01"),
        "erp-team": ("same",),
        "old": ("same-2",),
        "unsorted": ("jump-01",),
    }
    assert set(read_lock(estate)[0].machines) == set(machines)
    assert run("lab", "networks", "-C", str(estate)).exit_code == 0
    done = run("plan", "-C", str(estate))
    assert done.exit_code == 0, done.output
    assert "start to replicate 3 disks" in done.output


def test_what_cannot_replicate_is_a_comment(estate: Path) -> None:
    """users.md, The weeks 3: no live surprises: a VM that would block the plan is left out, with the reason beside it."""
    text = (estate / "waves" / "shop.yaml").read_text()
    assert "# shop-web-02: Standard_F2s_v2" in text
    assert "#   left out: its virtual hardware is version 4" in text


def test_it_is_written_once(estate: Path) -> None:
    """users.md, The weeks 3: a second time writes nothing; what is there belongs to its authors."""
    before = {path: path.read_text() for path in sorted(estate.rglob("*.yaml"))}
    again = run("init", "-C", str(estate), "--from-vcenter", "erp team")
    assert again.exit_code == 1
    assert "are in the estate already" in str(again.exception)
    assert {path: path.read_text() for path in sorted(estate.rglob("*.yaml"))} == before


def test_a_part_of_the_inventory(lab: Lab, tmp_path: Path) -> None:
    """issue 4, Editing: a folder or a pattern; what is not there is answered with the nearest."""
    assert run("init", "-C", str(tmp_path), "--lab", str(lab.folder), "--from-vcenter", "*/shop/*").exit_code == 0
    assert sorted(p.name for p in (tmp_path / "waves").iterdir()) == ["shop.yaml"]
    assert run("init", "-C", str(tmp_path), "--from-vcenter", "/Seoul/vm/old").exit_code == 0
    wrong = run("init", "-C", str(tmp_path), "--from-vcenter", "erp-team")
    assert "Did you mean `erp team`?" in str(wrong.exception)
    assert "tags are not in the API" in str(run("init", "-C", str(tmp_path), "--from-vcenter", "tag:x").exception)
    empty = tmp_path / "empty"
    assert "declares no source" in str(run("init", "-C", str(empty), "--from-vcenter", "all").exception)
