"""`plan(desired, recorded, observed) -> Plan`: pure, deterministic; the plan is a value that explain and apply both walk."""

from planner.plan.build import plan, with_issues
from planner.plan.model import Asked, Plan, World

__all__ = ["Asked", "Plan", "World", "plan", "with_issues"]
