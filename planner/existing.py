"""Artifacts that others have made and this estate uses: what they must be like, and how they are told (pure).

They are read and checked, recorded, never changed and never deleted; what wavelift needs inside of them (containers, secrets,
role assignments) is an artifact of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from planner.artifact import Artifact, Json, Kind
from planner.ports import Observed

EXISTING = "existing"
"""The key of a spec that says so."""
WHY = "existing: used as it is, never changed and never deleted"

STORES = frozenset({Kind.LOG_STORE, Kind.GATEWAY_STORE, Kind.SEED_STORE})
_NEEDED: Mapping[str, str] = {
    "kind": "its kind is {now}; page blobs and block blobs together need {wanted}",
    "https_only": "it also answers without HTTPS",
    "rbac": "it is governed by access policies; what is asked for here are role assignments",
}
"""Settings that one must have as we make it, in words when it has not."""
_TLS = "minimum_tls_version"


def is_existing(spec: Mapping[str, Json]) -> bool:
    """Whether the artifact of this spec is somebody else's."""
    return spec.get(EXISTING) is True


def unfit(artifact: Artifact, seen: Observed) -> Iterator[str]:
    """Why it cannot be used: sentences without a full stop."""
    return why_unfit(artifact.kind, artifact.spec, seen)


def why_unfit(kind: Kind, spec: Mapping[str, Json], seen: Observed) -> Iterator[str]:
    """By what is asked of it (`spec`) and what is there."""
    region, now = spec.get("location"), seen.properties.get("location")
    if region and now and now != region:
        yield f"it is in {now}, and {region} is asked for"
    for name, (wanted, is_now) in sorted(seen.strayed.items()):
        if name in _NEEDED:
            yield _NEEDED[name].format(wanted=wanted, now=is_now)
        elif name == _TLS and str(is_now) in ("TLS1_0", "TLS1_1", "1.0", "1.1"):
            yield f"it accepts TLS below 1.2 ({is_now})"
    if kind in STORES and seen.properties.get("soft_delete"):
        yield "blob soft delete is on, which would keep and bill every log and seed that is deleted"
    if kind in STORES and seen.properties.get("hierarchical_namespace"):
        yield "it has a hierarchical namespace, which has no page blobs"
    missing = [one for one in spec.get("queues") or () if one not in (seen.properties.get("queues") or ())]
    if missing:
        yield f"it has no queue {' and no queue '.join(missing)}"
