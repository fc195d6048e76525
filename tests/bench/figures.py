"""Which figures there are: fixed names, their units, and who measures them. Names are added, never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure with what it came from, in one line."""

    name: str
    value: float
    how: str


Measure = Callable[[Path], Iterator[Measured]]
"""Measures in a new folder that is removed afterwards; leaves no process behind, whatever happens."""


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that come out of one measurement. `module` has a function `measure`; it is imported when it is its turn."""

    module: str
    units: dict[str, str]


GROUPS = (
    Group("start", {"python_pass_s": "s", "help_s": "s"}),
    Group("sealing", {"seal_mib_s_per_core": "MiB/s", "unseal_mib_s_per_core": "MiB/s"}),
    Group("validating", {"validate_10000_machines_s": "s", "validate_10000_machines_warm_s": "s"}),
    Group("plan_500", {"plan_500_machines_s": "s"}),
    Group("plan_1000", {"plan_1000_machines_s": "s"}),
    Group("plan_10000", {"plan_10000_machines_s": "s", "plan_10000_machines_rss_mib": "MiB"}),
    Group(
        "noop",
        {
            "plan_10000_machines_noop_s": "s",
            "plan_10000_machines_noop_rss_mib": "MiB",
            "plan_10000_machines_edit_s": "s",
        },
    ),
    Group("growth", {"plan_growth_1000_to_10000": "of 1"}),
    Group("showing", {"show_markdown_10000_s": "s"}),
    Group("graphing", {"graph_10000_s": "s"}),
    Group("applying", {"apply_3000_noop_s": "s", "apply_30000_noop_s": "s", "apply_noop_growth_3000_to_30000": "of 1"}),
    Group("stating", {"state_blob_3000_steps_s": "s"}),
    Group("inventory", {"inventory_10000_s": "s"}),
    Group("simulate", {"simulate_week_500_machines_s": "s"}),
    Group("foretelling", {"forecast_10000_machines_s": "s"}),
    Group(
        "throttle",
        {"throttle_10_mbit_share": "of 1", "throttle_50_mbit_share": "of 1", "throttle_200_mbit_share": "of 1"},
    ),
    Group(
        "initial",
        {
            "initial_mib_s": "MiB/s",
            "initial_mib_s_per_core": "MiB/s",
            "replication_rss_mib": "MiB",
            "initial_snapshot_open_s": "s",
            "snapshot_open_s_per_gib": "s",
        },
    ),
    Group("many", {"disks_in_flight_52_rss_mib": "MiB", "disks_in_flight": "disks"}),
    Group(
        "patterns",
        {
            "amplification_sequential": "of 1",
            "amplification_random_4kib": "of 1",
            "amplification_every_other_sector": "of 1",
            "amplification_rewrite": "of 1",
        },
    ),
    Group("cutover", {"cutover_downtime_10gib_s": "s", "cutover_downtime_1tib_s": "s"}),
    Group("delta", {"delta_64mib_on_10gib_s": "s", "delta_64mib_on_1tib_s": "s"}),
)


def chosen(names: list[str]) -> list[Group]:
    """The groups that hold any of `names`; all of them when none is given. KeyError names an unknown one."""
    known = {name: group for group in GROUPS for name in group.units}
    if not names:
        return list(GROUPS)
    return [group for group in GROUPS if any(known[name] is group for name in names)]
