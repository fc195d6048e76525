"""A week of a fleet in seconds: the schedule's own `decide` with a fake clock and no data. Pure: no clock; chance is seeded."""

from replication.model.extents import GIB
from replication.simulate.fleet import made_up, uneven
from replication.simulate.model import DAY, MBIT, Assumptions, Event, Fleet, Migration, SimMachine
from replication.simulate.report import Report, Spread, Use, report, text
from replication.simulate.run import Simulation

__all__ = [
    "DAY",
    "GIB",
    "MBIT",
    "Assumptions",
    "Event",
    "Fleet",
    "Migration",
    "Report",
    "SimMachine",
    "Simulation",
    "Spread",
    "Use",
    "made_up",
    "report",
    "text",
    "uneven",
]
