"""Long-running operations: accepted now, finished later, by the clock and not by being polled.

An operation is a record like any other, so one that was in flight when the process died is finished after the
next start. What it does is registered by name (`Finisher`): `work` is slow, idempotent and runs without the lock
(copying a disk), `commit` is quick, runs under the store's lock and returns the changes, which are written in one
commit together with the operation's end.
"""

from __future__ import annotations

import heapq
import json
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from lab.azure.arm.errors import ArmError, json_response
from lab.azure.arm.ids import Target
from lab.azure.arm.store import Change, Gone, Json, Store, record
from lab.azure.settings import Settings
from lab.http import Response

log = logging.getLogger("lab.azure.lro")

KIND = "lab/operation"
_KEPT = 5000  # finished operations that can still be asked for


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `due` and `started` are epoch seconds; `args` is what its finisher needs (JSON)."""

    id: str
    name: str
    method: str
    resource_id: str
    subscription: str
    namespace: str
    location: str
    api_version: str
    started: float
    due: float
    args: Json
    status: str = "InProgress"
    ended: float = 0.0
    error: Json | None = None
    output: Any = None

    @property
    def key(self) -> str:
        """The id of its record."""
        return f"/operations/{self.id}"


@dataclass(frozen=True, slots=True)
class Done:
    """A successful end: what changes, and what a POST answers with."""

    changes: Iterable[Change] = ()
    output: Any = None


def _nothing(operation: Operation) -> None:
    return None


def _unchanged(operation: Operation, error: ArmError) -> Iterable[Change]:
    return ()


@dataclass(frozen=True, slots=True)
class Finisher:
    """How operations of one name end. `failed` says what a failure leaves behind."""

    commit: Callable[[Operation], Done]
    work: Callable[[Operation], None] = _nothing
    failed: Callable[[Operation, ArmError], Iterable[Change]] = _unchanged


@dataclass(slots=True)
class _Queue:
    """Operations by due time."""

    heap: list[tuple[float, str]] = field(default_factory=list)
    condition: threading.Condition = field(default_factory=threading.Condition)
    stopped: bool = False


class Operations:
    """Starts, finishes and reports operations."""

    def __init__(self, store: Store, settings: Settings, base: Callable[[], str]) -> None:
        self._store = store
        self._settings = settings
        self._base = base
        self._finishers: dict[str, Finisher] = {}
        self._queue = _Queue()
        self._workers = ThreadPoolExecutor(8, "lro")
        self._finished: deque[str] = deque()
        self._clock = threading.Thread(target=self._tick, daemon=True, name="lro-clock")

    def register(self, name: str, finisher: Finisher) -> None:
        """Say how operations called `name` end."""
        self._finishers[name] = finisher

    def run(self) -> None:
        """Take up what was in flight when the process last ended, then finish operations as they fall due."""
        for item in self._store.of_kind(KIND):
            operation = Operation(**item.private)
            if operation.status == "InProgress":
                self._push(operation)
            else:
                self._finished.append(operation.id)
        self._clock.start()

    def stop(self) -> None:
        """Finish nothing more; what is in flight is finished after the next start."""
        with self._queue.condition:
            self._queue.stopped = True
            self._queue.condition.notify_all()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def start(
        self,
        name: str,
        method: str,
        target: Target,
        *,
        location: str = "global",
        args: Json | None = None,
        changes: Iterable[Change] = (),
        delay: float | None = None,
        api_version: str = "2026-01-01",
        namespace: str = "",
        operation_id: str | None = None,
    ) -> Operation:
        """Begin an operation; `changes` are committed with it. `delay` (seconds) replaces the set latency;
        `operation_id` is given where `changes` already name the operation."""
        now = time.time()
        operation = Operation(
            id=operation_id or str(uuid.uuid4()),
            name=name,
            method=method,
            resource_id=target.resource_id,
            subscription=target.subscription,
            namespace=namespace or target.namespace,
            location=location,
            api_version=api_version,
            started=now,
            due=now + (self._settings.values.latency if delay is None else delay),
            args=args or {},
        )
        self._store.commit([*changes, _record(operation)])
        self._push(operation)
        return operation

    def accepted(
        self,
        operation: Operation,
        status: int = 202,
        body: Any = None,
        *,
        by_status: bool = True,
        by_location: bool = True,
    ) -> Response:
        """The first answer: absolute addresses to poll, `Azure-AsyncOperation` (status) and/or `Location`."""
        where = (
            f"{self._base()}/subscriptions/{operation.subscription}/providers/{operation.namespace}"
            f"/locations/{operation.location}/operations/{operation.id}?api-version={operation.api_version}"
        )
        headers = self.pause()
        if by_status:
            headers["Azure-AsyncOperation"] = where
        if by_location:
            headers["Location"] = f"{where}&monitor=true"
        return json_response(status, body, headers)

    def find(self, operation_id: str) -> Operation | None:
        """The operation with this id, as long as it is remembered."""
        found = self._store.get(f"/operations/{operation_id}")
        return Operation(**found.private) if found else None

    def poll(self, operation_id: str, *, monitor: bool) -> Response:
        """Answer a poll: the status document, or (`monitor`) what the operation itself would have answered."""
        operation = self.find(operation_id)
        if operation is None:
            raise ArmError(404, "NotFound", f"The operation '{operation_id}' was not found.")
        if not monitor:
            return json_response(200, _status(operation), self._waiting(operation))
        match operation.status:
            case "InProgress":
                return self.accepted(operation, 202, by_status=False)
            case "Succeeded":
                return self._result(operation)
            case _:
                error = operation.error or {}
                raise ArmError(409, error.get("code", "Failed"), error.get("message", ""))

    def _result(self, operation: Operation) -> Response:
        if operation.output is not None:
            return json_response(200, operation.output)
        if operation.method == "DELETE":
            return json_response(204 if operation.namespace != "Microsoft.Resources" else 200)
        resource = self._store.get(operation.resource_id) if operation.method in ("PUT", "PATCH") else None
        return json_response(200, resource.raw if resource else None)

    def _waiting(self, operation: Operation) -> dict[str, str]:
        return self.pause() if operation.status == "InProgress" else {}

    def pause(self) -> dict[str, str]:
        """The header that says when to look again: about half of what an operation takes."""
        return {"retry-after-ms": str(int(max(20.0, min(self._settings.values.latency * 500, 2000.0))))}

    def _push(self, operation: Operation) -> None:
        with self._queue.condition:
            heapq.heappush(self._queue.heap, (operation.due, operation.id))
            self._queue.condition.notify()

    def _tick(self) -> None:
        queue = self._queue
        while True:
            with queue.condition:
                while not queue.stopped and (not queue.heap or queue.heap[0][0] > time.time()):
                    queue.condition.wait(queue.heap[0][0] - time.time() if queue.heap else None)
                if queue.stopped:
                    return
                _, operation_id = heapq.heappop(queue.heap)
                self._workers.submit(self._finish, operation_id)

    def _finish(self, operation_id: str) -> None:
        operation = self.find(operation_id)
        if operation is None or operation.status != "InProgress":
            return
        finisher = self._finishers[operation.name]
        try:
            self._ordered_failure(operation)
            finisher.work(operation)
            with self._store.lock:
                done = finisher.commit(operation)
                self._end(operation, "Succeeded", done.changes, output=done.output)
        except ArmError as error:
            with self._store.lock:
                self._end(operation, "Failed", finisher.failed(operation, error), error=error.document())
        except Exception:  # a worker's outermost edge: the lab's own bug must not leave a client polling for ever
            log.exception("operation %s of %s failed in the lab itself", operation.name, operation.resource_id)
            broken = ArmError(500, "InternalServerError", "The lab itself failed; see its log.")
            self._end(operation, "Failed", finisher.failed(operation, broken), error=broken.document())

    def _ordered_failure(self, operation: Operation) -> None:
        rule = self._settings.take_failure(f"{operation.name} {operation.resource_id}")
        if rule is not None:
            raise ArmError(409, rule["code"], rule["message"])

    def _end(self, operation: Operation, status: str, changes: Iterable[Change], **values: Any) -> None:
        ended = replace(operation, status=status, ended=time.time(), **values)
        self._finished.append(operation.id)
        old = [self._finished.popleft() for _ in range(max(0, len(self._finished) - _KEPT))]
        self._store.commit([*changes, _record(ended), *(Gone(f"/operations/{id_}") for id_ in old)])


def _record(operation: Operation) -> Change:
    private = {name: getattr(operation, name) for name in Operation.__slots__}
    return record(operation.key, KIND, {}, json.loads(json.dumps(private)))


def _status(operation: Operation) -> Json:
    document: Json = {
        "id": f"/subscriptions/{operation.subscription}/providers/{operation.namespace}"
        f"/locations/{operation.location}/operations/{operation.id}",
        "name": operation.id,
        "status": operation.status,
        "startTime": _time(operation.started),
    }
    if operation.ended:
        document["endTime"] = _time(operation.ended)
    if operation.error:
        document["error"] = operation.error
    if operation.output is not None:
        document["properties"] = {"output": operation.output}
    return document


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
