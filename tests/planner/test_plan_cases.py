"""Golden plans: a folder of inputs and what `plan` says about them. UPDATE=1 writes the texts anew; see `make_cases`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from planner.config import read_sources, render
from planner.explain import summary, text, to_json
from planner.inventory import loads
from planner.plan import World, plan
from planner.planfile import digest_of
from planner.ports import Lack, Need, Observed, ResourceRef
from replication.model.documents import load_record
from replication.model.item import Item, Order, OrderKind
from replication.model.record import Record
from replication.model.status import Status
from tests.fakes.items import items_of
from tests.fakes.provider import Granted
from tests.planner.make_cases import TOLD
from tests.planner.site import BASE
from wavelift.planning.look import Looked, look, references
from wavelift.workspace import Workspace

CASES = BASE.parent
NAMES = sorted(p.name for p in CASES.iterdir() if p.is_dir() and not p.name.startswith("_"))


class Recorded:
    """`ArtifactReader` and `EngineReader` that say what a file says."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._azure: dict[str, Any] = document["azure"]
        self.told: dict[str, Item] = {}
        self._missing: list[str] = document["missing_access"]
        self._engine = {
            account: [load_record(json.dumps(d).encode()) for d in records] for account, records in document["engine"].items()
        }

    def principal(self) -> str:
        return "00000000-0000-4000-8000-0000000000aa"

    def observe(self, wanted: Sequence[ResourceRef]) -> dict[str, Observed | None]:
        return {ref.address: self._one(ref) for ref in wanted}

    def _one(self, ref: ResourceRef) -> Observed | None:
        found = self._azure.get(ref.id.lower())
        return None if found is None else Observed(ref.id, found["properties"], {}, found["ours"])

    def missing_access(self, needs: Sequence[Need]) -> list[Lack]:
        return [Lack(need, need.scope) for need in needs if need.role in self._missing]

    def records(self, account: str) -> dict[str, Record]:
        return {r.machine: r for r in self._engine.get(account, ())}

    def items(self, account: str) -> dict[str, Item]:
        return self.told

    def changed_items(self, account: str, versions: Mapping[str, str]) -> dict[str, Item | None]:
        return dict(self.told)

    def order(self, account: str, machine: str, number: int) -> Order:
        """Every order that was sent is there; what one of them made is recorded with no spec here."""
        return Order(machine, number, "recorded", OrderKind.CLEAN_UP, "", "", 0.0)

    def statuses(self, account: str, machines: Collection[str] | None = None) -> dict[str, Status]:
        return {}


def planned(name: str, folder: Path) -> Looked:
    """The case's plan, made in `folder`."""
    shutil.copytree(BASE, folder, dirs_exist_ok=True)
    shutil.copytree(CASES / name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("plan.*"))
    if (folder / "recorded.json").exists():
        (folder / "recorded.json").rename(folder / "state.json")
    document = json.loads((folder / "observed.json").read_text())
    world = Recorded(document)
    inventory = loads((folder / "inventory.json").read_text())
    workspace = Workspace.open(Path())
    world.told = items_of(workspace.view().state)
    return look(workspace, inventory, world, world, vcenter=Granted(), **document["ask"])


def said(looked: Looked) -> str:
    """What the command prints, on both streams."""
    made = looked.plan
    notes = "".join(render(found, read_sources(found)) + "\n" for found in (made.warnings, made.errors) if found)
    return notes + (summary(made) + "\n" if made.errors else text(made))


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D2: desired, recorded and observed give this plan, with these words."""
    monkeypatch.chdir(tmp_path)
    looked = planned(name, tmp_path)
    golden = CASES / name / "plan.txt"
    if os.environ.get("UPDATE"):
        golden.write_text(said(looked), encoding="utf-8")
    assert said(looked) == golden.read_text(encoding="utf-8")
    again = planned(name, tmp_path)
    assert digest_of(again.plan) == digest_of(looked.plan)
    assert json.dumps(to_json(again.plan)) == json.dumps(to_json(looked.plan))
    # what a look with no surprise leaves out must not matter: the plan made from all that was seen says the same
    document = json.loads((tmp_path / "observed.json").read_text())
    cloud, allowed = Recorded(document), document["ask"].get("allow_destroy")
    refs = references(plan(looked.desired, looked.state, World(machines=looked.records), allowed), looked.desired, looked.state)
    whole = plan(looked.desired, looked.state, World(cloud.observe(refs), looked.records), allowed)
    for part in ("steps", "deferred", "in_progress", "kept", "drift"):
        assert getattr(whole, part) == getattr(looked.plan, part), part


def test_every_story_is_kept() -> None:
    """Each story of `make_cases` has its folder, and no folder is left of one that is told no more."""
    assert sorted(TOLD) == NAMES


def test_the_plan_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D4: the form that scripts read; a golden document of a small plan."""
    monkeypatch.chdir(tmp_path)
    shown = json.dumps(to_json(planned("migrate-from-test", tmp_path).plan), indent=1, ensure_ascii=False) + "\n"
    golden = CASES / "migrate-from-test" / "plan.json"
    if os.environ.get("UPDATE"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")
