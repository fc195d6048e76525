"""One address of a plan explained: why it is in the plan, what it waits for and what for it, who asked. Pure."""

from planner.about.model import About, Link
from planner.about.tell import Facts, UnknownAddress, about

__all__ = ["About", "Facts", "Link", "UnknownAddress", "about"]
