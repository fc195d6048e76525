"""Where the recorded state is kept: the local store (file, journal, lock)."""

from planner.store.local import LocalStore, Locked, Session, lineage_of

__all__ = ["LocalStore", "Locked", "Session", "lineage_of"]
