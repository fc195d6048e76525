"""Cut-over policies and windows as an estate writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from planner.config import load, read_sources, render
from planner.config.cutover import BadWindow, window
from planner.estate import CutoverPolicy, Estate

ESTATE = """\
estate: {name: seoul-exit, schema: 1, time_zone: Asia/Seoul}
azure: {tenant: corp.example, project: {subscription: sub-platform, region: koreacentral, resource_group: rg-wavelift}}
sources: {seoul: {vcenter: vc01.corp.example, login: env:VC}}
appliances: {gw-1: {role: primary}}
policies:
  cutover:
    night: {downtime: 30m, shutdown: {wait: 10m, then: fail}, on_failure: hold-wave, ready: agent,
            source_after: off-and-nic-disconnected}
targets: {korea: {region: koreacentral, resource_group: rg, vnet: vnet, subnets: {VLAN110: snet}}}
waves:
  shop:
    target: korea
    phase: migrate
    cutover: {policy: night, window: 2027-01-17 01:00/05:00}
    machines:
      shop-db-01: Standard_E8s_v5
      shop-app-01: {size: Standard_D4s_v5, start_after: shop-db-01}
      shop-web-01: {size: Standard_D4s_v5, cutover: {policy: night, window: 2027-01-24 23:00/03:00, ready: "tcp:443"}}
"""


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    (tmp_path / "estate.yaml").write_text(ESTATE, encoding="utf-8")
    loaded = load(tmp_path, env={})
    assert loaded.estate is not None, render(loaded.diagnostics, read_sources(loaded.diagnostics))
    return loaded.estate


def at(*when: int) -> float:
    return datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]  # year, month, day, hour, minute


def test_a_window_on_a_wave_and_one_on_a_machine(estate: Estate) -> None:
    """Weeks, 24; examples/estate.yaml: a policy's name and a dated window, in the estate's time zone."""
    wave: CutoverPolicy = estate.machines["shop-db-01"].cutover
    assert (wave.opens, wave.closes) == (at(2027, 1, 16, 16, 0), at(2027, 1, 16, 20, 0))
    assert (wave.downtime, wave.on_failure, wave.ready) == (1800.0, "hold-wave", "agent")
    assert wave.source_after == "off-and-nic-disconnected" and wave.window == "2027-01-17 01:00/05:00"
    own = estate.machines["shop-web-01"].cutover
    assert (own.opens, own.closes) == (at(2027, 1, 24, 14, 0), at(2027, 1, 24, 18, 0))
    assert own.ready == "tcp:443" and own.shutdown == wave.shutdown
    assert estate.machines["shop-app-01"].start_after == "shop-db-01"


@pytest.mark.parametrize(
    ("written", "zone", "hours"),
    [
        ("2027-03-28 01:00/05:00", "Europe/Berlin", 3.0),
        ("2027-10-31 01:00/05:00", "Europe/Berlin", 5.0),
        ("2027-10-31 02:30/02:45", "Europe/Berlin", 0.25),
        ("2027-01-17 23:00/05:00", "Asia/Seoul", 6.0),
        ("2027-01-16 22:00/2027-01-18 05:00", "Asia/Seoul", 31.0),
        ("2027-01-17 1:00 / 5:00", "UTC", 4.0),
    ],
)
def test_windows_over_a_change_of_the_clock(written: str, zone: str, hours: float) -> None:
    """DST safe: a window is as long as the clock on the wall says, in real hours."""
    opens, closes = window(written, zone)
    assert closes - opens == hours * 3600


@pytest.mark.parametrize(
    "written", ["2027-01-17 05:00/2027-01-17 01:00", "2027-02-29 01:00/02:00", "2027-01-17 25:00/26:00", "Sunday 01:00/05:00"]
)
def test_windows_that_cannot_be(written: str) -> None:
    with pytest.raises(BadWindow):
        window(written, "UTC")
