"""How differences are judged: classes, allow-list, what an order has in hand, folding, the size of the page. In memory."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import schemas
from planner.artifact import Kind
from planner.compare import others, outside
from planner.drift import Drift, Finding, Seen, Severity, find
from planner.drift.document import to_json
from planner.drift.markdown import LIMIT, markdown, marker
from planner.drift.source import Vcenter
from planner.drift.text import text
from planner.inventory import VmFacts
from planner.ports import Observed, Tagged
from planner.refresh import absorb
from planner.state import Recorded
from replication.model.item import OrderKind
from replication.model.record import Commit, CycleKind, Record
from replication.model.source import Power, SourceFacts
from replication.model.status import State, Status
from tests.planner.site import GIB, GROUP, Site, uuid_of, vm
from wavelift.planning.drifting import refs_of
from wavelift.planning.look import read_orders, read_records

WAVE = "waves: {w: {target: korea, phase: %s, machines: {a: Standard_D2s_v5, b: Standard_D2s_v5}}}\n"
DAY = 86400.0


class Judged(Site):
    """A site whose drift can be asked for; `records`, `facts` and `statuses` are what the engine and vCenter say besides."""

    def drift(
        self,
        records: Callable[[Record], Record] = lambda r: r,
        facts: dict[str, SourceFacts] | None = None,
        statuses: dict[str, Status] | None = None,
        tagged: tuple[Tagged, ...] = (),
        now: float | None = None,
    ) -> Drift:
        workspace = self.workspace
        recorded = workspace.view().state
        known = {u: records(r) for u, r in read_records(self.engine, recorded).items()}
        state = absorb(recorded, known, read_orders(self.engine, recorded, known))
        paths = {m.instance_uuid: m.vm_name for m in workspace.lock.machines.values()}
        vcenter = Vcenter(self.inventory(), facts or {}, paths)
        seen = Seen(self.azure.observe(refs_of(state)), known, statuses or {}, vcenter, tagged)
        return find(workspace.estate, state, seen, self.now if now is None else now)

    def change(self, name: str, **more: Any) -> None:
        self.vms[name] = replace(self.vms[name], **more)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Judged]:
    """`a` and `b` replicate and are in delta sync."""
    monkeypatch.chdir(tmp_path)
    site = Judged(tmp_path, vm(1, "a"), vm(2, "b", (8, 4)))
    site.files(waves=WAVE % "replicate")
    site.go()
    yield site


def brief(drift: Drift) -> list[tuple[str, str, str]]:
    return [(f.severity.value, f.address, f.property) for f in drift.findings]


def migrated(site: Judged) -> None:
    site.files(waves=WAVE % "migrate")
    site.go()
    for name in ("a", "b"):
        site.change(name, power="poweredOff")


def test_every_phase_is_silent(site: Judged) -> None:
    """issue 4, Drift: an untouched estate is silent, replicating, tested, cleaned up, migrated and completed."""
    assert brief(site.drift()) == []
    for phase in ("test", "replicate", "test", "migrate", "complete"):
        site.files(waves=WAVE % phase)
        site.go()
        if phase in ("migrate", "complete"):
            site.change("a", power="poweredOff")
            site.change("b", power="poweredOff")
        assert brief(site.drift()) == [], phase


def test_in_vcenter_every_kind_of_change(site: Judged) -> None:
    """issue 4, Drift: disks added, resized, removed, tracking off, moved, vanished."""
    a, b = site.vms["a"], site.vms["b"]
    extra = replace(a.disks[0], key=2001, uuid=uuid_of(900), label="Hard disk 2", controller="scsi0:1")
    cases: list[tuple[str, VmFacts | None, tuple[str, str, str]]] = [
        ("a", replace(a, disks=(*a.disks, extra)), ("ours", "machine.a", "disk scsi0:1")),
        ("b", replace(b, disks=b.disks[:1]), ("ours", "machine.b", "disk scsi0:1")),
        ("a", replace(a, disks=(replace(a.disks[0], capacity=9 * GIB),)), ("ours", "machine.a", "disk scsi0:0")),
        ("a", replace(a, disks=(replace(a.disks[0], uuid=uuid_of(901)),)), ("ours", "machine.a", "disk scsi0:0")),
        ("a", replace(a, disks=(replace(a.disks[0], tracking=False),)), ("ours", "machine.a", "disk scsi0:0")),
        ("a", replace(a, tracking=False), ("ours", "machine.a", "tracking")),
        ("a", replace(a, path="/Seoul/vm/other/a"), ("foreign", "machine.a", "path")),
        ("a", None, ("urgent", "machine.a", "")),
        ("a", replace(a, host="esx-9", power="poweredOff"), ("", "", "")),
    ]
    for name, changed, expected in cases:
        before = site.vms[name]
        del site.vms[name]
        site.vms |= {name: changed} if changed is not None else {}
        assert brief(site.drift()) == ([expected] if expected[0] else []), changed
        site.vms[name] = before


def test_a_disk_left_out_on_purpose_is_none_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    site = Judged(tmp_path, vm(2, "b", (8, 4)))
    machine = 'b: {size: Standard_D2s_v5, disks: {"scsi0:1": skip}}'
    site.files(waves=f"waves: {{w: {{target: korea, phase: replicate, machines: {{{machine}}}}}}}\n")
    site.go()
    assert brief(site.drift()) == []


def test_a_migrated_source_that_runs_again_is_urgent(site: Judged) -> None:
    """users.md The weeks 33: someone powers the source on; also after completion."""
    migrated(site)
    site.change("a", power="poweredOn")
    assert brief(site.drift()) == [("urgent", "machine.a", "power")]
    assert "SOURCE POWERED ON" in text(site.drift())
    site.vms.pop("b")
    assert ("ours", "machine.b", "") in brief(site.drift())
    site.files(waves=WAVE % "complete")
    site.go()
    assert brief(site.drift()) == [("urgent", "machine.a", "power")]


def test_what_was_migrated_and_changed_is_ours_until_it_is_complete(site: Judged) -> None:
    migrated(site)
    arm_id = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/a"
    site.azure.contents.things[arm_id.lower()].spec["size"] = "Standard_D4s_v5"
    assert brief(site.drift()) == [("ours", "vm.a", "size")]
    site.files(waves=WAVE % "complete")
    site.go()
    assert brief(site.drift()) == [("foreign", "vm.a", "size")]
    site.azure.remove(arm_id)
    assert brief(site.drift()) == [("foreign", "vm.a", "")]


def test_what_an_order_has_in_hand_is_not_judged(site: Judged) -> None:
    """issue 4, Drift: a test that its clean-up is removing just now is no drift (users.md The weeks 20)."""
    site.files(waves=WAVE % "test")
    site.go()
    site.files(waves=WAVE % "replicate")
    site.go(engine=False)
    for kind in ("virtualMachines/a-test", "virtualMachines/b-test"):
        site.azure.remove(f"{GROUP}/providers/Microsoft.Compute/{kind}")
    drift = site.drift()
    assert brief(drift) == [] and drift.in_progress > 0
    site.settle()
    assert brief(site.drift()) == [] and site.drift().in_progress == 0


def test_foreign_snapshots_escalate_and_ours_are_none(site: Judged) -> None:
    """users.md The weeks 7: a backup's snapshot at night is normal; after the policy's hours it is an emergency."""

    def facts(name: str, hours: float) -> dict[str, SourceFacts]:
        at = {"s": site.now - hours * 3600}
        return {uuid_of(1): SourceFacts(uuid_of(1), "a", Power.ON, "h", {}, True, False, (("s", name),), True, at)}

    drift = site.drift(facts=facts("Veeam", 2))
    assert brief(drift) == [("foreign", "machine.a", "snapshot")] and drift.findings[0].since == site.now - 7200
    assert brief(site.drift(facts=facts("Veeam", 30))) == [("urgent", "machine.a", "snapshot")]
    assert brief(site.drift(facts=facts(f"wavelift-shop-{uuid_of(1)}-x", 30))) == []


def test_lag_and_a_silent_engine_are_urgent(site: Judged) -> None:
    """issue 4, Drift: replication lag beyond policy; users.md The weeks 17: a silent engine is noticed."""

    def behind(record: Record) -> Record:
        commit = Commit(1, CycleKind.DELTA, "x", 1, site.now, site.now - 5 * 3600, {}, {})
        return replace(record, committed=commit) if record.machine == uuid_of(1) else record

    assert brief(site.drift(behind)) == [] and "5 h (no limit set" in text(site.drift(behind))
    site.files(drift="drift: {lag: 4h}\n")
    assert brief(site.drift(behind)) == [("urgent", "machine.a", "lag")]
    assert "replication lags behind beyond its limit: 5 h of 4 h" in text(site.drift(behind))
    said = Status(uuid_of(1), "a", "w", State.TEST_PENDING, site.now - 3600, 1)
    assert brief(site.drift(statuses={uuid_of(1): said})) == [("urgent", "appliance.gw-1", "heartbeat")]
    assert brief(site.drift(statuses={uuid_of(1): replace(said, written=site.now - 30)})) == []


def test_the_allow_list_ends(site: Judged) -> None:
    """issue 4, Drift: an allow-list with expiry; an entry that has ended fails."""
    site.change("a", path="/Seoul/vm/other/a")
    site.azure.remove(next(i for i in site.azure.contents.things if i.endswith("/locks/wavelift")))
    site.files(
        drift="drift:\n  allow:\n"
        "    - {address: machine.*, property: path, why: CHG7, until: 2027-01-20}\n"
        '    - {address: lock.vault, property: "", why: CHG8, until: 2027-01-31}\n'
    )

    def at(day: str, hour: str = "12:00:00") -> Drift:
        return site.drift(now=datetime.datetime.fromisoformat(f"{day}T{hour}+09:00").timestamp())

    assert brief(at("2027-01-20", "23:59:59")) == [], "the last day counts whole, in the estate's time zone"
    assert ("ours", "machine.*", "path") in brief(at("2027-01-21", "00:00:00"))
    drift = at("2027-01-20")
    assert brief(drift) == [] and len(drift.allowed) == 2 and drift.expires == "2027-01-20"
    assert "allowed 2 (next expiry 20 Jan)" in text(drift)
    ended = at("2027-01-21")
    assert brief(ended) == [("ours", "machine.*", "path"), ("foreign", "machine.a", "path")]
    assert "ended on 2027-01-20 (CHG7)" in text(ended) and ended.fails(("ours",)) and not ended.fails(("urgent",))
    site.files(drift="drift: {allow: [{address: lock.vault, why: no property, until: 2027-01-31}]}\n")
    assert ("ours", "lock.vault", "") in brief(at("2027-01-20")), "that it is gone is not any change"


def test_a_key_vault_that_is_gone_takes_what_is_in_it_along(site: Judged) -> None:
    vault = next(i for i, t in site.azure.contents.things.items() if t.kind == "key_vault")
    site.azure.remove(vault)
    gone = {a for s, a, p in brief(site.drift()) if s == "urgent" and not p}
    assert "key_vault.koreacentral" in gone and any(a.startswith("secret.") for a in gone)


def test_tagged_and_not_recorded_is_unmanaged_unless_an_order_made_it(site: Judged) -> None:
    mine = Tagged(f"{GROUP}/providers/Microsoft.Compute/disks/left", "Microsoft.Compute/disks", "disk.left/2000")
    drift = site.drift(tagged=(mine,))
    assert drift.unmanaged == (mine,) and drift.fails(("unmanaged",)) and not drift.fails(("urgent", "ours", "foreign"))

    def making(record: Record) -> Record:
        return replace(record, test={"disk/2000": mine.id.upper()})

    assert site.drift(making, tagged=(mine,)).unmanaged == ()


def test_spellings_and_what_others_set_are_no_difference() -> None:
    """issue 4, Drift: normalisers: case of ids, order of sets, spelling of regions, defaults; tags of others."""
    subnet = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/web"
    spec = {"location": "koreacentral", "subnet": subnet, "queues": ["b", "a"], "sku": "Standard_LRS", "zone": None,
            "account": {"$ref": "x#y"}, "hidden": 1, "tags": {"Cost": "4711"}}  # fmt: skip
    there = {"location": "Korea Central", "subnet": subnet.upper(), "queues": ("a", "b", "c"), "sku": "standard_lrs",
             "zone": "1", "account": "https://x/"}  # fmt: skip
    recorded = Recorded("nic.a", Kind.NIC, "/x", spec)
    seen = Observed("/X", there, {"cost": "4711", "env": "prod", "wavelift-estate": "shop"})
    assert outside(recorded, seen) == ()
    assert [c.path for c in others(recorded, seen)] == [("tags", "env"), ("queues",)]
    assert [c.path for c in outside(recorded, replace(seen, tags={"COST": "1"}))] == [("tags", "Cost")]
    assert [c.path for c in outside(recorded, replace(seen, strayed={"tls": ("1.2", "1.0")}))] == [("tls",)]


def test_the_page_fits_and_says_what_it_left_out() -> None:
    """issue 4, Drift: Markdown as an issue's body: at most 65,536 characters, summary first, urgent before the rest."""
    rows = [
        Finding(Severity.FOREIGN if n % 3 else Severity.URGENT, f"nic.m{n:05}/4000", "x", f"x: {n} <b>|*@team", "left alone")
        for n in range(5000)
    ]
    ordered = tuple(sorted(rows, key=lambda f: f.severity is Severity.FOREIGN))
    drift = Drift("shop", "l", 1, 1.8e9, "Asia/Seoul", ordered)
    page = markdown(drift)
    assert len(page) <= LIMIT and page.startswith(marker("shop"))
    assert "**urgent 1667 · ours 0 · foreign 3333" in page and "more lines did not fit" in page
    assert "<b>" not in page and "@team" not in page
    assert page.count("<details>") == page.count("</details>")
    jsonschema.validate(to_json(drift), schemas.load("drift-1"))


def test_equal_findings_are_one_line() -> None:
    same = tuple(Finding(Severity.FOREIGN, f"nic.m{n}/4000", "tags.env", "tag env was added", "left alone") for n in range(12))
    said = text(Drift("shop", "l", 1, 1.8e9, "Asia/Seoul", same))
    assert "and 7 more: tag env was added (left alone)" in said and said.count("tag env") == 1


def test_a_stop_in_hand_hides_the_seeds_that_it_removes(site: Judged) -> None:
    migrated(site)
    site.files(waves=WAVE % "complete")
    site.go(engine=False)
    for i in [i for i, t in site.azure.contents.things.items() if t.kind == "seed_disk"]:
        site.azure.remove(i)
    assert brief(site.drift()) == []
    assert any(o.kind is OrderKind.STOP for d in site.engine.stores.values() for o in d.orders.values())
