"""The forecast that stands beside a plan: printed with it, kept in its file, and told again from there. It depends on the hour
and on how far replication is, so it is outside of the plan's digest, and nothing is decided by it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from planner.artifact import Json
from planner.explain.markdown import escaped
from replication.model.jsonform import loader, plain
from wavelift.applying.planio import refusal
from wavelift.forecasting import text as words
from wavelift.forecasting.model import Forecast

if TYPE_CHECKING:
    from planner.planfile.envelope import PlanFile

MOST = 1000
"""Machines up to which a plan simulates initial replications itself: a second."""
ROWS = 20
"""Of every table."""
GRAIN = 600.0
"""Seconds to which the moment is rounded down that a plan's forecast is made for, so that the same input gives the same bytes."""


def rounded(now: float) -> float:
    return now // GRAIN * GRAIN


def kept(found: Forecast) -> Json:
    """As it stands in a plan file."""
    return plain(found)


def of_file(file: PlanFile, path: Path) -> Forecast | None:
    """What stands in a plan file; None where nothing does. `UserProblem` for what `kept` did not make."""
    if file.forecast is None:
        return None
    try:
        found: Forecast = loader(Forecast)(file.forecast, "forecast")
        text(found)  # a zone that there is, times that have a date
    except (ValueError, OSError, LookupError, ArithmeticError) as error:
        told = f"{path} is damaged or was changed: its forecast cannot be read ({str(error)[:80]!r}). Plan again."
        raise refusal("WL401", told) from error
    return found


def text(found: Forecast) -> str:
    """Behind the plan's text; empty when there is nothing to forecast."""
    page = words.text(found, ROWS)
    return f"\nForecast ({_when(found)}; no part of the plan)\n\n{page}" if page else ""


def markdown(found: Forecast) -> str:
    """Open in a pull request's comment; empty when there is nothing to say."""
    parts = ["\n".join(f"- {escaped(line)}" for line in found.warned), words.markdown(found, ROWS)]
    told = [part for part in (f"Forecast of {_when(found)}, no part of the plan.", *parts) if part]
    return "\n\n".join(told) if len(told) > 1 else ""


def cost(found: Forecast) -> str:
    """`seeds +310.00 USD a month`: what the plan adds to the bill; empty when it changes nothing there."""
    known = [amount for amount in found.added.values() if amount is not None]
    unknown = "" if len(known) == len(found.added) else ", unknown in part" if known else " unknown"
    told = f" {sum(known):+,.2f} {found.currency} a month" if known else ""
    return f"seeds{told or ' cost'}{unknown}" if found.added else ""


def _when(found: Forecast) -> str:
    return f"{words.clock(found, found.at)} {datetime.fromtimestamp(found.at, ZoneInfo(found.zone)):%Z}"
