"""issue 4, Protection: `destroy` for an estate, a wave or a machine (users.md, The weeks 38); evidence first, resumable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from replication.model.documents import dumps, record_name
from replication.ports import DocumentStore
from tests.fakes.clock import FakeClock
from tests.fakes.stores import FakeDocuments
from tests.planner.site import Site, vm
from wavelift.leaving.destroying import Aim, aim, going, look_on
from wavelift.leaving.evidence import Intent, begun, export, finished, fresh_folder
from wavelift.planning.look import Looked
from wavelift.problems import UserProblem

WAVES = """
waves:
  pilot: {{target: korea, phase: {pilot}, machines: {{wiki-01: Standard_D2s_v5}}}}
  shop:
    target: korea
    phase: replicate
    machines: {{db-01: {{size: Standard_D4s_v5{db}}}, web-01: Standard_D2s_v5}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    yield Site(Path(), vm(1, "wiki-01"), vm(2, "db-01", (8, 16)), vm(3, "web-01"))


def stand(site: Site, pilot: str = "replicate", db: str = "") -> None:
    site.files(waves=WAVES.format(pilot=pilot, db=db))
    site.go()
    if pilot != "replicate":
        site.go()


def look(site: Site, what: Aim) -> Looked:
    return look_on(site.workspace, what, site.azure, site.engine)


def rounds(site: Site, what: Aim) -> list[int]:
    """As the command does it; the number of steps of each round."""
    counts = []
    while True:
        looked = look(site, what)
        assert not looked.plan.errors, looked.plan.errors
        if not looked.plan.steps and not looked.plan.in_progress:
            return counts
        counts.append(len(looked.plan.steps))
        assert len(counts) < 10
        assert site.apply(looked).complete
        site.settle()


def meant(site: Site, waves: tuple[str, ...] = (), machines: tuple[str, ...] = ()) -> Aim:
    return aim(site.workspace.estate, site.workspace.view().state, waves, machines)


class Stores:
    """`wavelift.leaving.evidence.Opens`: the engine model's records in fake stores of documents."""

    def __init__(self, site: Site, **more: str) -> None:
        self.store = FakeDocuments(FakeClock())
        for documents in site.engine.stores.values():
            for uuid, record in documents.records.items():
                self.store.put_any(record_name(uuid), dumps(replace(record, **more)))
                self.store.put_any(f"progress/{uuid}/x/2000.bin", b"no evidence")
        self.store.put_any("report-keys/abc.pem", b"key")

    def open(self, account: str) -> DocumentStore:
        return self.store


def test_an_estate_goes_in_rounds_and_leaves_what_is_not_ours(site: Site) -> None:
    before = set(site.azure.contents.things)
    stand(site)
    what = meant(site)
    state = site.workspace.view().state
    gone = going(state, what)
    assert gone.number == 4 + 5 and not gone.stays, "seeds, then vault, key vault, log, gateway and seed store"
    first = look(site, what).plan
    assert first.destroys == 4 and first.counts["destroy"] >= 7
    counts = rounds(site, what)
    assert len(counts) == 2, counts
    assert set(site.azure.contents.things) == before
    assert not site.workspace.view().state.artifacts


def test_a_wave_leaves_the_others_and_all_that_is_shared(site: Site) -> None:
    stand(site)
    shared = {a for a, r in site.workspace.view().state.artifacts.items() if r.machine in (None, "wiki-01")}
    what = meant(site, waves=("sh*",))
    assert what.names == ("db-01", "web-01") and going(site.workspace.view().state, what).number == 3
    rounds(site, what)
    assert set(site.workspace.view().state.artifacts) == shared
    again = site.look().plan
    assert {s.machine for s in again.steps} == {"db-01", "web-01"}, "still in the files: they begin anew"


def test_a_machine_that_left_the_files_still_has_its_wave(site: Site) -> None:
    stand(site)
    site.files(waves="waves: {pilot: {target: korea, phase: replicate, machines: {wiki-01: Standard_D2s_v5}}}")
    assert meant(site, waves=("shop",)).names == ("db-01", "web-01")
    assert meant(site, waves=("shop",), machines=("db-*",)).names == ("db-01",)


def test_what_was_migrated_to_stays(site: Site) -> None:
    stand(site, pilot="migrate")
    what = meant(site, machines=("wiki-01",))
    gone = going(site.workspace.view().state, what)
    assert {r.address.partition(".")[0] for r in gone.stays} == {"vm", "disk", "nic"} and gone.number == 1
    kept = {r.id for r in gone.stays}
    rounds(site, what)
    there = " ".join(map(str, site.azure.contents.things)).lower()
    assert all(arm.lower() in there for arm in kept)
    rounds(site, meant(site))
    there = " ".join(map(str, site.azure.contents.things)).lower()
    assert all(arm.lower() in there for arm in kept), "and survives the estate"


def test_a_protected_machine_is_refused_and_nothing_goes(site: Site) -> None:
    stand(site, db=", protect: true")
    assert [e.code for e in look(site, meant(site)).plan.errors] == ["WL501"]
    assert [e.code for e in look(site, meant(site, waves=("shop",))).plan.errors] == ["WL501"]
    assert not look(site, meant(site, machines=("web-01",))).plan.errors


def test_rules_limit_it(site: Site) -> None:
    stand(site)
    site.files(rules="rules: {careful: {max_destroys: 2}}\n")
    assert [e.code for e in look(site, meant(site)).plan.errors] == ["WL487"]


def test_names_that_fit_nothing(site: Site) -> None:
    stand(site)
    with pytest.raises(UserProblem, match="Did you mean `shop`"):
        meant(site, waves=("shpo",))
    with pytest.raises(UserProblem, match="Did you mean `web-01`"):
        meant(site, machines=("web-1",))
    with pytest.raises(UserProblem, match="nothing to destroy"):
        meant(site, waves=("pilot",), machines=("web-*",))


def test_evidence_is_whole_or_nothing_goes(site: Site, tmp_path: Path) -> None:
    stand(site)
    state = site.workspace.view().state
    what = meant(site, machines=("db-01",))
    gone = going(state, what)
    intent = Intent(state.lineage, what.words, gone.number)
    folder = tmp_path / "evidence"
    kept = export(Stores(site), state, gone.machines, folder, intent)
    manifest = json.loads((folder / "manifest.json").read_text())
    uuid = site.vms["db-01"].uuid
    assert f"koreacentral/records/{uuid}.json" in manifest["files"] and kept.files == len(manifest["files"])
    assert not [n for n in manifest["files"] if site.vms["web-01"].uuid in n or "progress" in n]
    assert "koreacentral/report-keys/abc.pem" in manifest["files"]
    for name, told in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == told
    assert begun(folder, state.lineage, what.words) == intent, "cut off: the number that it began with still counts"
    assert begun(folder, state.lineage, "wave other") is None
    assert fresh_folder(folder, state.lineage, what.words) == folder
    finished(folder)
    assert begun(folder, state.lineage, what.words) is None
    assert fresh_folder(folder, state.lineage, what.words) == tmp_path / "evidence-2"


def test_a_report_that_waits_for_its_signature_or_a_full_disk_stop_it(site: Site, tmp_path: Path) -> None:
    stand(site)
    state = site.workspace.view().state
    gone = going(state, meant(site))
    intent = Intent(state.lineage, "estate shop", gone.number)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserProblem, match="WL506"):
        export(Stores(site), state, gone.machines, tmp_path / "file" / "below", intent)
    with pytest.raises(UserProblem, match="waits for its signature"):
        export(Stores(site, report="due"), state, gone.machines, tmp_path / "evidence", intent)
    assert not (tmp_path / "evidence" / "manifest.json").exists()
