"""Apply and engine speak through documents: which release and form each of them is of, and what to do when they differ."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from planner.desired.shared import GATEWAY_CONTAINER
from planner.estate import Diagnostic
from planner.state import State
from replication.model.documents import SCHEMA
from replication.model.errors import Denied
from replication.model.release import RELEASE
from wavelift.planning.documents import GatewayDocuments
from wavelift.planning.look import gateways
from wavelift.problems import UserProblem, coded

COORDINATOR = "coordinator.json"
SILENT = 180.0
"""Seconds without a sign of life: an engine writes every half minute."""


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """The engine that last took a region: its release, the newest form of documents that it knows, and where it runs.
    `seen`: unix time of its last sign of life, as far as that matters; 0 unknown."""

    release: str
    schema: int
    host: str
    seen: float = 0.0


def engines(documents: GatewayDocuments, state: State) -> dict[str, EngineVersion]:
    """By region; a region that no engine has been in is not there. `UserProblem` (WL426) for what says no version."""
    found = {}
    for region, account in gateways(state).items():
        try:
            told = documents.document(account, COORDINATOR)
        except Denied:
            continue  # a login that may not look: whoever needs more of the documents says so
        if told:
            found[region] = _version(told, f"{account.rstrip('/')}/{GATEWAY_CONTAINER}/{COORDINATOR}")
            if found[region].schema < SCHEMA:
                beats = (status.written for status in documents.statuses(account).values())
                found[region] = replace(found[region], seen=max([found[region].seen, *beats]))
    return found


def _version(told: bytes, where: str) -> EngineVersion:
    try:
        said = json.loads(told)
        release = str(said.get("release", "of an unknown release"))
        return EngineVersion(release, int(said.get("schema", 1)), str(said.get("host", "")), float(said.get("since", 0)))
    except (ValueError, TypeError, AttributeError) as error:
        text = (
            f"{where} says no version of the engine: another release's, or damaged. Is wavelift here ({RELEASE}) the older "
            "side, upgrade it; else restore an earlier version of that blob. Nothing was changed."
        )
        raise UserProblem(coded(text, "WL426")) from error


def refuse(found: Mapping[str, EngineVersion], schema: int = SCHEMA, now: float | None = None) -> tuple[Diagnostic, ...]:
    """`UserProblem` (WL426) when one side would not understand the other; else what there is to remark.

    An older engine that is silent keeps nobody out: all that it wrote can be read, and what is written now waits for its
    successor. Else the last one to use an old release would have to come back before anybody could go on.
    """
    now = time.time() if now is None else now
    remarks = []
    for region, engine in found.items():
        if engine.schema == schema:
            continue
        silent = engine.schema < schema and now - engine.seen > SILENT
        where = f" on {engine.host}" if engine.host else ""
        text = (
            f"the engine of {region} ({engine.release}{where}) knows documents up to form {engine.schema}; this is wavelift "
            f"{RELEASE} with form {schema}."
        )
        if silent:
            detail = f"{text} It is silent: start one of {RELEASE} or later there. The old one leaves new documents alone."
            remarks.append(Diagnostic("WL428", "an older engine is silent", detail, "appliances", severity="warning"))
            continue
        if engine.schema < schema:
            what = f"Upgrade the engine there first and start it, or use wavelift {engine.release} here."
        else:
            what = (
                f"Upgrade wavelift here to {engine.release} or later. If that engine was tried and is gone for good, start one "
                f"of {RELEASE} there: it takes over."
            )
        raise UserProblem(coded(f"{text} {what} Nothing was changed.", "WL426"))
    return tuple(remarks)


def versions_line(found: Mapping[str, EngineVersion]) -> str:
    """Both versions, for people."""
    told = [f"{e.release} on {e.host} ({region})" for region, e in found.items()]
    return f"wavelift {RELEASE} here; engine {', '.join(told) if told else 'not seen yet'}"
