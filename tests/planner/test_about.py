"""issue 4, Reading a plan: `wavelift explain ADDRESS` (users.md, The estate 2): why, what it waits for, who asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from planner.about import Facts, UnknownAddress, about
from planner.about.words import text, to_json
from planner.planfile import dumps, loads
from tests.planner.site import Site, vm
from wavelift.planning.look import Looked

WAVES = """
waves:
  pilot:
    target: korea
    phase: {pilot}
    machines: {{wiki-01: Standard_D2s_v5}}
  shop:
    target: korea
    phase: {shop}
    after: {{pilot: migrated}}
    machines:
      db-01: Standard_D4s_v5
      web-01: {{size: Standard_D2s_v5, start_after: db-01}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    made = Site(Path(), vm(1, "wiki-01"), vm(2, "db-01", (8, 16)), vm(3, "web-01"))
    phases(made, "migrate", "migrate")
    yield made


def phases(site: Site, pilot: str, shop: str) -> None:
    site.files(waves=WAVES.format(pilot=pilot, shop=shop))


def facts(looked: Looked) -> Facts:
    return Facts(looked.plan, looked.desired, looked.state, looked.seen, looked.records)


def test_an_artifact_to_be_made(site: Site) -> None:
    known = facts(site.look())
    told = text(about("seed_disk.db-01/2000", known))
    assert "make seed_disk.db-01/2000: in the estate, not there yet" in told
    assert "container.seed_store.korea" in told.partition("Waits for:")[2].partition("Waits for this")[0]
    assert "replication.db-01" in told.partition("Waits for this:")[2]
    assert "Asked for by: waves.yaml:12:" in told
    assert "Recorded: no" in told


def test_nothing_to_do_says_so_with_recorded_and_observed(site: Site) -> None:
    site.go()
    known = facts(site.look())
    told = text(about("seed_store.korea", known))
    assert "Nothing is to do" in told
    assert "Recorded: /subscriptions/" in told and "Observed: /subscriptions/" in told
    assert "sku: Standard_LRS" in told
    assert "container.seed_store.korea: is recorded as needing it" in told
    document = to_json(about("seed_store.korea", known))
    assert document["recorded"]["id"] == document["observed"]["id"]


def test_a_machine_and_its_order(site: Site) -> None:
    site.go()
    known = facts(site.look())
    told = text(about("web-01", known))
    assert told.startswith("machine.web-01 (delta sync, wave shop)")
    assert "waits for wave pilot to be migrated: wiki-01" in told
    assert "machine.db-01: must be ready in Azure before this one is powered off" in told
    assert "machine.web-01: is cut over after it" in text(about("machine.db-01", known))
    order = about("order.wiki-01", known)
    assert [s.address for s in order.steps] == ["order.wiki-01/000001-migrate"]
    assert "way back" in text(order)
    assert "wave.shop: cut-overs wait until wave pilot is migrated" in text(about("wiki-01", known))
    made = text(about("vm.wiki-01", known))
    assert "the engine makes it while it carries out order.wiki-01/000001-migrate" in made.lower()


def test_a_wave(site: Site) -> None:
    site.go()
    told = text(about("shop", facts(site.look())))
    assert told.startswith("wave.shop (2 delta sync)")
    assert "wave.pilot: its cut-overs wait until wave pilot is migrated" in told
    assert "Asked for by: waves.yaml:7:" in told


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("web-1", "`web-01`"),
        ("machine.web-1", "`machine.web-01`"),
        ("wave.shp", "`wave.shop`"),
        ("order.wiki-1", "`order.wiki-01`"),
        ("seed_disk.db-01/2003", "`seed_disk.db-01/200"),
        ("seed_stor.korea", "`seed_store.korea`"),
    ],
)
def test_did_you_mean(site: Site, given: str, meant: str) -> None:
    with pytest.raises(UnknownAddress, match="Did you mean") as error:
        about(given, facts(site.look()))
    assert meant in str(error.value)


def test_rubbish_is_no_address(site: Site) -> None:
    for given in ("", ".", "x" * 5000, "order.", "vm.\n", "seed_disk./"):
        with pytest.raises(UnknownAddress):
            about(given, facts(site.look()))


def test_out_of_a_plan_file_alone(site: Site) -> None:
    """issue 4: `explain` of a plan file, without estate or state."""
    plan = site.look().plan
    filed = Facts(loads(dumps(plan, 2e9, str(Path.cwd())), "f").plan)
    told = text(about("replication.web-01", filed))
    assert "in the estate, not there yet" in told and "seed_disk.web-01/2000" in told
    assert "Asked for by: waves.yaml:13:" in told
    assert "replication starts with this apply" in text(about("web-01", filed))
    assert "Wave" not in text(about("wave.pilot", filed)).partition("\n")[0]
