"""A plan as a file: one JSON text that can be read and shown without what it was made from. Pure: bytes in, bytes out."""

from planner.planfile.envelope import BadPlanFile, PlanFile, dumps, loads
from planner.planfile.stale import Moved, moved

__all__ = ["BadPlanFile", "Moved", "PlanFile", "dumps", "loads", "moved"]
