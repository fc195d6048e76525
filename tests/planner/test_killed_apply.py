"""kill -9 in the middle of an apply, at every event of its journal: plan and apply again, and all is as if nothing had been."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from planner.state import State
from planner.store import LocalStore, lineage_of
from planner.store.journal import Journal, replay
from tests.planner.site import Site, scratch, vm
from wavelift.workspace import Workspace

WAVES = """\
waves:
  pilot:
    target: korea
    phase: {phase}
    machines: {{web-01: Standard_D2s_v5}}
"""
KILLED = 9


class Doomed(Journal):
    """Ends the process at one of its lines, before or after it is written; `left` counts all lines, or those of `event`."""

    left = 0
    after = False
    event = ""
    counting = threading.Lock()

    def _append(self, entry: dict[str, Any]) -> None:
        with Doomed.counting:
            counts = Doomed.event in ("", entry.get("event"))
            Doomed.left -= counts
            last = counts and Doomed.left == 0
        if last and not Doomed.after:
            os._exit(KILLED)
        super()._append(entry)
        if last:
            os._exit(KILLED)


class DoomedStore(LocalStore):
    def journal(self, state: State) -> Journal:
        return Doomed(self.path.with_name(self.path.name + ".journal"), state.lineage, state.serial)


@contextmanager
def folder() -> Iterator[Path]:
    here = Path.cwd()
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(here)


def site(at: Path, phase: str) -> Site:
    found = Site(Path(), vm(1, "web-01", (8, 16)), cloud=at / "cloud.pickle")
    found.files(waves=WAVES.format(phase=phase))
    return found


def killed_at(at: Path, phase: str, line: int, after: bool, event: str = "") -> bool:
    """Apply in a process that dies at this line of the journal; False when it came to its end before."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            Doomed.left, Doomed.after, Doomed.event = line, after, event
            here = site(at, phase)
            workspace = Workspace.open(Path())
            doomed = DoomedStore(Path(workspace.estate.state_path), workspace.estate.name, lineage_of(workspace.estate))
            workspace.__dict__["store"] = doomed
            code = 0 if here.apply(here.look(), workspace=workspace).complete else 2
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED), code
    return code == KILLED


def ends(at: Path, phase: str) -> dict[str, object]:
    """Apply and let the engine work until nothing is left to do; what is recorded and what is there then."""
    for _ in range(6):
        here = site(at, phase)
        looked = here.look()
        assert not looked.plan.errors, looked.plan.errors
        if not looked.plan.steps and not looked.plan.in_progress:
            break
        assert here.apply(looked).complete
        here.settle()
    else:
        raise AssertionError("never quiet")
    state = here.workspace.view().state
    twice = [i for i, n in Counter(here.azure.contents.made).items() if n > 1]
    assert twice == [], f"made twice: {twice}"
    orders = [n for d in here.engine.stores.values() for n in d.orders]
    return {
        "artifacts": {a: (r.id, r.spec, r.attributes) for a, r in state.artifacts.items()},
        "machines": state.machines,
        "things": {k: t.spec for k, t in here.azure.contents.things.items()},
        "orders": orders,
    }


@cache
def undisturbed(phase: str) -> dict[str, object]:
    with folder() as at:
        prepared(at, phase)
        return ends(at, phase)


def prepared(at: Path, phase: str) -> None:
    """The first apply starts from nothing; the others from a machine in delta sync: always the same files."""
    if phase != "replicate":
        shutil.copytree(in_delta_sync(), at, dirs_exist_ok=True, symlinks=True)


@cache
def in_delta_sync() -> Path:
    made = tempfile.TemporaryDirectory(dir=scratch())
    atexit.register(made.cleanup)
    at = Path(made.name)
    here = Path.cwd()
    os.chdir(at)
    try:
        ends(at, "replicate")
    finally:
        os.chdir(here)
    return at


@pytest.mark.parametrize("phase", ["replicate", "complete"])
@pytest.mark.parametrize("after", [False, True], ids=["before the line", "after the line"])
def test_killed_at_every_line(phase: str, after: bool) -> None:
    """Issue 2, "a kill -9 in the middle of an apply": run again, it finishes; nothing is made twice, no order sent twice."""
    wanted = undisturbed(phase)
    line = 0
    while True:
        line += 1
        with folder() as at:
            prepared(at, phase)
            if not killed_at(at, phase, line, after):
                break
            consistent(at)
            assert ends(at, phase) == wanted, f"killed at line {line}"
    assert line > 2, "nothing was ever killed"


def consistent(at: Path) -> None:
    """What the journal says was done is there; what is there and not said to be done is in doubt, never "not started"."""
    told = replay(at / "state.json.journal")
    here = site(at, "replicate")
    view = here.workspace.view()
    things = {t.id for t in here.azure.contents.things.values() if t.ours}
    recorded = {r.id for r in view.state.artifacts.values() if r.id.startswith("/")}
    assert recorded <= things
    doubted = {d.address for d in told.doubts} if told else set()
    kinds = {t.id: t.kind for t in here.azure.contents.things.values()}
    unknown = things - recorded
    assert len(unknown) <= len(doubted), (sorted(kinds[i] for i in unknown), doubted)


def test_killed_again_and_again() -> None:
    """Crash after crash, a little further each time: the journal of a cut-off apply is gone on with."""
    wanted = undisturbed("replicate")
    with folder() as at:
        kills = 0
        while killed_at(at, "replicate", 9, after=kills % 2 == 0):
            kills += 1
            consistent(at)
            assert kills < 60, "no way forward"
        assert kills > 3
        assert ends(at, "replicate") == wanted


def test_a_token_is_resumed() -> None:
    """An operation that was begun is carried on by its token, not begun anew."""
    with folder() as at:
        assert killed_at(at, "replicate", 1, after=True, event="token")
        tokens = [d.token for d in site(at, "replicate").workspace.view().doubts]
        assert any(tokens)
        here = site(at, "replicate")
        resumed: list[str] = []
        real = here.azure.resume

        def resume(ref: Any, spec: Any, token: str) -> Any:
            resumed.append(token)
            return real(ref, spec, token)

        here.azure.resume = resume  # type: ignore[method-assign]  # listens, changes nothing
        here.azure.hides_unfinished = True
        assert here.apply(here.look()).complete
        assert resumed == [t for t in tokens if t]
