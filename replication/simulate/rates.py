"""Who gets how much of what is shared: max-min fair per disk stream, on-demand and final cycles first (S8.5, S13).

A stream passes its host, its appliance and the link. All streams rise together; when something is full, those that pass
it stop there and the others go on. Urgent streams go first, and leave the others the share that the throttle leaves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from replication.throttle import OTHERS

Group = tuple[str, str, bool]
"""Host, appliance, urgent: streams that are alike."""

UNLIMITED = 1e15


@dataclass(frozen=True, slots=True)
class Pipes:
    """Capacities in bytes a second; `appliances` is by name, all hosts are alike."""

    link: float
    appliances: Mapping[str, float]
    host: float
    disk: float


def shares(pipes: Pipes, streams: Mapping[Group, int]) -> dict[Group, float]:
    """Bytes a second of *one* stream of every group. `streams`: how many there are of each, at least 1."""
    urgent = {group: count for group, count in streams.items() if group[2]}
    others = {group: count for group, count in streams.items() if not group[2]}
    left = _capacities(pipes, streams)
    if not urgent:
        return _fill(left, others, pipes.disk)
    kept = {pipe: OTHERS * left[pipe] for pipe in {p for group in others for p in _pipes(group)}}
    for pipe, rate in kept.items():
        left[pipe] -= rate
    found = _fill(left, urgent, pipes.disk)
    for pipe, rate in kept.items():
        left[pipe] += rate
    return found | _fill(left, others, pipes.disk)


def _pipes(group: Group) -> tuple[tuple[str, str], ...]:
    return ("host", group[0]), ("appliance", group[1]), ("link", "")


def _capacities(pipes: Pipes, groups: Iterable[Group]) -> dict[tuple[str, str], float]:
    left = {("link", ""): pipes.link}
    for host, appliance, _ in groups:
        left["host", host] = pipes.host
        left["appliance", appliance] = pipes.appliances[appliance]
    return left


def _fill(left: dict[tuple[str, str], float], streams: Mapping[Group, int], most: float) -> dict[Group, float]:
    """Progressive filling; takes what it gives away from `left`."""
    rising, found, level = dict(streams), {}, 0.0
    while rising:
        through: dict[tuple[str, str], int] = {}
        for group, count in rising.items():
            for pipe in _pipes(group):
                through[pipe] = through.get(pipe, 0) + count
        step = min(most - level, min(left[pipe] / count for pipe, count in through.items()))
        level += step
        full = set()
        for pipe, count in through.items():
            left[pipe] -= step * count
            if left[pipe] <= 1e-6 * count:
                left[pipe] = max(0.0, left[pipe])
                full.add(pipe)
        done = list(rising) if level >= most else [group for group in rising if full.intersection(_pipes(group))]
        for group in done:
            found[group] = level
            del rising[group]
    return found
