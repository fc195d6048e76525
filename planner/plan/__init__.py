"""`plan(desired, recorded, observed) -> Plan`: pure, deterministic; the plan is a value that explain and apply both walk.

What makes a plan is imported when it is first asked for: a plan file is read and shown without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planner.plan.model import Asked, Plan, World

if TYPE_CHECKING:
    from planner.plan.build import plan, with_issues

__all__ = ["Asked", "Plan", "World", "plan", "with_issues"]


def __getattr__(name: str) -> Any:
    if name in ("plan", "with_issues"):
        from planner.plan import build

        return getattr(build, name)
    raise AttributeError(name)
