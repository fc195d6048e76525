"""`wavelift apply` of a first plan whose outside answers at once: what the tool itself costs. One run in one process.

    python -m tests.bench.apply_once FOLDER

Everything is what the command does (files, plan, lock, journal with a sync before each call, state), but that the inventory is
recorded and that the cloud, the engine's documents and vCenter accept what they are asked for and do nothing.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from planner.apply import Outside, Reporter
from planner.inventory import loads
from planner.ports import Json, Made, ResourceRef
from replication.model.item import Item, Order
from tests.bench.estates import INVENTORY, OBSERVED
from tests.bench.full import attributes
from tests.bench.plan_once import ITEM, NoEngine, RecordedCloud
from wavelift.applying.apply import apply
from wavelift.planning.look import look
from wavelift.workspace import Workspace


class Done:
    """`planner.ports.Operation` that has happened."""

    token = None

    def __init__(self, made: Made) -> None:
        self._made = made

    def result(self) -> Made:
        return self._made


class WillingCloud(RecordedCloud):
    """`planner.ports.ArtifactProvider` that makes nothing and says that it has."""

    def begin(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Done:
        return Done(self.create(ref, spec))

    def resume(self, ref: ResourceRef, spec: Mapping[str, Json], token: str) -> Done:
        return self.begin(ref, spec)

    def create(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Made:
        return Made(ref.id, attributes(ref.kind, ref.id))

    def update(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Made:
        return self.create(ref, spec)

    def delete(self, ref: ResourceRef) -> None:
        return None


class WillingEngine(NoEngine):
    """`planner.engine.EngineWriter` and `TrackingSwitch` that take everything."""

    def put_item(self, account: str, item: Item) -> str:
        return ITEM

    def put_order(self, account: str, order: Order) -> None:
        return None

    def has_order(self, account: str, machine: str, number: int) -> bool:
        return False

    def acknowledge(self, account: str, machine: str, since: float, word: str, why: str) -> None:
        return None

    def enable_tracking(self, source: str, machine: str) -> None:
        return None


def main(folder: Path) -> None:
    workspace = Workspace.open(folder / "estate")
    cloud, engine = WillingCloud(folder / OBSERVED), WillingEngine()
    looked = look(workspace, loads((folder / INVENTORY).read_text()), cloud, engine)
    outside = Outside(cloud, engine, engine, lambda: 1.8e9)
    outcome = apply(workspace, looked, outside, 10, threading.Event(), Reporter())
    if not outcome.complete:
        raise AssertionError(outcome)
    print(len(outcome.done))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
