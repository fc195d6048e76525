"""Property: whatever an estate asks for, applying until nothing is left to do ends, and then the plan is empty."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.explain import text
from replication.model.record import Life
from tests.planner.site import Site, scratch, vm

PHASES = ("replicate", "test", "migrate", "complete")
NAMES = ("web-01", "web-02", "db-01")
EVENTS = ("phases", "move", "rename", "lose a seed", "remove a thing", "drop a machine", "engine stops halfway")


@contextmanager
def fresh(*names: str) -> Iterator[Site]:
    here = Path.cwd()
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        os.chdir(folder)
        try:
            yield Site(Path(), *(vm(i + 1, n, (8, 16)[: i % 2 + 1], tracking=i != 1) for i, n in enumerate(names)))
        finally:
            os.chdir(here)


def estate(wave_of: dict[str, str], phase_of: dict[str, str], called: dict[str, str]) -> str:
    """Waves a and b; b after a is migrated, where a is asked to be (the files' checks refuse anything else)."""
    waits = "a" in wave_of.values() and all(PHASES.index(phase_of[n]) > 1 for n in wave_of if wave_of[n] == "a")
    lines = ["waves:"]
    for wave in sorted(set(wave_of.values())):
        least = min((phase_of[n] for n in wave_of if wave_of[n] == wave), key=PHASES.index)
        lines += [f"  {wave}:", "    target: korea", f"    phase: {least}"]
        lines += ["    after: {a: migrated}"] if wave == "b" and waits else []
        lines.append("    machines:")
        for name in NAMES:
            if wave_of.get(name) == wave:
                lines.append(f"      {called[name]}: {{size: Standard_D2s_v5, vm: {name}, phase: {phase_of[name]}}}")
    return "\n".join(lines) + "\n"


def quiet(site: Site, allow: bool = False) -> None:
    """Apply until nothing is left to do, the engine taking its part after each; then a plan is empty and stays the same."""
    for _ in range(8):
        site.settle()
        number = site.look(0).plan.destroys if allow else None
        looked = site.look(number)
        assert not looked.plan.errors, looked.plan.errors
        assert text(looked.plan) == text(site.look(number).plan), "the same input gave another plan"
        if not looked.plan.steps and not looked.plan.in_progress:
            before = site.workspace.view().state
            site.apply(looked)
            assert site.workspace.view().state == before, "an apply of nothing changed the state"
            return
        outcome = site.apply(looked)
        assert outcome.complete, outcome
    raise AssertionError("never quiet:\n" + text(site.look().plan))


def made_once(site: Site) -> None:
    """Nothing is made again that nobody removed."""
    made, gone = Counter(site.azure.contents.made), Counter(site.azure.contents.deleted)
    assert [i for i, n in made.items() if n > 1 + gone[i]] == []


def as_asked(site: Site, called: dict[str, str], phase_of: dict[str, str], wave_of: dict[str, str]) -> None:
    """What the phases ask for is there, and nothing else of it."""
    state = site.workspace.view().state
    migrated = {n for n in wave_of if phase_of[n] in ("migrate", "complete")}
    for name in wave_of:
        mine = {r.kind for r in state.artifacts.values() if r.machine == called[name]}
        assert ("vm" in mine) == (name in migrated), (name, mine)
        assert ("test_vm" in mine) == (phase_of[name] == "test"), (name, mine)
        finished = phase_of[name] == "complete" and name in migrated
        assert ("seed_disk" in mine) != finished, (name, mine)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_plan_and_apply_come_to_rest(data: st.DataObject) -> None:
    """D2, D3: plan, apply, engine; changes of the files and from outside in between; an empty plan at the end."""
    with fresh(*NAMES) as site:
        called = {n: n for n in NAMES}
        wave_of = {n: data.draw(st.sampled_from("ab"), label=n) for n in NAMES}
        phase_of = dict.fromkeys(NAMES, "replicate")
        site.files(waves=estate(wave_of, phase_of, called))
        for _ in range(data.draw(st.integers(1, 4), label="rounds")):
            match data.draw(st.sampled_from(EVENTS), label="event"):
                case "phases":
                    for name in wave_of:
                        least = _behind(site, called[name])
                        phase_of[name] = data.draw(st.sampled_from(PHASES[least:]), label=f"phase of {name}")
                case "move" if wave_of:
                    wave_of[data.draw(st.sampled_from(sorted(wave_of)))] = "b"
                case "rename" if wave_of:
                    name = data.draw(st.sampled_from(sorted(wave_of)))
                    called[name] = f"{called[name]}x"
                case "lose a seed":
                    _remove(site, data, "seed_disk")
                case "remove a thing":
                    _remove(site, data, data.draw(st.sampled_from(["vault", "role", "container", "test_vm", "secret"])))
                case "engine stops halfway":
                    site.files(waves=estate(wave_of, phase_of, called))
                    looked = site.look()
                    if not looked.plan.errors:
                        site.apply(looked)
                        site.engine.run(machines=1)
                case "drop a machine" if len(wave_of) > 1:
                    del wave_of[data.draw(st.sampled_from(sorted(wave_of)))]
            site.files(waves=estate(wave_of, phase_of, called))
            quiet(site, allow=True)
        made_once(site)
        as_asked(site, called, phase_of, wave_of)


def _behind(site: Site, name: str) -> int:
    """The first phase that a machine can still be asked for (there is no way back), by what is recorded and by the engine."""
    known = site.workspace.view().state.by_name().get(name)
    if known is None or known.life == "stopped":
        return 0
    lives = {r.life for d in site.engine.stores.values() if (r := d.records.get(known.uuid)) is not None}
    if known.life == "completed" or (Life.STOPPED in lives and known.life == "migrated"):
        return 3
    return 2 if known.life == "migrated" or Life.MIGRATED in lives else 0


def _remove(site: Site, data: st.DataObject, kind: str) -> None:
    """Somebody removes one thing of this kind; of containers not the gateway store's, in which the engine's memory is."""
    there = sorted(t.id for t in site.azure.contents.things.values() if t.kind == kind and not t.id.endswith("/gateway"))
    if there:
        site.azure.remove(data.draw(st.sampled_from(there), label=f"remove {kind}"))


def test_enabled_again_after_a_stop() -> None:
    """S11: out of the estate, stopped, in again: another replication, order numbers that go on rising."""
    with fresh("web-01", "web-02") as site:
        both = {"web-01": "a", "web-02": "a"}
        called, phase_of = {n: n for n in NAMES}, dict.fromkeys(NAMES, "replicate")
        site.files(waves=estate(both, phase_of, called))
        quiet(site)
        first = site.workspace.view().state.by_name()["web-02"]
        site.files(waves=estate({"web-01": "a"}, phase_of, called))
        quiet(site, allow=True)
        assert site.workspace.view().state.by_name()["web-02"].life == "stopped"
        site.files(waves=estate(both, {**phase_of, "web-02": "migrate"}, called))
        site.go(engine=False)
        made = site.look().plan
        assert ([n.machine for n in made.deferred], made.in_progress) == (["web-02"], ()), "an order of its last life is awaited"
        quiet(site)
        again = site.workspace.view().state.by_name()["web-02"]
        assert (again.generation, again.life, again.orders) == (2, "migrated", 2)
        assert again.replication != first.replication


def test_migrated_forgotten_and_replicated_once_more() -> None:
    """S11: "the VM can be replicated and migrated again afterwards"; the first Azure VM is its owner's."""
    with fresh("web-01", "web-02") as site:
        called, phase_of = {n: n for n in NAMES}, dict.fromkeys(NAMES, "replicate")
        both = {"web-01": "a", "web-02": "a"}
        site.files(waves=estate(both, {**phase_of, "web-02": "complete"}, called))
        quiet(site)
        site.files(waves=estate({"web-01": "a"}, phase_of, called))
        quiet(site)
        state = site.workspace.view().state
        assert not [r for r in state.artifacts.values() if r.machine == "web-02"]
        assert any(t.kind == "vm" for t in site.azure.contents.things.values()), "a migrated machine was destroyed"
        site.files(waves=estate(both, phase_of, called))
        quiet(site)
        assert site.workspace.view().state.by_name()["web-02"].generation == 2


def test_nothing_is_left_when_everything_leaves() -> None:
    """D2: with the number named, what was made goes, users before what they use; what is the user's stays."""
    with fresh("web-01") as site:
        site.files(waves=estate({"web-01": "a"}, dict.fromkeys(NAMES, "replicate"), {n: n for n in NAMES}))
        quiet(site)
        site.files(waves="waves: {}\n")
        site.go(allow_destroy=1)
        state = site.workspace.view().state
        looked = site.look(site.look(0).plan.destroys)
        at = {s.address: i for i, s in enumerate(looked.plan.steps)}
        steps = {s.address: s for s in looked.plan.steps}
        for address in at:
            for dep in state.artifacts[address].deps:
                assert at[address] < at[dep] and address in steps[dep].needs, f"{dep} goes before {address}"
        quiet(site, allow=True)
        assert not [t.id for t in site.azure.contents.things.values() if t.ours]
        assert not site.workspace.view().state.artifacts


def test_a_name_is_taken_over_only_when_it_is_free() -> None:
    """D1: names move along a chain in one apply; a swap is refused with what to do."""
    with fresh("web-01", "web-02") as site:
        waves = "waves:\n  a:\n    target: korea\n    phase: replicate\n    machines:\n"
        row = "      {}: {{size: Standard_D2s_v5, vm: {}}}\n"
        site.files(waves=waves + row.format("one", "web-01") + row.format("two", "web-02"))
        quiet(site)
        Path("wavelift.lock.yaml").unlink()
        site.files(waves=waves + row.format("two", "web-01") + row.format("three", "web-02"))
        quiet(site)
        state = site.workspace.view().state
        assert {m.name: m.uuid[-1] for m in state.machines.values()} == {"two": "1", "three": "2"}
        for address, recorded in state.artifacts.items():
            if recorded.machine and "blob" in recorded.spec:
                uuid = state.by_name()[recorded.machine].uuid
                assert str(recorded.spec["blob"]).startswith(uuid), address
        Path("wavelift.lock.yaml").unlink()
        site.files(waves=waves + row.format("three", "web-01") + row.format("two", "web-02"))
        assert "WL312" in {d.code for d in site.look().plan.errors}


def test_a_vm_of_another_uuid_under_an_old_name_is_refused() -> None:
    """D1: restored as another VM and pinned anew: the replica of the old one is not written over."""
    with fresh("web-01") as site:
        site.files(waves=estate({"web-01": "a"}, dict.fromkeys(NAMES, "replicate"), {n: n for n in NAMES}))
        quiet(site)
        Path("wavelift.lock.yaml").unlink()
        site.vms["web-01"] = replace(vm(9, "web-01"))
        looked = site.look()
        assert {d.code for d in looked.plan.errors} == {"WL311"}
