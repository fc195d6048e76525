"""Plan files: exactly that or nothing. Bytes, staleness, going on, used up. Damaged and forged ones: `test_planfile_hostile`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from planner.apply import Reporter
from planner.explain import text
from planner.planfile import digest_of, dumps, loads
from planner.planfile.codec import body
from planner.planfile.envelope import valid_until
from planner.planfile.stale import moved
from planner.steps import Create, SendOrder, Step
from tests.planner.filed import FILE, apply_file, planned, refused
from tests.planner.pilot import WAVES, pilot
from tests.planner.site import Site, vm
from tests.planner.test_plan_cases import NAMES
from tests.planner.test_plan_cases import planned as case
from wavelift.applying.planfiles import fits, not_longer
from wavelift.applying.planio import VALID, moment, read, write
from wavelift.problems import DENIED, STALE, UserProblem


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    yield pilot()


# --- the bytes


@pytest.mark.parametrize("name", NAMES)
def test_every_plan_comes_back_as_it_was(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4, plan files: all steps and notes of every golden case survive the file, and the same input is the same bytes."""
    monkeypatch.chdir(tmp_path)
    plan = case(name, tmp_path).plan
    if plan.errors:
        with pytest.raises(ValueError, match="errors"):
            dumps(plan, 1.8e9, ".")
        return
    data = dumps(plan, 1.8e9, ".")
    back = loads(data, "F").plan
    assert json.dumps(body(back), sort_keys=True) == json.dumps(body(plan), sort_keys=True)
    assert text(back) == text(plan)
    assert digest_of(back) == digest_of(plan) == loads(data, "F").digest
    assert dumps(back, 1.8e9, ".") == data == dumps(case(name, tmp_path).plan, 1.8e9, ".")
    json.loads(data)  # also plain JSON, for whoever reads it with something else


def test_no_clock_in_what_is_digested(site: Site) -> None:
    """Issue 4: same input, byte-identical plan; the end of validity is rounded up, and outside of the digest."""
    looked = site.look()
    midnight = 20_000 * 86_400.0
    first, again, next_day = (
        write(Path(name), looked.plan, site.workspace.estate, at)
        for name, at in (("a", midnight + 5), ("b", midnight + 40_000), ("c", midnight + 90_000))
    )
    assert Path("a").read_bytes() == Path("b").read_bytes() != Path("c").read_bytes()
    assert first.digest == again.digest == next_day.digest
    assert first.valid_until == midnight + 4 * 86_400
    assert first.valid_until - midnight - 5 >= VALID


@pytest.mark.parametrize(("validity", "most"), [(72 * 3600, 4 / 3), (4 * 3600, 4 / 3), (600, 1.1), (60, 1.05), (1, 2)])
def test_validity_is_never_shorter_than_asked_and_hardly_longer(validity: float, most: float) -> None:
    for now in (0.0, 1.8e9 + 0.5, 1.8e9 + 4321):
        assert validity <= valid_until(now, validity) - now <= validity * most + 1


def test_moving_a_line_is_no_other_plan(site: Site) -> None:
    """A comment above a machine moves its line: the reviewed digest still holds."""
    before = read(planned(site))
    site.files(waves="# moved\n\n" + WAVES.format(phase="replicate"))
    after = read(planned(site))
    assert before.digest == after.digest
    steps = [s for s in after.plan.steps if isinstance(s, Create) and s.machine]
    assert all(s.origin is not None and s.origin.file == "waves.yaml" for s in steps)
    assert {s.address: s.origin for s in before.plan.steps if isinstance(s, Create)} != {
        s.address: s.origin for s in after.plan.steps if isinstance(s, Create)
    }


# --- exactly that


