"""A plan as a file: one JSON text that can be read and shown without what it was made from. Pure: bytes in, bytes out.

`planner.planfile.stale` holds a plan of a file against one of now; it needs the planner, reading and showing do not.
"""

from planner.planfile.envelope import BadPlanFile, PlanFile, digest_of, dumps, loads

__all__ = ["BadPlanFile", "PlanFile", "digest_of", "dumps", "loads"]
