"""Forecasts: when initial replications end, how long cut-overs take and when they may begin, space and cost. Nothing decides by
them; the schedule's own `decide` and the engine's own downtime forecast are asked."""

from wavelift.forecasting.make import forecast
from wavelift.forecasting.model import Cutover, Forecast, Start

__all__ = ["Cutover", "Forecast", "Start", "forecast"]