def test_a_file_is_applied_as_it_is_and_once(site: Site) -> None:
    """Issue 4: apply F does exactly the steps of the file; a used one is refused; the digest is in orders and journal."""
    site.go()
    site.files(waves=WAVES.format(phase="test"))
    path = planned(site)
    assert apply_file(site, path, expected="sha256:" + read(path).digest).complete
    orders = [o for documents in site.engine.stores.values() for o in documents.orders.values()]
    assert {(o.plan, o.approver) for o in orders} == {(read(path).digest, "kim")}
    site.settle()
    assert "applied already" in refused(site, STALE)
    for machine in ("web-01", "web-02"):  # even where everything it did has been undone meanwhile
        assert f"test_vm.{machine}" in site.workspace.view().state.artifacts
    site.files(waves=WAVES.format(phase="replicate"))
    site.go()
    assert "applied already" in refused(site, STALE)


def test_only_the_steps_of_the_file_are_done(site: Site) -> None:
    """What the files ask for since is left to the next plan."""
    site.go()
    site.files(waves=WAVES.format(phase="test"))
    path = planned(site)
    late = "  late:\n    target: korea\n    phase: replicate\n    machines: {web-03: Standard_D2s_v5}\n"
    site.vms["web-03"] = vm(3, "web-03")
    site.files(waves=WAVES.format(phase="test") + late)
    assert sorted(apply_file(site, path).done) == ["order.web-01/000001-test", "order.web-02/000001-test"]
    assert "replication.web-03" in {s.address for s in site.look().plan.steps}


@pytest.mark.parametrize("steps", [1, 5, 12])
def test_an_interrupted_plan_goes_on_under_its_digest(site: Site, steps: int) -> None:
    """Issue 4: an interrupted plan resumes; in the end all is as if it had not been interrupted."""
    path = planned(site)

    class Stops(Reporter):
        left = steps

        def done(self, step: Step) -> None:
            self.left -= 1
            if self.left <= 0:
                site.stop.set()

    first = apply_file(site, path, reporter=Stops())
    assert first.not_started and len(first.done) >= steps
    site.stop.clear()
    second = apply_file(site, path)
    assert second.complete and not set(first.done) & set(second.done)
    assert len(first.done) + len(second.done) == len(read(path).plan.steps)
    site.settle()
    assert site.look().plan.steps == ()
    assert "applied already" in refused(site, STALE)


@pytest.mark.parametrize("known", [1, 2, 3, 4, 11])
def test_a_killed_apply_goes_on_from_its_journal(site: Site, known: int) -> None:
    """Issue 4: an interrupted plan resumes from the journal. The outside has everything; state and journal know of `known` steps:
    what is there with our tags and on no record is this plan's own doing."""
    path = planned(site)
    kept: dict[str, bytes] = {}

    class Copies(Reporter):
        left = known

        def done(self, step: Step) -> None:
            self.left -= 1
            if self.left == 0:
                kept.update({f.name: f.read_bytes() for f in Path().glob("state.json*") if f.is_file()})

    assert apply_file(site, path, reporter=Copies()).complete
    assert "state.json.journal" in kept
    for file in [f for f in Path().glob("state.json*") if f.is_file()]:
        file.unlink()
    for name, data in kept.items():
        Path(name).write_bytes(data)
    again = apply_file(site, path)
    assert again.complete and again.done
    site.settle()
    assert site.look().plan.steps == ()
    assert "applied already" in refused(site, STALE)


def test_a_clean_up_and_what_follows_it_go_on(site: Site) -> None:
    """Two orders of one machine, interrupted between them."""
    site.go()
    site.files(waves=WAVES.format(phase="test"))
    site.go()
    site.files(waves=WAVES.format(phase="migrate"))
    path = planned(site)
    orders = [s.address for s in read(path).plan.steps if isinstance(s, SendOrder)]
    assert len(orders) == 4

    class Stops(Reporter):
        def done(self, step: Step) -> None:
            site.stop.set()

    first = apply_file(site, path, reporter=Stops())
    assert first.not_started
    site.stop.clear()
    assert apply_file(site, path).complete
    site.settle()
    assert {m.life for m in site.workspace.view().state.machines.values()} == {"migrated"}


