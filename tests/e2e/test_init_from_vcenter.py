"""`wavelift init --from-vcenter` on a lab: what it writes explains what is left to fill in, and then plans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from planner.config import load, read_lock
from providers.secrets import Credentials
from providers.vmware.tls import Endpoint
from tests.vmware.tagged import Subject
from wavelift.labs.lab import Lab

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


@pytest.fixture(scope="module")
def tags(lab: Lab) -> Subject:
    """wave/pilot on two VMs and a folder, owner/shop and wave/shop on one each, wave/none on nothing."""
    at = lab.known["vcenter"]
    login = Credentials(at["user"], at["password"])
    made = Subject(Endpoint("lab", "127.0.0.1", at["port"], ca=str(lab.known["ca"])), login, lab=True)
    refs = {name: ref for ref, name in made.all("VirtualMachine", "name").items()}
    wave, owner = made.category("wave"), made.category("owner")
    both = [("VirtualMachine", refs[name]) for name in ("jump-01", "shop-web-01")]
    made.tag(wave, "pilot", *both, ("Folder", made.folder()))
    made.tag(wave, "shop", ("VirtualMachine", refs["SHOP DB 01"]))
    made.tag(owner, "shop", ("VirtualMachine", refs["jump-01"]))
    made.tag(wave, "none")
    return made


def test_by_a_tag_of_vcenter(lab: Lab, tags: Subject, tmp_path: Path) -> None:
    """W3: `--from-vcenter tag:CATEGORY/NAME` writes the VMs that carry it, pinned; said how many other objects do."""
    done = run("init", "-C", str(tmp_path), "--lab", str(lab.folder), "--from-vcenter", "tag:wave/pilot")
    assert done.exit_code == 0, done.output
    assert "1 objects that are no VMs" in done.output
    assert set(read_lock(tmp_path)[0].machines) == {"jump-01", "shop-web-01"}
    again = run("init", "-C", str(tmp_path), "--from-vcenter", "tag:pilot")
    assert "are in the estate already" in str(again.exception)
    assert run("init", "-C", str(tmp_path), "--from-vcenter", "tag:WAVE/Shop").exit_code == 0
    assert set(read_lock(tmp_path)[0].machines) == {"jump-01", "shop-web-01", "shop-db-01"}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("tag:shop", ("Several tags", "`tag:owner/shop` or `tag:wave/shop`")),
        ("tag:wave/pilto", ("Did you mean `wave/pilot`?", "wave has wave/none")),
        ("tag:wav/pilot", ("Did you mean `wave/pilot`?", "Categories are owner, wave")),
        ("tag:wave/none", ("No VM of lab carries",)),
    ],
)
def test_a_tag_that_is_not_the_one(lab: Lab, tags: Subject, tmp_path: Path, wanted: str, words: tuple[str, ...]) -> None:
    """W3: not found, ambiguous, on nothing: each says what to write, and nothing is written."""
    done = run("init", "-C", str(tmp_path), "--lab", str(lab.folder), "--from-vcenter", wanted)
    assert done.exit_code == 1 and all(word in str(done.exception) for word in words), done.exception
    assert not (tmp_path / "waves").exists()


def test_tags_that_may_not_be_read(lab: Lab, tags: Subject, tmp_path: Path) -> None:
    """W3: a login without the right is told which one it lacks."""
    lab.control("vcenter", "POST", "settings", {"denied": ["System.Read"]})
    try:
        done = run("init", "-C", str(tmp_path), "--lab", str(lab.folder), "--from-vcenter", "tag:wave/pilot")
    finally:
        lab.control("vcenter", "POST", "settings", {"denied": []})
    assert done.exit_code == 1 and "System.Read on tags" in str(done.exception), done.exception


def test_four_hundred_machines(tmp_path: Path) -> None:
    """W3: an estate for 400 VMs that `validate` and `plan` accept; the second time changes no file. All of it 4 s."""
    lab = Lab(tmp_path / "lab")
    lab.start(["--vms", "400", "--disk-gib", "0.01"], [])
    estate = tmp_path / "estate"
    try:
        done = run("init", "-C", str(estate), "--lab", str(lab.folder), "--from-vcenter", "all")
        assert done.exit_code == 0 and "400 machines" in done.output, done.output
        filled = {"region": "koreacentral", "resource group": "{name: rg-trial, managed: true}", "subnet": "snet-a"}
        filled["virtual network"] = "vnet-trial\n    network_group: rg-network"
        for path in estate.glob("*.yaml"):
            path.write_text(re.sub(r'"<([a-z ]+)>"', lambda found: filled[found[1]], path.read_text()))
        before = {path: path.read_bytes() for path in sorted(estate.rglob("*.yaml"))}
        again = run("init", "-C", str(estate), "--from-vcenter", "all")
        assert again.exit_code == 1 and "All 400 VMs" in str(again.exception)
        assert {path: path.read_bytes() for path in sorted(estate.rglob("*.yaml"))} == before
        valid = run("validate", "-C", str(estate))
        assert valid.exit_code == 0, valid.output
        assert run("lab", "networks", "-C", str(estate)).exit_code == 0
        plan = run("plan", "-C", str(estate))
        assert plan.exit_code == 0 and "start to replicate 400 machines" in plan.output, plan.output[-2000:]
    finally:
        lab.stop()


def test_a_part_of_the_inventory(lab: Lab, tmp_path: Path) -> None:
    """issue 4, Editing: a folder or a pattern; what is not there is answered with the nearest."""
    assert run("init", "-C", str(tmp_path), "--lab", str(lab.folder), "--from-vcenter", "*/shop/*").exit_code == 0
    assert sorted(p.name for p in (tmp_path / "waves").iterdir()) == ["shop.yaml"]
    assert run("init", "-C", str(tmp_path), "--from-vcenter", "/Seoul/vm/old").exit_code == 0
    wrong = run("init", "-C", str(tmp_path), "--from-vcenter", "erp-team")
    assert "Did you mean `erp team`?" in str(wrong.exception)
    empty = tmp_path / "empty"
    assert "declares no source" in str(run("init", "-C", str(empty), "--from-vcenter", "all").exception)
