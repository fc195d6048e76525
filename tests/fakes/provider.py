"""A cloud in memory that keeps the contract of `planner.ports.ArtifactProvider`: refuses what Azure refuses, forgets nothing.

It can be kept in a file (`path`): then every change is there for the next process, however this one ends, as in a real cloud.
"""

from __future__ import annotations

import os
import pickle
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planner.artifact import references
from planner.ports import Json, Lack, Made, Need, Observed, ResourceRef, Tagged
from replication.model.errors import NotFound, Permanent

STORES = ("log_store", "gateway_store", "seed_store")
PARENT = {"container": STORES, "seed_disk": ("container",), "secret": ("key_vault",), "role": (*STORES, "key_vault")}
SLOW = frozenset({"vault", "service_bus", "key_vault", *STORES})
"""Kinds whose making is a long operation with a token."""


@dataclass
class Thing:
    id: str
    kind: str
    spec: dict[str, Json]
    ours: bool = True
    ready: bool = True


@dataclass
class Contents:
    """What is there. `made`: every id that was ever created, in order: one that is in it twice was made twice."""

    things: dict[str, Thing] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    engine: Any = None


class FakeAzure:
    """`fault`: called with (verb, ref) before anything happens; raises what this call should fail with."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.lock = threading.RLock()
        self.missing: list[str] = []
        self.hides_unfinished = False
        """What is still being made is not in listings yet."""
        self.fault: Callable[[str, ResourceRef], None] = lambda verb, ref: None
        self.contents = Contents()
        if path is not None and path.exists():
            self.contents = pickle.loads(path.read_bytes())

    def save(self) -> None:
        """Keep it, whole or not at all."""
        if self._path is not None:
            temporary = self._path.with_name(self._path.name + f".{os.getpid()}")
            temporary.write_bytes(pickle.dumps(self.contents))
            temporary.replace(self._path)

    def put(self, kind: str, arm_id: str, spec: Mapping[str, Json], *, ours: bool = True) -> None:
        """Somebody else makes something."""
        with self.lock:
            self.contents.things[arm_id.lower()] = Thing(arm_id, kind, dict(spec), ours)
            self.save()

    def remove(self, arm_id: str) -> None:
        """Somebody removes something, with everything in it."""
        with self.lock:
            root = arm_id.lower()
            for key in [k for k in self.contents.things if k == root or k.startswith((f"{root}/", f"{root}#"))]:
                del self.contents.things[key]
                self.contents.deleted.append(key)
            self.save()

    def has(self, arm_id: str) -> bool:
        return arm_id.lower() in self.contents.things

    # --- the port

    def in_group(self, group: str) -> list[str]:
        """What keeps a resource group from being deleted: machines, and what is not ours."""
        with self.lock:
            inside = [t for k, t in self.contents.things.items() if k.startswith(f"{group.lower()}/providers/")]
        return sorted(t.id for t in inside if not t.ours or t.kind in ("vm", "disk", "nic"))

    def principal(self) -> str:
        return "00000000-0000-4000-8000-0000000000aa"

    def missing_access(self, needs: Sequence[Need]) -> list[Lack]:
        return [Lack(need, need.scope) for need in needs if need.role in self.missing]

    def tagged(self, subscriptions: Sequence[str]) -> list[Tagged]:
        kinds = ("container", "secret", "seed_disk", "role", "lock")
        with self.lock:
            mine = [t for t in self.contents.things.values() if t.ours and t.kind not in kinds]
            return [Tagged(t.id, t.kind) for t in mine if t.id.split("/")[2] in subscriptions]

    def observe(self, wanted: Sequence[ResourceRef]) -> dict[str, Observed | None]:
        with self.lock:
            return {ref.address: self._seen(ref) for ref in wanted}

    def _seen(self, ref: ResourceRef) -> Observed | None:
        thing = self.contents.things.get(ref.id.lower())
        if thing is None or (self.hides_unfinished and not thing.ready):
            return None
        return Observed(thing.id, dict(thing.spec), thing.spec.get("tags") or {}, thing.ours)

    def begin(self, ref: ResourceRef, spec: Mapping[str, Json]) -> _Operation:
        self.fault("begin", ref)
        assert not references(dict(spec)), f"{ref.address}: a reference crossed the port: {spec}"
        with self.lock:
            self._require(ref)
            thing = self.contents.things.get(ref.id.lower())
            if spec.get("existing"):
                if thing is None:
                    raise NotFound("it is not there", subject=ref.id)
                return _Operation(self, ref, None)
            if thing is None:
                thing = Thing(ref.id, str(ref.kind), {}, ready=ref.kind not in SLOW)
                self.contents.things[ref.id.lower()] = thing
                self.contents.made.append(ref.id.lower())
            elif not thing.ours:
                raise Permanent("it exists and does not carry this estate's tags", subject=ref.id, code="NotOurs")
            thing.spec = dict(spec)
            token = None
            if ref.kind in SLOW:
                token = str(uuid.uuid4())
                self.contents.tokens[token] = ref.id.lower()
            self.save()
        return _Operation(self, ref, token)

    def resume(self, ref: ResourceRef, spec: Mapping[str, Json], token: str) -> _Operation:
        with self.lock:
            if self.contents.tokens.get(token) != ref.id.lower() or ref.id.lower() not in self.contents.things:
                return self.begin(ref, spec)
        return _Operation(self, ref, token)

    def create(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Made:
        return self.begin(ref, spec).result()

    def update(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Made:
        self.fault("update", ref)
        return self.begin(ref, spec).result()

    def delete(self, ref: ResourceRef) -> None:
        self.fault("delete", ref)
        with self.lock:
            thing = self.contents.things.get(ref.id.lower())
            if thing is None:
                return
            if not thing.ours:
                raise Permanent("it does not carry this estate's tags", subject=ref.id, code="NotOurs")
            inside = [k for k in self.contents.things if k.startswith(f"{ref.id.lower()}/")]
            if ref.kind == "resource_group" and inside:
                raise Permanent(f"it still holds {inside[0]}", subject=ref.id)
            self.remove(ref.id)

    def _require(self, ref: ResourceRef) -> None:
        """What Azure wants to be there first: a resource's group, a blob's container, a secret's vault, finished."""
        known = self.contents.things
        if ref.kind in PARENT:
            parent = next(
                (k for k in known if ref.id.lower().startswith((f"{k}/", f"{k}#")) and known[k].kind in PARENT[ref.kind]), None
            )
            if parent is None:
                raise NotFound("its parent is not there", subject=ref.id)
            if not known[parent].ready:
                raise Permanent("its parent is still being made", subject=ref.id)
            if ref.kind in ("container", "secret") and f"{parent}#" not in "".join(known):
                raise Permanent("no role to write there yet", subject=ref.id)
        elif ref.kind not in ("resource_group", "lock"):
            group = "/".join(ref.id.lower().split("/")[:5])
            if group not in known:
                raise NotFound("its resource group is not there", subject=ref.id)


