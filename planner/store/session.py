"""The lock is held: effects go through the journal, and closing folds them into the state. The same for every store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from planner.state import HISTORY, Change, MachineState, State, same
from planner.store.effects import Effect, Ledger, between
from planner.store.holder import Holder
from planner.store.journal import Events
from planner.store.view import View


class Backing(Protocol):
    """What a session needs of its store while the lock is held. Each raises `LockLost` once it is not held any more."""

    def check(self) -> None:
        """Nothing, while the lock is certainly held."""
        ...

    def write(self, state: State) -> None:
        """Replace the state whole and durably, then drop the journal that it holds now."""
        ...

    def journal(self, state: State) -> Events:
        """The journal that goes on from `state`."""
        ...


class Session:
    """`holder` and `about` are what the history says of a change that this session makes."""

    def __init__(self, store: Backing, view: View, holder: Holder, about: Mapping[str, str] | None = None) -> None:
        self._store = store
        self._base = view.base
        self.view = view
        self._holder = holder
        self._about = dict(about or {}) | ({"link": holder.link} if holder.link else {})
        self._ledger = Ledger(view.state)
        self._journal: Events | None = None
        self._opening = threading.Lock()
        self._losing: list[Callable[[], object]] = []
        self._in_doubt = bool(view.doubts)

    @property
    def state(self) -> State:
        """The state in hand, as a value: costs as much as it holds artifacts."""
        return self._ledger.state()

    def machine(self, uuid: str) -> MachineState:
        """What the state in hand says of one machine."""
        return self._ledger.machines[uuid]

    @property
    def journal(self) -> Events:
        """Opened with the first event, so that a no-op apply writes nothing."""
        with self._opening:
            if self._journal is None:
                if self._base is None:
                    first = replace(self.view.state, serial=0)
                    self._store.write(first)
                    self._base = first
                self._journal = self._store.journal(self._base)
            return self._journal

    def record(self, effects: Sequence[Effect]) -> None:
        """Take effects that are in the journal into the state in hand."""
        self._ledger.take(effects)

    def replace(self, state: State, what: str) -> None:
        """Another state in hand: what is new in it goes into the journal first, as the outcome of `what`.

        An outcome of the engine is seen once: its next order takes the place of the last one in its record.
        """
        self.do(between(self.state, state), what)

    def do(self, effects: Sequence[Effect], what: str) -> None:
        """Journal and record effects that need no outside call."""
        if effects:
            self.journal.done(what, effects)
            self.record(effects)

    def take_doubts(self) -> None:
        """The caller deals with what a cut-off apply left in doubt. Without this, closing leaves the journal as it lies, with
        what was added, so that the next apply finds the doubts."""
        self._in_doubt = False

    def check(self) -> None:
        """`LockLost` unless the lock is certainly held now."""
        self._store.check()

    def when_lost(self, call: Callable[[], object]) -> None:
        """`call` (from another thread) as soon as it is known that the lock is lost."""
        self._losing.append(call)

    def lost(self) -> None:
        """The store says that the lock is gone."""
        for call in self._losing:
            call()

    def put(self, state: State) -> None:
        """Replace the whole state now (`state push`); its serial is the caller's."""
        told = self._told(state)
        self._store.write(told)
        self._base, self._ledger = told, Ledger(told)
        self.view = replace(self.view, interrupted=False, doubts=())
        self._in_doubt = False

    def close(self) -> None:
        """Fold the journal into the state, unless its doubts are still to be settled, or what was begun in this session has no
        result (left by a second Ctrl-C, or its line could not be written): then it lies as after a kill."""
        if self._journal is not None:
            self._journal.close()
            self._in_doubt |= bool(self._journal.open)
        if self._in_doubt:
            return
        base, state = self._base, self.state
        if base is None and not state.artifacts and not state.machines:
            return
        if base is None or not same(base, state):
            self._store.write(self._told(replace(state, serial=(base.serial if base else 0) + 1)))
        elif self._journal is not None or self.view.interrupted:
            self._store.write(base)

    def _told(self, state: State) -> State:
        """With this change in its history."""
        who = self._holder
        change = Change(state.serial, round(time.time(), 3), who.user, who.host, who.doing, self._about)
        return replace(state, history=(*state.history, change)[-HISTORY:])


class StateStore(Protocol):
    """Where the recorded state lives. Every method raises `BadState` for what cannot be used."""

    @property
    def where(self) -> str:
        """The place, for messages."""
        ...

    def read(self) -> View:
        """State and journal; needs no lock, changes nothing. Serial 0 where there is no state yet."""
        ...

    def session(self, doing: str, about: Mapping[str, str] | None = None) -> AbstractContextManager[Session]:
        """Hold the lock. `Locked` when somebody else has it, `LockLost` at its end when it was lost meanwhile. `about`:
        what the history says of a change (plan digest, approver, …)."""
        ...

    def held(self) -> Holder | None:
        """Who has the lock now, without taking or touching it; None: nobody. One who has not said who has an empty name."""
        ...

    def unlock(self) -> str:
        """Break the lock of a dead holder; what was found and done, for people. `Locked` when the holder lives."""
        ...
