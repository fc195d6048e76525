"""Who coordinates a region: a blob lease, and an epoch that rises with every holder.

The lease keeps two coordinators from working at once; the epoch makes it certain: a record that carries our epoch fails
every compare-and-swap of an earlier holder, whatever that one believes about its lease.
"""

from __future__ import annotations

import json
import threading
import time

from replication.engine.guard import Halted
from replication.engine.retry import Retry
from replication.model.documents import SCHEMA
from replication.model.errors import Conflict, Permanent, PortError, Temporary
from replication.model.release import RELEASE
from replication.ports import Clock, DocumentStore

LEASE = "coordinator"
DOCUMENT = "coordinator.json"
SECONDS = 60
RENEW = 15.0
MARGIN = 10.0
"""So many seconds before the lease may run out nothing is started or written any more."""


class Reign:
    """One holding of the lease, from acquisition to loss. A new one is a new object: work of an old one stays off."""

    def __init__(self, documents: DocumentStore, clock: Clock, lease: str, asked: float) -> None:
        self._documents, self._clock, self._lease = documents, clock, lease
        self._until = asked + SECONDS - MARGIN
        self._renewed = asked
        self._lost = threading.Event()
        self.epoch = 0

    @property
    def valid(self) -> bool:
        """Whether the lease is certainly still ours."""
        return not self._lost.is_set() and self._clock.now() < self._until

    @property
    def until(self) -> float:
        """Unix time until which the lease is certainly ours."""
        return self._until

    def renew(self, force: bool = False) -> None:
        """Renew when it is time. Counted from before the request: a slow answer cannot lengthen what we believe."""
        asked = self._clock.now()
        if self._lost.is_set() or (not force and asked - self._renewed < RENEW):
            return
        if asked >= self._until:  # too late: another may have come and gone meanwhile
            self._lost.set()
            return
        try:
            self._documents.renew_lease(LEASE, self._lease)
        except Conflict:
            self._lost.set()
            return
        except PortError:  # not confirmed: `valid` ends by itself when this goes on
            return
        self._renewed, self._until = asked, asked + SECONDS - MARGIN

    def lose(self) -> None:
        """Another epoch was seen, or the engine stops."""
        self._lost.set()

    def release(self) -> None:
        self._lost.set()
        try:
            self._documents.release_lease(LEASE, self._lease)
        except PortError:
            return  # it runs out by itself


def begin(documents: DocumentStore, clock: Clock, retry: Retry, holder: str, host: str) -> Reign | None:
    """Take the lease and raise the epoch; None while another holds it."""
    asked = clock.now()
    try:
        reign = Reign(documents, clock, documents.acquire_lease(LEASE, SECONDS), asked)
    except Conflict:
        return None
    try:
        reign.epoch = _raise_epoch(documents, clock, retry, holder, host)
    except (PortError, Halted):
        reign.release()
        raise
    return reign


def holder_of(documents: DocumentStore) -> str:
    """Who coordinates and since when, for people."""
    found = documents.get(DOCUMENT)
    if found is None or not found[0]:
        return "another coordinator"
    try:
        told = dict(json.loads(found[0]))
    except (ValueError, TypeError):
        return "another coordinator"
    name = told.get("holder") or "another coordinator"
    who = f"{name} on {told['host']}" if told.get("host") else str(name)
    if not told.get("since"):
        return who
    return f"{who} (since {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(told['since']))})"


def _raise_epoch(documents: DocumentStore, clock: Clock, retry: Retry, holder: str, host: str) -> int:
    for _ in range(5):
        found = retry(lambda: documents.get(DOCUMENT))
        epoch = (_epoch(found[0]) if found and found[0] else 0) + 1
        told = {"epoch": epoch, "holder": holder, "host": host, "since": clock.now(), "release": RELEASE, "schema": SCHEMA}
        data = json.dumps(told, sort_keys=True).encode() + b"\n"
        try:
            documents.put(DOCUMENT, data, found[1] if found else None)
        except (Conflict, Temporary):  # also when an answer was lost: a higher epoch than needed does no harm
            continue
        return epoch
    raise Temporary("the epoch document keeps changing", subject=DOCUMENT)


def _epoch(data: bytes) -> int:
    try:
        return int(json.loads(data)["epoch"])
    except (ValueError, TypeError, KeyError) as error:
        # Beginning at 1 again could be below an epoch that records carry: every write of ours would be refused, or worse.
        remedy = f"upgrade this engine, which is {RELEASE}; restore an earlier version of the blob if it was changed by hand"
        raise Permanent("it names no epoch: another release's, or damaged", subject=DOCUMENT, remedy=remedy) from error
