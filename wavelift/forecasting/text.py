"""A forecast in words, as Markdown and as JSON. Clocks are the estate's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from planner.explain.markdown import escaped
from planner.explain.text import plain
from planner.legal import Legal
from replication.engine.orders.forecast import AZURE
from wavelift.forecasting.model import Cutover, Forecast, Start

UNKNOWN = "unknown"
Table = tuple[str, Sequence[str], list[list[str]]]
"""Title, headings, rows."""


def text(found: Forecast, most: int | None = None) -> str:
    """Plain text; of every table at most `most` rows. Empty when there is nothing to forecast."""
    lines: list[str] = []
    for title, heads, rows in _tables(found):
        shown = rows if most is None else rows[:most]
        widths = [max(len(row[n]) for row in (heads, *shown)) for n in range(len(heads))]
        lines.append(f"{title}:")
        for row in (heads, *shown):
            lines.append("  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
        if len(shown) < len(rows):
            lines.append(f"  … and {len(rows) - len(shown)} more: run `wavelift forecast`")
        lines.append("")
    return "\n".join(map(plain, [*lines, *_closing(found)])) + "\n" if lines or found.left_out or found.change else ""


def markdown(found: Forecast, most: int | None = None) -> str:
    """Tables for a pull request; of each at most `most` rows."""
    lines: list[str] = []
    for title, heads, rows in _tables(found):
        shown = rows if most is None else rows[:most]
        lines += [f"**{title}**", "", _row(heads), _row("---" for _ in heads), *(_row(row) for row in shown), ""]
        if len(shown) < len(rows):
            lines += [f"… and {len(rows) - len(shown)} more: run `wavelift forecast`", ""]
    for line in _closing(found):
        lines += [escaped(line), ""]
    return "\n".join(lines)


def to_json(found: Forecast) -> dict[str, Any]:
    """Plain JSON: null is "unknown"."""
    document = {"format": "wavelift-forecast-1", **asdict(found), "ends": found.ends}
    document["cost"] = {"currency": found.currency or None, "month": dict(found.cost), "known": found.monthly}
    del document["currency"]
    return document


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(escaped, cells)) + " |"


_CUTOVERS = ("wave", "machine", "lag", "last delta", "downtime p50 / p90", "budget", "earliest off .. up", "if it fails", "")


def _tables(found: Forecast) -> Iterator[Table]:
    """What is off soonest comes first; of what starts, the waves before their machines."""
    if found.cutovers:
        heads: Sequence[str] = _CUTOVERS
        yield "Cut-overs", heads, [_cutover(found, one) for one in found.cutovers]
    if found.starts:
        waves: dict[str, list[Start]] = {}
        for one in found.starts:
            waves.setdefault(one.wave, []).append(one)
        heads = ("wave", "machines", "to send", "begins", "ends", "snapshot open", "grows on")
        yield "Initial replications by wave", heads, [_wave(found, wave, ones) for wave, ones in waves.items()]
        heads = ("wave", "machine", "to send", "begins", "ends", "snapshot open", "grows on", "blackouts")
        yield "Initial replications", heads, [_start(found, one) for one in found.starts]


def _start(found: Forecast, one: Start) -> list[str]:
    return [
        *(one.wave, one.machine, size(one.bytes), clock(found, one.begins), clock(found, one.ends)),
        UNKNOWN if one.snapshot is None else span(one.snapshot),
        f"{_space(one.space, one.free)} (churn {one.churn})",
        str(one.windows) if one.ends is not None else UNKNOWN,
    ]


def _wave(found: Forecast, wave: str, ones: list[Start]) -> list[str]:
    """A wave's machines together: what their snapshots may grow to at once is what the datastore must have free."""
    begins = [one.begins for one in ones if one.begins is not None]
    opened = [one.snapshot for one in ones if one.snapshot is not None]
    grown: dict[str, int] = {}
    free: dict[str, int] = {}
    for one in ones:
        for store, amount in one.space.items():
            grown[store] = grown.get(store, 0) + amount
        free.update(one.free)
    return [
        *(wave, str(len(ones)), size(sum(one.bytes for one in ones))),
        clock(found, min(begins) if begins else None),
        _last(found, ones),
        span(max(opened)) if len(opened) == len(ones) else UNKNOWN,
        _space(grown, free),
    ]


