"""The estate's policies as the engine takes them."""

from __future__ import annotations

from planner.estate import Appliance
from replication.schedule import Policy
from replication.throttle import Except, Throttle
from replication.windows import Blackout
from replication.windowtext import parse


def policy_of(appliance: Appliance) -> Policy:
    return Policy(
        delta_minimum=appliance.schedule.delta_minimum,
        delta_cap=appliance.schedule.delta_cap,
        retry_after=appliance.schedule.retry_after,
        disks_per_appliance=appliance.limits.disks_per_appliance,
        host_buffer_mib=appliance.limits.host_buffer_mib,
        disk_buffer_mib=appliance.limits.disk_buffer_mib,
        snapshots_per_datastore=appliance.limits.snapshots_per_datastore,
        machines_per_appliance=appliance.limits.machines_per_appliance,
        snapshot_hours=appliance.limits.snapshot_hours,
        datastore_free_gib=appliance.limits.datastore_free_gib,
        recheck=appliance.limits.recheck,
        foreign_snapshot_hours=appliance.limits.foreign_snapshot_hours,
        blackout=blackout_of(appliance),
        initial_in_blackout=appliance.schedule.initial_in_blackout,
        time_zone=appliance.time_zone,
    )


def blackout_of(appliance: Appliance) -> Blackout:
    policy = appliance.blackout
    return Blackout(parse(policy.windows), appliance.time_zone, policy.name) if policy else Blackout((), appliance.time_zone)


def throttle_of(appliance: Appliance) -> Throttle:
    policy = appliance.throttle
    if policy is None:
        return Throttle(None, (), appliance.time_zone)
    exceptions = tuple(Except(parse(e.windows), e.bits_per_s) for e in policy.exceptions)
    return Throttle(policy.bits_per_s, exceptions, appliance.time_zone, policy.name)