def test_the_same_again_is_another_plan(site: Site) -> None:
    """What was set back and is changed outside once more: a plan of its own, that can be applied."""
    site.go()
    bus = next(r for r in site.workspace.view().state.artifacts.values() if r.kind == "service_bus")
    digests = set()
    for _ in range(3):
        site.azure.put("service_bus", bus.id, {**bus.spec, "queues": ["commands"]})
        path = planned(site)
        digests.add(read(path).digest)
        assert apply_file(site, path).complete
        assert "applied already" in refused(site, STALE)
    assert len(digests) == 3


def test_what_was_done_and_undone_is_not_passed_over(site: Site) -> None:
    """An interrupted plan whose first steps were undone meanwhile does not go on as if they were there."""
    path = planned(site)

    class Stops(Reporter):
        def done(self, step: Step) -> None:
            site.stop.set() if step.address == "vault" else None

    apply_file(site, path, reporter=Stops())
    site.stop.clear()
    site.azure.remove(site.workspace.view().state.artifacts["vault"].id)
    assert "vault: was done by an earlier apply of this plan" in refused(site, STALE)


# --- stale


def test_cycles_and_moves_between_hosts_make_nothing_stale(site: Site) -> None:
    """Issue 4: a delta cycle or a DRS move between review and merge makes nothing stale; nor does another apply's serial."""
    site.go()
    site.files(waves=WAVES.format(phase="test"))
    path = planned(site)
    for documents in site.engine.stores.values():
        for uuid, record in documents.records.items():
            documents.records[uuid] = replace(record, cycle=record.cycle + 3, last_completed=1.0)
    for name, known in site.vms.items():
        disks = tuple(replace(d, datastore="ds-9", file=f"[ds-9] {name}.vmdk") for d in known.disks)
        site.vms[name] = replace(known, host="esx-9", path=f"/Seoul/vm/else/{name}", disks=disks, snapshots=1)
    before = read(path).plan.serial
    keys = "appliances: {gw-1: {role: primary, source: seoul, schedule: {delta_minimum: 2h}}}\n"
    text_of = Path("estate.yaml").read_text()
    Path("estate.yaml").write_text(text_of.replace("appliances:\n  gw-1: {role: primary, source: seoul}\n", keys))
    site.files(waves=WAVES.format(phase="replicate"))
    site.go()
    site.files(waves=WAVES.format(phase="test"))
    assert site.workspace.view().state.serial > before
    assert apply_file(site, path).complete


def test_all_that_moved_is_listed(site: Site) -> None:
    """Issue 4: on refusal it lists exactly what moved: one line for each step concerned, and no other."""
    site.go()
    site.files(waves=WAVES.format(phase="migrate"))
    planned(site)
    web = site.vms["web-01"]
    grown = replace(web.disks[1], capacity=2 * web.disks[1].capacity)
    site.vms["web-01"] = replace(web, disks=(web.disks[0], grown))
    told = refused(site, STALE)
    assert "order.web-01/000001-migrate: " in told and "size" in told
    assert "web-02" not in told and "1 of its 2 steps" in told
    uuid = site.vms["web-02"].uuid
    for documents in site.engine.stores.values():
        record = documents.records[uuid]
        documents.records[uuid] = replace(record, orders_done=record.orders_done + 1)
    told = refused(site, STALE)
    assert "2 of its 2 steps" in told and "another order would be sent now: order.web-02/000002-migrate" in told


def test_one_disk_more_is_told_as_that_and_once(site: Site) -> None:
    """Issue 4: on refusal it lists exactly what moved: the disk, and not two lists of all disks, cut in their middle."""
    site.go()
    site.files(waves=WAVES.format(phase="migrate"))
    planned(site)
    site.vms["web-01"] = replace(site.vms["web-01"], disks=vm(1, "web-01", (8, 16, 4)).disks)
    [line] = [line for line in refused(site, STALE).splitlines() if "order.web-01/" in line]
    assert "document.vm.disks.2002: nothing -> {" in line and "2001" not in line and "makes" not in line, line


