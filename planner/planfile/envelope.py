"""The bytes of a plan file.

    {"format":"wavelift-plan-file-1","digest":"…","valid_until":"…","serial":N,"checksum":"…","plan":
    {"estate":…,"steps":[
    {…},
    …]}
    ,"where":{…},"forecast":{…}}

`digest` is the sha256 of the plan's own text: all that it does and says. `checksum` is that of everything else in the file,
digest included, so that no byte can change unnoticed. What is not digested are the places in the YAML files, the serial of the
state, the end of validity and the forecast: the same plan has the same digest whenever it was made, and an approval holds for
what is approved. The end of validity is rounded up (see `valid_until`), so that the same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from planner.garbage import paused_gc
from planner.plan.model import Plan
from planner.planfile.codec import body, places, plan_of
from planner.state import Begun
from replication.model.parse import parsed

FORMAT = "wavelift-plan-file-1"
LARGEST = 512 * 1024 * 1024
"""Bytes. 10,000 machines that all begin are some 35 MB."""

_HEAD = re.compile(
    rb'\{"format":"wavelift-plan-file-1","digest":"([0-9a-f]{64})","valid_until":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)",'
    rb'"serial":(0|[1-9]\d{0,17}),"checksum":"([0-9a-f]{64})","plan":'
)
_ANY_VERSION = re.compile(rb'\s*\{\s*"format"\s*:\s*"wavelift-plan-file-(\d{1,9})"')
_WHERE = b'\n,"where":'
_FORECAST = ',"forecast":'


class BadPlanFile(Exception):
    """The file is no plan that can be used; the message says why and what to do. `code` is in docs/errors.md."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{text} [{code}]")
        self.code = code


@dataclass(frozen=True, slots=True)
class PlanFile:
    """`valid_until` is a unix time, whole seconds; `forecast` what was foretold when it was made, as it was given to `dumps`."""

    plan: Plan
    digest: str
    valid_until: float
    forecast: Any = None


def plan_bytes(plan: Plan) -> bytes:
    """The digested text: canonical, one step a line."""
    document = body(plan)
    steps = document.pop("steps")
    head = _canonical(document)[:-1]
    lines = ",\n".join(map(_canonical, steps))
    return f'{head},"steps":[\n{lines}]}}'.encode()


def digest_of(plan: Plan) -> str:
    """sha256 of all that the plan does and says, hex, as in a plan file; neither serial nor lines of YAML are in it."""
    return hashlib.sha256(plan_bytes(plan)).hexdigest()


def distinct(plan: Plan, begun: Mapping[str, Begun]) -> Plan:
    """The plan under a digest that no plan was ever begun under. `begun`: the state's, by digest.

    Something set back, and changed outside once more, is the same plan once more: without this its file would be taken for
    the one that is used up.
    """
    if any(b.steps == len(plan.steps) for b in begun.values()):
        while plan.steps and digest_of(plan) in begun:
            plan = replace(plan, again=plan.again + 1)
    return plan


def valid_until(now: float, validity: float) -> float:
    """At least `validity` seconds from `now`, rounded up to a whole day, hour or minute, whichever adds at most a third."""
    grain = next((g for g in (86400, 3600, 60) if g * 3 <= validity), 1)
    return float(math.ceil((now + validity) / grain) * grain)


@paused_gc()
def dumps(plan: Plan, until: float, folder: str, forecast: Any = None) -> bytes:
    """The file of a plan without errors. `folder`: the estate's, which places are told relative to; `forecast`: plain JSON."""
    if plan.errors:
        raise ValueError("a plan with errors is not written")
    text = plan_bytes(plan)
    moment = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = hashlib.sha256(text).hexdigest()
    head = f'{{"format":"{FORMAT}","digest":"{told}","valid_until":"{moment}","serial":{plan.serial},'.encode()
    beside = _FORECAST + _canonical(forecast) if forecast is not None else ""
    tail = _WHERE + f"{_canonical(places(plan, folder))}{beside}}}\n".encode()
    checksum = hashlib.sha256(head + tail).hexdigest()
    return b"".join((head, f'"checksum":"{checksum}","plan":\n'.encode(), text, tail))


@paused_gc()
def loads(data: bytes, where: str) -> PlanFile:
    """The inverse of `dumps`; `BadPlanFile` for everything that it did not write. `where` names the file in messages."""
    begin, cut = data.find(b"\n") + 1, data.rfind(_WHERE)
    line = data[: max(begin - 1, 0)]
    head = _HEAD.fullmatch(line)
    if head is None:
        raise _unknown(data, where)
    if cut < begin or not data.endswith(b"}\n"):
        raise _damaged(where, "its end is missing")
    text, tail = memoryview(data)[begin:cut], data[cut:]
    told, moment, serial, checksum = (part.decode() for part in head.groups())
    if hashlib.sha256(text).hexdigest() != told:
        raise _damaged(where, "the plan in it does not have the digest that it names")
    if hashlib.sha256(line[: head.start(4) - len('"checksum":"')] + tail).hexdigest() != checksum:
        raise _damaged(where, "its checksum does not fit")
    try:
        told_besides = _json(b"{" + tail[2:])
        plan = plan_of(parsed(text, _json), told_besides.pop("where"), int(serial))
        forecast = told_besides.pop("forecast", None)
        if told_besides:
            raise KeyError(", ".join(told_besides))
        until = datetime.fromisoformat(moment).timestamp()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        problem = f"what it says cannot be read ({type(error).__name__}: {str(error)[:80]!r})"
        raise _damaged(where, problem) from error
    return PlanFile(plan, told, until, forecast)


def _unknown(data: bytes, where: str) -> BadPlanFile:
    version = _ANY_VERSION.match(data[:200])
    if version is not None and version.group(1) != b"1":
        number = int(version.group(1))
        text = f"{where} is a plan of format {number}; this wavelift reads format 1. Use the wavelift that wrote it."
        return BadPlanFile("WL402", text)
    if version is not None:
        return _damaged(where, "its first line is not as it was written")
    return BadPlanFile("WL400", f"{where} is not a plan file. `wavelift plan --out FILE` writes one.")


def _damaged(where: str, problem: str) -> BadPlanFile:
    text = f"{where} is damaged or was changed: {problem}. Nothing of it is used; plan again with `wavelift plan --out`."
    return BadPlanFile("WL401", text)


def _json(text: bytes | memoryview) -> Any:
    return json.loads(str(text, "utf-8"), parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _canonical(value: Any) -> str:
    return _encoder.encode(value)
