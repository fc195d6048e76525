"""Drift: what is recorded against what is there now, in Azure and in vCenter (pure). `find` makes the value, `show` the texts."""

from planner.drift.find import Seen, find
from planner.drift.model import Drift, Finding, Severity

__all__ = ["Drift", "Finding", "Seen", "Severity", "find"]