def _space(grown: Mapping[str, int], free: Mapping[str, int]) -> str:
    """`ds-07 60 GiB of 420 GiB free`."""
    said = (f"{name} {size(amount)}" + (f" of {size(free[name])} free" if name in free else "") for name, amount in grown.items())
    return ", ".join(said) or UNKNOWN


def _last(found: Forecast, ones: list[Start]) -> str:
    ends = [one.ends for one in ones if one.ends is not None]
    return clock(found, max(ends)) if len(ends) == len(ones) else UNKNOWN


def _cutover(found: Forecast, one: Cutover) -> list[str]:
    known = one.p50 is not None and one.p90 is not None
    return [
        *(one.wave, one.machine, UNKNOWN if one.lag is None else span(one.lag)),
        UNKNOWN if one.bytes50 is None else size(one.bytes50),
        f"{span(one.p50 or 0.0)} / {span(one.p90 or 0.0)}" if known else f"{UNKNOWN} (nothing measured yet)",
        "none" if one.budget is None else span(one.budget) + (" ok" if known and (one.p90 or 0.0) <= one.budget else ""),
        legal(found, one.legal, one.p90),
        _FAILS.get(one.on_failure, one.on_failure),
        f"! {one.short}" if one.short else "",
    ]


_FAILS = {"retry": "try again", "power_on_source": "power the source on", "hold-wave": "hold the wave"}


def legal(found: Forecast, start: Legal, down: float | None = None) -> str:
    """The earliest legal start and what decides it; with `down` (seconds) also when the machine is up again."""
    why = f" ({'; '.join(start.why)})" if start.why else ""
    if start.at is None:
        return f"never{why}" if why else "never"
    if start.at <= found.at:  # told from a plan file, "now" is whenever it is applied
        return "now" + (f" .. {span(down)} later" if down is not None else "") + why
    up = f" .. {datetime.fromtimestamp(start.at + down, ZoneInfo(found.zone)):%H:%M}" if down is not None else ""
    return clock(found, start.at) + up + why


def _closing(found: Forecast) -> Iterator[str]:
    if found.left_out:
        yield f"Forecast: {found.left_out}."
    for region, amount in found.cost.items():
        held = size(found.seeds[region])
        price = f"{amount:,.2f} {found.currency} a month" if amount is not None else f"{UNKNOWN} (no price under `prices`)"
        yield f"Seeds in {region}: {held}, {price}{_with_this(found, region)}."
    if len(found.cost) > 1 and found.monthly is not None:
        rest = [region for region, amount in found.cost.items() if amount is None]
        also = f", and {UNKNOWN} for {', '.join(rest)}" if rest else ""
        yield f"Seeds in all: {found.monthly:,.2f} {found.currency} a month{also}."
    assumed = [one.machine for one in found.cutovers if one.azure_assumed]
    if assumed:
        names = ", ".join(assumed[:6]) + (f" and {len(assumed) - 6} more" if len(assumed) > 6 else "")
        yield f"Assumed in downtimes: {AZURE:g} s for Azure to make and start a VM, until a test migration measures it: {names}."
    if found.starts:
        yield "Assumed: " + "; ".join(f"{what} {value}" for what, value in found.assumed.items()) + "."


def _with_this(found: Forecast, region: str) -> str:
    """`; this plan +310.00 USD a month`: what its steps add to the bill, or take from it."""
    change = found.change.get(region)
    if change is None:
        return ""
    amount = found.added.get(region)
    told = f", {amount:+,.2f} {found.currency} a month" if amount is not None else ""
    return f"; this plan {'+' if change > 0 else '-'}{size(abs(change))}{told}"


def clock(found: Forecast, at: float | None) -> str:
    """Minutes are enough for hours; what is over within two minutes shows seconds."""
    if at is None:
        return UNKNOWN
    when = datetime.fromtimestamp(at, ZoneInfo(found.zone))
    return f"{when:%a %Y-%m-%d %H:%M:%S}" if abs(at - found.at) < 600 else f"{when:%a %Y-%m-%d %H:%M}"


def span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02}" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def size(amount: float) -> str:
    unit = "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.4g} {unit}"
