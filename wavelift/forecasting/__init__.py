"""Forecasts: when initial replications end, how long cut-overs take and when they may begin, space and cost. Nothing decides by
them; the schedule's own `decide` and the engine's own downtime forecast are asked."""
