"""Cut-over policies: shutdown, the dated window, the downtime budget, and what follows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast
from zoneinfo import ZoneInfo

from planner.config.context import Context
from planner.config.forms import seconds
from planner.config.hooks import read_hooks
from planner.config.tree import Item, text
from planner.config.windows import sentence
from planner.estate import CutoverPolicy, ShutdownPolicy
from replication.bootlog import BOOT_LOG
from replication.windows import BadWindow
from replication.windowtext import parse_date

_PLAIN = ("on_failure", "source_after", "in_blackout", "approval")
_DURATIONS = ("ahead", "downtime", "ready_within", "complete_after")


def window(written: str, time_zone: str) -> tuple[float, float]:
    """`2027-01-17 01:00/05:00` or with a second date -> unix times of its opening and its end in `time_zone`.

    A time that the clock shows twice is taken as the first for both, so a window never grows by an hour; one that the clock
    leaps over is counted on from the hour before. Raises `BadWindow`.
    """
    dated, zone = parse_date(written), ZoneInfo(time_zone)
    opens, closes = (at.replace(tzinfo=zone).timestamp() for at in (dated.begin, dated.end))
    if closes <= opens:
        raise BadWindow("it ends before it begins")
    return opens, closes


def read_cutover(context: Context, items: Mapping[str, Item], base: CutoverPolicy, path: str) -> CutoverPolicy:
    """`base` with what `items` say otherwise; problems are told."""
    changes: dict[str, Any] = {}
    for key in _PLAIN:
        if (given := text(items, key)) is not None:
            changes[key] = given
    for key in _DURATIONS:
        if (given := text(items, key)) is not None:
            changes[key] = seconds(given)
    if "ready" in items:
        changes["ready"] = _ready(context, items["ready"], f"{path}.ready")
    if "hooks" in items:
        changes["hooks"] = read_hooks(context, items["hooks"], f"{path}.hooks")
    if "shutdown" in items:
        changes["shutdown"] = _shutdown(items["shutdown"], base.shutdown)
    written = items.get("window")
    if written is not None and written.text is not None:
        try:
            changes["opens"], changes["closes"] = window(written.text, context.time_zone)
            changes["window"] = written.text
        except BadWindow as error:
            context.problems.add("WL161", sentence(error), written.span, f"{path}.window")
    made = replace(base, **changes)
    room = made.closes - made.opens if made.opens is not None and made.closes is not None else None
    place = items.get("window") or items.get("downtime")
    if room is not None and made.downtime is not None and made.downtime > room and place is not None:
        detail = "The downtime budget is longer than the window into which the whole cut-over must fit."
        context.problems.add("WL158", detail, place.span, path)
    return made


def _ready(context: Context, item: Item, path: str) -> str:
    """A word, or `boot_log` with a pattern, as one text: "boot-log:PATTERN"."""
    if item.text is not None:
        return item.text
    pattern = item.map.get("boot_log")
    try:
        re.compile(pattern.text or "" if pattern is not None else "")
    except re.error as error:
        detail = f"`boot_log` is no regular expression: {error}. Escape what is meant literally with a backslash."
        context.problems.add("WL565", detail, pattern.span if pattern is not None else item.span, f"{path}.boot_log")
        return BOOT_LOG
    return f"{BOOT_LOG}:{pattern.text}" if pattern is not None and pattern.text else BOOT_LOG


def _shutdown(item: Item, standard: ShutdownPolicy) -> ShutdownPolicy:
    """A mode or a mapping."""
    settings = item.map
    wait = text(settings, "wait")
    given = item.text or text(settings, "mode")
    return ShutdownPolicy(
        mode=cast(Any, given or standard.mode),
        wait=seconds(wait) if wait else standard.wait,
        otherwise=cast(Any, text(settings, "then") or standard.otherwise),
    )
