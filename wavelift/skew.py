"""Apply and engine speak through documents: which release and form each of them is of, and what to do when they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from planner.state import State
from replication.model.documents import SCHEMA
from replication.model.errors import Denied
from replication.model.release import RELEASE
from wavelift.documents import GatewayDocuments
from wavelift.planning import gateways
from wavelift.problems import UserProblem, coded

COORDINATOR = "coordinator.json"


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """The engine that last took a region: its release, the newest form of documents that it knows, and where it runs."""

    release: str
    schema: int
    host: str


def engines(documents: GatewayDocuments, state: State) -> dict[str, EngineVersion]:
    """By region; a region that no engine has been in is not there."""
    found = {}
    for region, account in gateways(state).items():
        try:
            told = documents.document(account, COORDINATOR)
        except Denied:
            continue  # a login that may not look: whoever needs more of the documents says so
        if told:
            said = json.loads(told)
            release = str(said.get("release", "of an unknown release"))
            found[region] = EngineVersion(release, int(said.get("schema", 1)), str(said.get("host", "")))
    return found


def refuse(found: Mapping[str, EngineVersion], schema: int = SCHEMA) -> None:
    """`UserProblem` (WL426) when one side would not understand the other."""
    for region, engine in found.items():
        if engine.schema == schema:
            continue
        older = engine.schema < schema
        what = (
            f"Upgrade the engine there first and start it, or use wavelift {engine.release} here."
            if older
            else f"Upgrade wavelift here to {engine.release} or later."
        )
        text = (
            f"the engine of {region} (on {engine.host}) is wavelift {engine.release} and knows documents up to form "
            f"{engine.schema}; this is wavelift {RELEASE} with form {schema}. {what} Nothing was changed."
        )
        raise UserProblem(coded(text, "WL426"))


def versions_line(found: Mapping[str, EngineVersion]) -> str:
    """Both versions, for people."""
    told = [f"{e.release} on {e.host} ({region})" for region, e in found.items()]
    return f"wavelift {RELEASE} here; engine {', '.join(told) if told else 'not seen yet'}"