def test_another_order_of_the_same_is_told_too(site: Site) -> None:
    """What is compared by name for its words is still compared whole."""
    site.go()
    site.files(waves=WAVES.format(phase="migrate"))
    now = site.look().plan
    orders = [s for s in now.steps if isinstance(s, SendOrder)]
    turned = [replace(s, makes=s.makes[::-1]) for s in orders]
    found, _ = moved(replace(now, steps=tuple(turned)), now, (), False, {})
    assert [m.address for m in found] == [s.address for s in orders] and "makes:" in found[0].why


def test_what_a_step_rests_on_is_gone(site: Site) -> None:
    """A store that is recorded and was deleted by hand: what is to be made in it is stale, though its own step is the same."""
    site.go()
    site.vms["web-01"] = replace(site.vms["web-01"], disks=vm(1, "web-01", (8, 16, 4)).disks)
    planned(site)
    secret = "secret.koreacentral/log-key"
    site.azure.remove(site.workspace.view().state.artifacts[secret].id)
    told = refused(site, STALE)
    assert f"replication.web-01: needs {secret}, which is not there as recorded any more" in told and "1 of its 2 steps" in told


def test_what_another_apply_has_done_meanwhile_is_said(site: Site) -> None:
    """The same order sent by somebody else: refused, in progress."""
    site.go()
    site.files(waves=WAVES.format(phase="test"))
    planned(site)
    looked = site.look()
    site.files(waves=WAVES.format(phase="test") + "# other\n")
    assert site.apply(replace(looked, plan=replace(looked.plan, inputs="else"))).complete
    assert "in progress now: order: the engine carries it out" in refused(site, STALE)


def test_what_forbids_a_plan_since_it_was_written_makes_it_stale(site: Site) -> None:
    """issue 4, plan files: a size that is gone changes no step, and is something that moved: exit code 3, not 1."""
    planned(site)
    for arm_id in [one for one in site.azure.contents.things if "/skus/" in one]:
        del site.azure.contents.things[arm_id]
    told = refused(site, STALE)
    assert "cannot be applied now. Nothing was changed; plan again." in told and "size" in told


# --- refused without looking


def test_another_digest_than_the_reviewed_one(site: Site) -> None:
    planned(site)
    assert "not the plan that was reviewed" in refused(site, DENIED, expected="0" * 64)


def test_an_old_plan(site: Site) -> None:
    """Valid for a policy's time."""
    planned(site)
    site.now += VALID + 86_401
    assert "valid until" in refused(site, STALE)


def test_a_rule_shortens_the_time(site: Site) -> None:
    site.files(rules="rules: {fresh: {plan_valid: 2h}, slow: {plan_valid: 9h}}\n")
    until = read(planned(site)).valid_until
    assert 7200 <= until - site.now < 9600
    site.now = until + 1
    assert "valid until" in refused(site, STALE)


def test_a_validity_that_was_made_longer(site: Site) -> None:
    """By somebody who computes the checksum anew: refused where no plan of now could have it, or another one was reviewed."""
    file = read(planned(site))
    until = file.valid_until
    FILE.write_bytes(dumps(file.plan, until + 30 * 86400, site.workspace.estate.folder))
    longer = read(FILE)
    assert longer.digest == file.digest, "the same plan"
    with pytest.raises(UserProblem, match="WL401"):
        not_longer(longer, FILE, VALID, site.now)
    not_longer(file, FILE, VALID, site.now)
    seen = f"{file.digest}@{moment(until, iso=True)}"
    fits(file, FILE, seen)
    with pytest.raises(UserProblem, match="WL405") as told:
        fits(longer, FILE, seen)
    assert told.value.code == DENIED


def test_tracking_that_was_switched_on_by_a_cut_off_apply(site: Site) -> None:
    """Issue 4: tracking is on no record, so only a plan that was begun may find it on already; for another one it has moved."""
    file = read(planned(site)).plan
    now = replace(file, steps=tuple(s for s in file.steps if not s.address.startswith("tracking.")))
    assert len(now.steps) < len(file.steps)
    assert moved(file, now, (), True, {}) == ([], [])
    assert [m.address for m in moved(file, now, (), False, {})[0]] == ["tracking.web-01"]
