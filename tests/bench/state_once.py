"""The state's journal for 3,000 steps of ten at once: an intent that is waited for and an outcome each, folded at the end.

    python -m tests.bench.state_once file|blob FOLDER

Prints the seconds. `blob` is in the lab's Azure, a process of its own whose every answer takes 10 ms more.
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from planner.artifact import Kind
from planner.state import Recorded
from planner.store import LeasedStore, LocalStore, StateStore
from planner.store.effects import Put

STEPS, AT_ONCE = 3000, 10
LINEAGE = "11111111-0000-4000-8000-000000000000"


def store_in(place: str, folder: Path) -> StateStore:
    if place == "file":
        return LocalStore(folder / "state.json", "bench", LINEAGE)
    from providers.azure.stateblobs import AzureStateBlobs
    from tests.azure.support import world

    world().lab.control("POST", "faults", {"match": "^blob ", "action": "delay", "count": 0, "seconds": 0.01})
    blobs = AzureStateBlobs(world().session, world().endpoint("gateway_store"), "gateway")
    return LeasedStore(blobs, "bench.json", "bench", LINEAGE)


def steps(store: StateStore) -> float:
    """Seconds from taking the lock to giving it back."""
    guard = threading.Lock()
    before = time.perf_counter()
    with store.session("bench") as session:

        def step(number: int) -> None:
            address = f"seed_disk.vm-{number:05}/2000"
            session.journal.intent(address, "Create", spec="0" * 64)
            spec = {"account": {"$ref": "seed_store.korea#blob_endpoint"}, "bytes": 1 << 37, "container": "seeds"}
            arm = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/seeds/{address}"
            effects = [Put(Recorded(address, Kind.SEED_DISK, arm, spec, ("seed_store.korea",), {"url": arm}, f"vm-{number}"))]
            session.journal.done(address, effects)
            with guard:
                session.record(effects)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(step, range(STEPS)):
                pass
    return time.perf_counter() - before


def main() -> None:
    store = store_in(sys.argv[1], Path(sys.argv[2]))
    took = steps(store)
    found = len(store.read().state.artifacts)
    if found != STEPS:
        raise AssertionError(f"{found} of {STEPS} steps were recorded")
    print(took)


if __name__ == "__main__":
    main()
