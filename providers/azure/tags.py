"""The mark of what is ours. Whatever lacks it is never changed and never deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ESTATE, LINEAGE, ADDRESS = "wavelift-estate", "wavelift-lineage", "wavelift-address"


@dataclass(frozen=True, slots=True)
class Owner:
    """An estate and the lineage of its state. An empty lineage owns what any lineage of the estate made."""

    estate: str
    lineage: str = ""

    def tags(self, address: str = "", extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Tags to write: `extra` with ours over it."""
        ours = {ESTATE: self.estate, LINEAGE: self.lineage, ADDRESS: address}
        return {**(extra or {}), **{key: value for key, value in ours.items() if value}}

    def address(self, tags: Mapping[str, str], address: str) -> dict[str, tuple[str, str]]:
        """The address on what is ours, as (what it is, what its tag says)."""
        held = {key.lower(): value for key, value in tags.items()}
        return {f"tags.{ADDRESS}": (address, held.get(ADDRESS, ""))} if self.owns(tags) else {}

    def owns(self, tags: Mapping[str, str] | None) -> bool:
        held = {key.lower(): value for key, value in (tags or {}).items()}
        # What the engine makes may carry no lineage: it does not know the state.
        lineage = held.get(LINEAGE, "")
        return held.get(ESTATE) == self.estate and (not lineage or self.lineage in ("", lineage))


def as_metadata(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags as blob metadata, whose names are identifiers and whose values are ASCII."""
    return {key.replace("-", "_"): value.encode("ascii", "replace").decode() for key, value in tags.items()}


def from_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Our tags out of metadata; other metadata is left out."""
    found = {key.lower().replace("_", "-"): value for key, value in (metadata or {}).items()}
    return {key: found[key] for key in (ESTATE, LINEAGE, ADDRESS) if key in found}
