"""Policies by name or inline: schedule, limits, blackout, throttle, cut-over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from planner.config.context import Context
from planner.config.cutover import read_cutover
from planner.config.forms import seconds
from planner.config.tree import Item, entries, number, text
from planner.config.windows import read_blackout, read_throttle
from planner.estate import BlackoutPolicy, CutoverPolicy, LimitsPolicy, SchedulePolicy, ThrottlePolicy
from planner.wording import did_you_mean, quote


class Policies:
    """Every declared policy resolved once, so that 10,000 machines share one value and its problems are told once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        declared = entries(context.tree, "policies")
        self._blackouts = {
            name: read_blackout(context.problems, item, f"policies.blackout.{name}", name)
            for name, item in entries(declared, "blackout").items()
        }
        self._throttles = {
            name: read_throttle(context.problems, item, f"policies.throttle.{name}", name)
            for name, item in entries(declared, "throttle").items()
        }
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

    def blackout(self, items: Mapping[str, Item], path: str) -> BlackoutPolicy | None:
        """A text with a semicolon is the windows themselves, any other a policy's name."""
        item = items.get("blackout")
        if item is None:
            return None
        if item.text is None or ";" in item.text:
            return read_blackout(self._context.problems, item, f"{path}.blackout")
        return self._blackouts.get(self._named("blackout", item, path, self._blackouts))

    def throttle(self, items: Mapping[str, Item], path: str) -> ThrottlePolicy | None:
        item = items.get("throttle")
        if item is None:
            return None
        if item.text is None:
            return read_throttle(self._context.problems, item, f"{path}.throttle")
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
            initial_in_blackout=cast(
                Literal["continue", "release-and-resume"],
                text(item.map, "initial_in_blackout") or standard.initial_in_blackout,
            ),
        )
        if policy.delta_cap is not None and policy.delta_cap < policy.delta_minimum:
            least = minimum or "1h, its default"
            detail = f"`delta_cap` {cap} is shorter than `delta_minimum` ({least}). Raise the one or lower the other."
            self._context.problems.add("WL158", detail, item.map["delta_cap"].key, path)
        return policy

    def _check_limits(self, item: Item, path: str) -> LimitsPolicy:
        given: dict[str, Any] = {
            key: float(value) if key in _FRACTIONS else value
            for key in LimitsPolicy.__dataclass_fields__.keys() - {"recheck"}
            if (value := number(item.map, key)) is not None
        }
        if share := text(item.map, "recheck"):
            given["recheck"] = float(share.removesuffix("%")) / 100
        policy = LimitsPolicy(**given)
        if policy.disk_buffer_mib > policy.host_buffer_mib:
            detail = (
                f"One disk takes {policy.disk_buffer_mib} MiB of a host's {policy.host_buffer_mib} MiB, so no disk "
                "could ever be read. Raise `host_buffer_mib` or lower `disk_buffer_mib`."
            )
            self._context.problems.add("WL158", detail, item.key, path)
        return policy


_FRACTIONS = frozenset({"snapshot_hours", "datastore_free_gib", "foreign_snapshot_hours"})
