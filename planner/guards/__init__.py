"""Rules on the estate's authors (`rules`): checked on the files alone and on a plan, each answer with rule id and line. Pure."""

from planner.guards.files import broken_in_files
from planner.guards.nights import cut_over_tonight
from planner.guards.onplan import broken_by_plan, forbidden_now

__all__ = ["broken_by_plan", "broken_in_files", "cut_over_tonight", "forbidden_now"]
