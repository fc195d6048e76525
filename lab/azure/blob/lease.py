"""Leases on containers and blobs: a small state machine without a clock of its own.

available -> leased -> (time passes) expired, or -> breaking -> broken.  An expired lease still knows its id, so that its
holder can renew it as long as nobody else wrote or leased in between.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from lab.azure.blob.errors import BlobError, invalid_header, missing_header
from lab.http import Headers

State = Literal["available", "leased", "expired", "breaking", "broken"]
INFINITE = -1
_Kind = Literal["Blob", "Container"]


@dataclass(frozen=True, slots=True)
class Lease:
    """`seconds` is the asked duration or -1; times are epoch seconds."""

    id: str = ""
    seconds: int = INFINITE
    expires: float = 0.0
    breaks: float | None = None

    def state(self, now: float) -> State:
        if not self.id:
            return "available"
        if self.breaks is not None:
            return "breaking" if now < self.breaks else "broken"
        return "leased" if self.seconds == INFINITE or now < self.expires else "expired"

    def locked(self, now: float) -> bool:
        return self.state(now) in ("leased", "breaking")

    def headers(self, now: float) -> dict[str, str]:
        state = self.state(now)
        found = {"x-ms-lease-status": "locked" if self.locked(now) else "unlocked", "x-ms-lease-state": state}
        if state == "leased":
            found["x-ms-lease-duration"] = "infinite" if self.seconds == INFINITE else "fixed"
        return found

    def document(self) -> dict[str, Any]:
        return asdict(self)


def check(lease: Lease, given: str | None, now: float, kind: _Kind, *, write: bool) -> None:
    """Whether a request that carries `given` may go on. Raises BlobError 412.

    A write to something that is leased needs the id; an id that is given must be the right one, also for reads.
    """
    if given is not None:
        if lease.state(now) in ("available", "expired", "broken"):
            raise BlobError(
                412,
                f"LeaseNotPresentWith{kind}Operation",
                f"There is currently no lease on the {kind.lower()}.",
            )
        if given.lower() != lease.id.lower():
            raise _mismatch(kind, 412)
    elif write and lease.locked(now):
        raise BlobError(
            412,
            "LeaseIdMissing",
            f"There is currently a lease on the {kind.lower()} and no lease ID was specified in the request.",
        )


def after_write(lease: Lease, now: float) -> Lease:
    """What a write leaves of a lease: one that is over is forgotten, so that it cannot be renewed any more."""
    return lease if lease.locked(now) or not lease.id else Lease()


def acquire(lease: Lease, seconds: int, proposed: str | None, now: float, kind: _Kind) -> Lease:
    if seconds != INFINITE and not 15 <= seconds <= 60:
        raise invalid_header("x-ms-lease-duration", str(seconds))
    wanted = _guid(proposed, "x-ms-proposed-lease-id") if proposed is not None else str(uuid.uuid4())
    state = lease.state(now)
    if state == "breaking" or (state == "leased" and lease.id.lower() != wanted.lower()):
        raise BlobError(409, "LeaseAlreadyPresent", "There is already a lease present.")
    return Lease(wanted, seconds, now + seconds)


def renew(lease: Lease, given: str | None, now: float, kind: _Kind) -> Lease:
    _same(lease, given, now, kind)
    if lease.breaks is not None:
        raise BlobError(
            409, "LeaseIsBrokenAndCannotBeRenewed", "The lease ID matched, but the lease has been broken."
        )
    return replace(lease, expires=now + lease.seconds)


def change(lease: Lease, given: str | None, proposed: str | None, now: float, kind: _Kind) -> Lease:
    wanted = _guid(proposed, "x-ms-proposed-lease-id")
    if lease.state(now) in ("expired", "broken"):
        raise BlobError(409, f"LeaseNotPresentWith{kind}Operation", "There is no lease to change.")
    if lease.id.lower() != wanted.lower():  # asking again for the change that already happened is fine
        _same(lease, given, now, kind)
    if lease.state(now) == "breaking":
        raise BlobError(
            409, "LeaseIsBreakingAndCannotBeChanged", "The lease ID matched, but the lease is being broken."
        )
    return replace(lease, id=wanted)


def release(lease: Lease, given: str | None, now: float, kind: _Kind) -> Lease:
    _same(lease, given, now, kind)
    return Lease()


def breaking(lease: Lease, period: int | None, now: float, kind: _Kind) -> tuple[Lease, int]:
    """Returns the lease and the seconds until it is broken."""
    state = lease.state(now)
    if state == "available":
        raise BlobError(409, f"LeaseNotPresentWith{kind}Operation", "There is no lease to break.")
    if period is not None and not 0 <= period <= 60:
        raise invalid_header("x-ms-lease-break-period", str(period))
    if state in ("expired", "broken"):
        return replace(lease, breaks=now), 0
    left = 0.0 if lease.seconds == INFINITE else max(0.0, lease.expires - now)
    if lease.seconds == INFINITE and period is not None:
        left = period
    elif period is not None:
        left = min(left, period)
    if state == "breaking" and lease.breaks is not None:
        left = min(lease.breaks - now, left if period is not None else lease.breaks - now)
    return replace(lease, breaks=now + left), round(left)


def _same(lease: Lease, given: str | None, now: float, kind: _Kind) -> None:
    if given is None:
        raise missing_header("x-ms-lease-id")
    if lease.state(now) == "available" or given.lower() != lease.id.lower():
        raise _mismatch(kind, 409)


def _mismatch(kind: _Kind, status: int) -> BlobError:
    if status == 409:
        return BlobError(
            409,
            "LeaseIdMismatchWithLeaseOperation",
            "The lease ID specified did not match the lease ID for the resource with the specified lease operation.",
        )
    return BlobError(
        412,
        f"LeaseIdMismatchWith{kind}Operation",
        f"The lease ID specified did not match the lease ID for the {kind.lower()}.",
    )


def _guid(text: str | None, header: str) -> str:
    if text is None:
        raise missing_header(header)
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise invalid_header(header, text) from None


def carry_out(headers: Headers, lease: Lease, now: float, kind: _Kind) -> tuple[int, Lease, dict[str, str]]:
    """Do what x-ms-lease-action says. Returns the answer's status, the lease after it, and the answer's headers."""
    given, proposed = headers.get("x-ms-lease-id"), headers.get("x-ms-proposed-lease-id")
    match headers.get("x-ms-lease-action", "").lower():
        case "acquire":
            seconds = _whole(headers, "x-ms-lease-duration", low=INFINITE)
            after = acquire(lease, INFINITE if seconds is None else seconds, proposed, now, kind)
            return 201, after, {"x-ms-lease-id": after.id}
        case "renew":
            after = renew(lease, given, now, kind)
            return 200, after, {"x-ms-lease-id": after.id}
        case "change":
            after = change(lease, given, proposed, now, kind)
            return 200, after, {"x-ms-lease-id": after.id}
        case "release":
            return 200, release(lease, given, now, kind), {}
        case "break":
            after, left = breaking(lease, _whole(headers, "x-ms-lease-break-period", low=0), now, kind)
            return 202, after, {"x-ms-lease-time": str(left)}
        case action:
            raise invalid_header("x-ms-lease-action", action)


def _whole(headers: Headers, name: str, *, low: int) -> int | None:
    text = headers.get(name)
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        raise invalid_header(name, text) from None
    if number < low:
        raise invalid_header(name, text)
    return number
