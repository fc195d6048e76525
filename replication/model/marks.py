"""The tags by which everything that the engine made for a machine says whose it is."""

from __future__ import annotations


def marks(machine: str, replication: str, source: str) -> dict[str, str]:
    """Of a machine (instance uuid), its replication (uuid) and what vSphere calls it; what is not known is left out."""
    named = {"wavelift-machine": machine, "wavelift-replication": replication, "wavelift-source": source}
    return {name: value for name, value in named.items() if value}
