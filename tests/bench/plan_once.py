"""`wavelift plan` with what the network would say read from files: one run in one process.

    python -m tests.bench.plan_once FOLDER [--profile] [--alone]

Everything is what the command does (`Workspace.open`, `wavelift.planning.look.look`, the forecast, `planner.explain.text`), but
that the inventory is loaded from its recorded snapshot, the cloud answers from a file, and there is no engine yet. `--alone`:
without the forecast, which simulates up to 1,000 machines and leaves more of them out.
"""

from __future__ import annotations

import gc
import marshal
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from planner.ports import Json, Lack, Need, Observed, ResourceRef, Tagged
from replication.model.documents import load_record
from replication.model.item import Item
from replication.model.record import Record
from replication.model.status import Status
from tests.bench.estates import INVENTORY, OBSERVED
from wavelift.__main__ import leave

if TYPE_CHECKING:
    from wavelift.planning.look import Looked

RECORDS = "records.jsonl"
ITEM = "0x8DCF0A1B2C3D4E5"
"""ETag of every machine's item."""


class RecordedCloud:
    """`planner.ports.ArtifactReader` that answers from a file: what it does not hold is not there."""

    def __init__(self, path: Path) -> None:
        self._found: dict[str, dict[str, Json]] = marshal.loads(path.read_bytes())

    def principal(self) -> str:
        return "00000000-0000-4000-8000-0000000000aa"

    def tagged(self, subscriptions: Sequence[str]) -> list[Tagged]:
        return []

    def observe(self, wanted: Sequence[ResourceRef]) -> dict[str, Observed | None]:
        return {ref.address: self._one(ref) for ref in wanted}

    def missing_access(self, needs: Sequence[Need]) -> list[Lack]:
        return []

    def _one(self, ref: ResourceRef) -> Observed | None:
        properties = self._found.get(ref.id.lower())
        return None if properties is None else Observed(ref.id, properties)


class NoEngine:
    """`planner.engine.EngineReader` before the first apply."""

    listed: Mapping[str, str] = {}
    """Machine -> ETag of its item."""

    def records(self, account: str) -> dict[str, Record]:
        return {}

    def items(self, account: str) -> dict[str, Item]:
        return {}

    def changed_items(self, account: str, versions: Mapping[str, str]) -> dict[str, Item | None]:
        """By the ETags of a listing, all of them those that the state has."""
        return {machine: None for machine, etag in versions.items() if self.listed.get(machine) == etag}

    def order(self, account: str, machine: str, number: int) -> None:
        return None

    def statuses(self, account: str, machines: Collection[str] | None = None) -> dict[str, Status]:
        return {}


class RecordedEngine(NoEngine):
    """Records of one region's store, read from a file; those of every machine stand in it."""

    def __init__(self, path: Path) -> None:
        self._lines = path.read_bytes().splitlines()
        self._asked = False

    def records(self, account: str) -> dict[str, Record]:
        if self._asked:
            return {}
        self._asked = True
        found = {record.machine: record for record in map(load_record, self._lines)}
        self.listed = dict.fromkeys(found, ITEM)
        return found


def see(folder: Path, mark: Callable[[str], None]) -> Looked:
    """Files and what is recorded of everything else, planned. `mark` is told what has just been done."""
    from planner.inventory import loads
    from wavelift.planning.look import look
    from wavelift.workspace import Workspace

    mark("import")
    workspace = Workspace.open(folder / "estate")
    mark("files")
    inventory = loads((folder / INVENTORY).read_text())
    mark("inventory")
    engine = RecordedEngine(folder / RECORDS) if (folder / RECORDS).exists() else NoEngine()
    looked = look(workspace, inventory, RecordedCloud(folder / OBSERVED), engine)
    mark("plan")
    if looked.plan.errors:
        raise AssertionError(f"{len(looked.plan.errors)} problems, the first: {looked.plan.errors[0]}")
    return looked


def run(folder: Path, mark: Callable[[str], None]) -> str:
    """The plan's text, and what is foretold of it."""
    from planner.explain import text
    from wavelift.cli.console import Console
    from wavelift.cli.forecast import beside_a_plan
    from wavelift.forecasting import beside

    looked = see(folder, mark)
    if "--alone" in sys.argv:
        return text(looked.plan)
    found, _ = beside_a_plan(looked, Console(quiet=True))
    mark("forecast")
    out = text(looked.plan) + beside.text(found)
    mark("text")
    return out


def main(folder: Path, profiled: bool) -> None:
    began = time.perf_counter()

    def mark(what: str) -> None:
        sys.stderr.write(f"{what:10}{time.perf_counter() - began:7.2f} s\n")

    if profiled:
        import cProfile
        import pstats

        profile = cProfile.Profile()
        profile.runcall(run, folder, mark)
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(45)
        return
    gc.disable()  # as the command does: see `wavelift.__main__.SHORT`
    sys.stdout.write(run(folder, mark if "-v" in sys.argv else lambda what: None))
    leave(0)  # likewise


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--profile" in sys.argv)