class _Operation:
    """An operation under way; in the cloud it goes on whether or not anybody waits for it."""

    def __init__(self, cloud: FakeAzure, ref: ResourceRef, token: str | None) -> None:
        self._cloud, self._ref, self._token = cloud, ref, token

    @property
    def token(self) -> str | None:
        return self._token

    def result(self) -> Made:
        self._cloud.fault("result", self._ref)
        with self._cloud.lock:
            thing = self._cloud.contents.things.get(self._ref.id.lower())
            if thing is None:
                raise NotFound("it was deleted while it was being made", subject=self._ref.id)
            thing.ready = True
            self._cloud.save()
        return Made(self._ref.id, _attributes(str(self._ref.kind), self._ref.id))


def _attributes(kind: str, arm_id: str) -> dict[str, Json]:
    name = arm_id.rsplit("/", 1)[-1]
    if kind in STORES:
        return {"blob_endpoint": f"https://{name}.blob.example/"}
    if kind == "key_vault":
        return {"vault_uri": f"https://{name}.vault.example/"}
    if kind == "service_bus":
        return {"endpoint": f"https://{name}.bus.example/"}
    return {"version": "1"} if kind == "secret" else {}


class Granted:
    """`wavelift.planning.access.Privileges` of a login that may do everything in vCenter."""

    def missing_privileges(
        self, source: str, machines: tuple[str, ...], reading: bool, disconnecting: bool
    ) -> dict[str, tuple[str, ...]]:
        return {}
