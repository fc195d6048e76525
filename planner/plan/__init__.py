"""`plan(desired, recorded, observed) -> Plan`: pure, deterministic; the plan is a value that explain and apply both walk."""

from planner.plan.build import plan, with_issues
from planner.plan.model import Plan, World

__all__ = ["Plan", "World", "plan", "with_issues"]
