"""Desired: from the estate's files and the inventory to artifacts, references and machine wishes (pure)."""

from planner.desired.build import Desired, build
from planner.desired.machine import DesiredMachine

__all__ = ["Desired", "DesiredMachine", "build"]
