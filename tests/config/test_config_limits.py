"""S8, S9, S10: every number of the schedule and the limits can be written in YAML and reaches the engine's policy."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from planner.config import load, read_sources, render
from replication.schedule import Policy
from wavelift.hosting.policies import policy_of

ESTATE = """\
estate: {name: seoul-exit, schema: 1, time_zone: Asia/Seoul}
azure: {tenant: corp.example, project: {subscription: sub-platform, region: koreacentral, resource_group: rg-wavelift}}
sources: {seoul: {vcenter: vc01.corp.example, login: env:VC}}
appliances:
  gw-1:
    role: primary
    schedule: {delta_minimum: 20m, delta_cap: 12h, retry_after: 3m, initial_in_blackout: release-and-resume}
    limits:
      disks_per_appliance: 16
      host_buffer_mib: 48
      disk_buffer_mib: 8
      snapshots_per_datastore: 5
      machines_per_appliance: 40
      snapshot_hours: 6
      datastore_free_gib: 50
      recheck: 2%
      foreign_snapshot_hours: 8
    blackout: "Friday;18:00;5h"
  gw-2: {role: scale-out}
targets: {korea: {region: koreacentral, resource_group: rg, vnet: vnet, subnets: {VLAN110: snet}}}
waves: {a: {target: korea, machines: {m-1: Standard_D2s_v5}}}
"""
WRITTEN = {
    "delta_minimum": 1200.0, "delta_cap": 43200.0, "retry_after": 180.0, "initial_in_blackout": "release-and-resume",
    "disks_per_appliance": 16, "host_buffer_mib": 48, "disk_buffer_mib": 8, "snapshots_per_datastore": 5,
    "machines_per_appliance": 40, "snapshot_hours": 6.0, "datastore_free_gib": 50.0, "recheck": 0.02,
    "foreign_snapshot_hours": 8.0,
}  # fmt: skip
ELSEWHERE = {"blackout", "time_zone", "aging"}
"""Windows and the zone have keys of their own; how long a cycle may wait before room is kept for it is ours."""


def test_every_number_is_a_policy(tmp_path: Path) -> None:
    """S8.3, S9.1, S9.2, S9.3, S10, S12: defaults as given, each of them overridable; a running engine takes them from here
    (`test_a_change_of_policies_is_handed_to_the_running_engine`)."""
    (tmp_path / "estate.yaml").write_text(ESTATE, encoding="utf-8")
    loaded = load(tmp_path, env={})
    assert loaded.estate is not None, render(loaded.diagnostics, read_sources(loaded.diagnostics))
    policy, plain = (policy_of(loaded.estate.appliances[name]) for name in ("gw-1", "gw-2"))
    assert {name: getattr(policy, name) for name in WRITTEN} == WRITTEN
    assert policy.disks_per_host == 6 and policy.blackout.windows
    assert {f.name for f in fields(Policy)} == WRITTEN.keys() | ELSEWHERE, "a policy that nobody can write"
    given = Policy()
    assert all(getattr(plain, name) == getattr(given, name) for name in WRITTEN)
    assert (given.disks_per_appliance, given.disks_per_host, given.snapshots_per_datastore) == (52, 8, 15)
    assert (given.delta_minimum, given.delta_cap, given.machines_per_appliance) == (3600.0, None, 300)
