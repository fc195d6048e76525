"""Policies by name or inline: schedule, limits, blackout, throttle, cut-over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.config.collect import did_you_mean, quote
from planner.config.context import Context
from planner.config.cutover import read_cutover
from planner.config.forms import bits_per_second, seconds
from planner.config.tree import Item, entries, number, text
from planner.estate import CutoverPolicy, LimitsPolicy, SchedulePolicy


class Policies:
    """Every declared policy resolved once, so that 10,000 machines share one value and its problems are told once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        declared = entries(context.tree, "policies")
        self._blackouts = {name: item.text or "" for name, item in entries(declared, "blackout").items()}
        self._throttles = {name: _throttle(item.map) for name, item in entries(declared, "throttle").items()}
        self._cutovers = {
            name: read_cutover(context, item.map, CutoverPolicy(), f"policies.cutover.{name}")
            for name, item in entries(declared, "cutover").items()
        }
        for name, item in entries(declared, "cutover").items():
            if "policy" in item.map:
                detail = "A policy is not made from another one: write here what it says, and leave `policy` out."
                context.problems.add("WL128", detail, item.map["policy"].key, f"policies.cutover.{name}.policy")
        self._schedules = {
            name: self._check_schedule(item, f"policies.schedule.{name}")
            for name, item in entries(declared, "schedule").items()
        }
        self._limits = {
            name: self._check_limits(item, f"policies.limits.{name}")
            for name, item in entries(declared, "limits").items()
        }

    def schedule(self, items: Mapping[str, Item], path: str) -> SchedulePolicy:
        item = items.get("schedule")
        if item is None:
            return SchedulePolicy()
        if item.text is None:
            return self._check_schedule(item, f"{path}.schedule")
        return self._schedules.get(self._named("schedule", item, path, self._schedules), SchedulePolicy())

    def limits(self, items: Mapping[str, Item], path: str) -> LimitsPolicy:
        item = items.get("limits")
        if item is None:
            return LimitsPolicy()
        if item.text is None:
            return self._check_limits(item, f"{path}.limits")
        return self._limits.get(self._named("limits", item, path, self._limits), LimitsPolicy())

    def blackout(self, items: Mapping[str, Item], path: str) -> str | None:
        """The wire string; a text with a semicolon is the windows themselves, any other a policy's name."""
        item = items.get("blackout")
        if item is None or item.text is None:
            return None
        if ";" in item.text:
            return tidy_windows(item.text)
        found = self._blackouts.get(self._named("blackout", item, path, self._blackouts))
        return tidy_windows(found) if found else None

    def throttle(self, items: Mapping[str, Item], path: str) -> int | None:
        item = items.get("throttle")
        if item is None:
            return None
        if item.text is None:
            return _throttle(item.map)
        return self._throttles.get(self._named("throttle", item, path, self._throttles))

    def cutover(self, item: Item, path: str) -> CutoverPolicy:
        """The policy that `item` names or is; one that names a `policy` is that one with what it says otherwise. The
        default policy when the name is unknown."""
        if item.text is None:
            named = item.map.get("policy")
            base = self.cutover(named, path) if named is not None and named.text else CutoverPolicy()
            return read_cutover(self._context, item.map, base, f"{path}.cutover")
        return self._cutovers.get(self._named("cutover", item, path, self._cutovers), CutoverPolicy())

    def _named(self, kind: str, item: Item, path: str, known: Mapping[str, object]) -> str:
        name = item.text or ""
        if name not in known:
            detail = f"There is no policy {quote(f'policies.{kind}.{name}')}.{did_you_mean(name, known)}"
            self._context.problems.add("WL142", detail, item.span, f"{path}.{kind}")
        return name

    def _check_schedule(self, item: Item, path: str) -> SchedulePolicy:
        standard = SchedulePolicy()
        minimum, cap, retry = (text(item.map, key) for key in ("delta_minimum", "delta_cap", "retry_after"))
        policy = SchedulePolicy(
            delta_minimum=seconds(minimum) if minimum else standard.delta_minimum,
            delta_cap=seconds(cap) if cap else None,
            retry_after=seconds(retry) if retry else standard.retry_after,
        )
        if policy.delta_cap is not None and policy.delta_cap < policy.delta_minimum:
            least = minimum or "1h, its default"
            detail = f"`delta_cap` {cap} is shorter than `delta_minimum` ({least}). Raise the one or lower the other."
            self._context.problems.add("WL158", detail, item.map["delta_cap"].key, path)
        return policy

    def _check_limits(self, item: Item, path: str) -> LimitsPolicy:
        given: dict[str, Any] = {
            key: float(value) if key in _FRACTIONS else value
            for key in LimitsPolicy.__dataclass_fields__
            if (value := number(item.map, key)) is not None
        }
        policy = LimitsPolicy(**given)
        if policy.disk_buffer_mib > policy.host_buffer_mib:
            detail = (
                f"One disk takes {policy.disk_buffer_mib} MiB of a host's {policy.host_buffer_mib} MiB, so no disk "
                "could ever be read. Raise `host_buffer_mib` or lower `disk_buffer_mib`."
            )
            self._context.problems.add("WL158", detail, item.key, path)
        return policy


_FRACTIONS = frozenset({"snapshot_hours", "datastore_free_gib"})


def tidy_windows(wire: str) -> str:
    """The wire form with one spelling: hours of a start time without a leading zero, one blank around each bar."""
    return " | ".join(
        part.strip().replace(";0", ";", 1) if _leading_zero(part) else part.strip() for part in wire.split("|")
    )


def _leading_zero(interval: str) -> bool:
    start = interval.split(";")[1]
    return len(start) == 5 and start.startswith("0")


def _throttle(items: Mapping[str, Item]) -> int | None:
    rate = text(items, "rate")
    return bits_per_second(rate) if rate else None


