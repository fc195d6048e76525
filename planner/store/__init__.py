"""Where the recorded state is kept: a file (`LocalStore`) or blobs (`LeasedStore`), with one contract (`StateStore`)."""

from planner.store.leased import LeasedStore
from planner.store.local import LocalStore
from planner.store.session import Session, StateStore
from planner.store.view import Locked, LockLost, Unwritable, View, lineage_of

__all__ = [
    "LeasedStore",
    "LocalStore",
    "LockLost",
    "Locked",
    "Session",
    "StateStore",
    "Unwritable",
    "View",
    "lineage_of",
]
