"""Apply: walk the plan's steps, in parallel where they are independent, with the journal ahead of every outside call."""

from planner.apply.doer import Doer, Outside, Source
from planner.apply.executor import Outcome, Reporter, execute

__all__ = ["Doer", "Outcome", "Outside", "Reporter", "Source", "execute"]
