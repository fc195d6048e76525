"""The nightly's lines about money: what seeds cost, and what completing a wave would save (users.md, screen 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from replication.model.record import OrderStep, StepState
from tests.planner.site import Site, vm
from wavelift.forecasting import seedcost

DAY = 86400.0
MIGRATED = 1_800_000_000.0
PRICES = "prices: {currency: USD, seed_gib_month: {koreacentral: 0.5}}\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    site = Site(Path(), vm(1, "web-01", (8,)), vm(2, "web-02", (16, 4)))
    wave(site, "replicate")
    site.go()
    yield site


def wave(site: Site, phase: str, second: str = "") -> None:
    machines = f"{{web-01: Standard_D2s_v5, web-02: {{size: Standard_D2s_v5{second}}}}}"
    cutover = "{complete_after: 7d}"
    head = f"waves:\n  pilot:\n    target: korea\n    phase: {phase}\n    cutover: {cutover}\n"
    site.files(waves=f"{head}    machines: {machines}\n")


def told(site: Site, now: float) -> list[str]:
    looked = site.look(now=now)
    return list(seedcost.lines(site.workspace.estate, looked.state, looked.records, now))


def ended(site: Site) -> None:
    for documents in site.engine.stores.values():
        for uuid, record in documents.records.items():
            assert record.order is not None
            step = OrderStep("start the Azure VM", StepState.DONE, MIGRATED - 60, MIGRATED)
            documents.records[uuid] = replace(record, order=replace(record.order, steps=(step,)))


def test_seeds_have_a_price_or_are_unknown(site: Site) -> None:
    """users.md, screen 5: "seeds 1,240 USD/month"; what has no price is unknown, never 0."""
    assert told(site, MIGRATED) == ["seeds unknown for koreacentral 28.0 GiB (no price under `prices`)"]
    site.files(prices=PRICES)
    assert told(site, MIGRATED) == ["seeds 14.00 USD/month"]


def test_what_is_ready_to_complete_says_since_when_and_what_it_saves(site: Site) -> None:
    """users.md, screen 5: "pilot ready to complete since 4 days: -180"; not while `complete_after` or a hold keeps it."""
    site.files(prices=PRICES)
    wave(site, "migrate")
    site.go()
    ended(site)
    assert told(site, MIGRATED + 6 * DAY) == ["seeds 14.00 USD/month"]
    assert told(site, MIGRATED + 11 * DAY)[1:] == ["pilot ready to complete since 4 d: -14.00 USD/month"]
    wave(site, "migrate", ", hold: INC-881")
    assert told(site, MIGRATED + 11 * DAY)[1:] == ["pilot (web-01) ready to complete since 4 d: -4.00 USD/month"]
    wave(site, "complete")
    site.now = MIGRATED + 11 * DAY
    site.go(allow_destroy=3)
    assert told(site, MIGRATED + 11 * DAY) == []
