"""Faults of a process: the Nth call of a port fails before or after its effect, is held and lands late, or the process dies.

A `Process` is one run of the engine. It wraps the world's ports; killed, it raises `Killed` at every later call, so that
nothing that its threads still want to do reaches the world: what kill -9 does.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from replication.model.errors import Permanent, Temporary, UnknownFate

JOURNAL = "journal.write"
"""What rules call a write of the engine's journal."""


class Killed(BaseException):
    """This process is dead."""


@dataclass
class Rule:
    """Calls `nth` .. `nth+count-1` of `target` ("log.put") suffer `action`.

    before: refused, nothing done (`Temporary`); after: done, then `UnknownFate`; held: `UnknownFate`, done at `release`;
    permanent: refused for good. killed-before, killed-after, killed-held: the process dies with the effect not done, done,
    or still on the wire.
    """

    target: str
    action: Literal["before", "after", "held", "permanent", "killed-before", "killed-after", "killed-held"]
    nth: int = 1
    count: int = 1


class Process:
    """One run of the engine. `kill_at`: the number (from 1) of the port call at which it dies, before its effect.

    `kill_when(target, n)` is asked too, with the name of the call and how many of that name there were.
    A write of the engine's journal is known as "journal.write" besides ("documents.put" of a record).
    `held` is what is on the wire, of an earlier process too when it is given; with `lands_after` it lands that many calls
    after it was held (or after this process began), otherwise at `release`.
    """

    def __init__(
        self,
        rules: tuple[Rule, ...] = (),
        kill_at: int | None = None,
        kill_when: Callable[[str, int], bool] | None = None,
        held: list[Callable[[], object]] | None = None,
        lands_after: int | None = None,
    ) -> None:
        self.rules = rules
        self.kill_at = kill_at
        self.kill_when = kill_when
        self.held: list[Callable[[], object]] = held if held is not None else []
        self.calls = 0
        self.names: Counter[str] = Counter()
        self.dead = False
        self.struck = 0
        """How many calls suffered a rule."""
        self._lands_after, self._held_at = lands_after, 0
        self.hooks: dict[str, Callable[[tuple[Any, ...]], None]] = {}
        self._lock = threading.Lock()

    def call(self, target: str, do: Callable[[], Any], args: tuple[Any, ...]) -> Any:
        with self._lock:
            if self.dead:
                raise Killed(target)
            self.calls += 1
            known = (target, JOURNAL) if target == "documents.put" and str(args[0]).startswith("records/") else (target,)
            self.names.update(known)
            counts = {name: self.names[name] for name in known}
            nth = counts[target]
            due = self._lands_after is not None and self.calls > self._held_at + self._lands_after
            if self.calls == self.kill_at or (self.kill_when is not None and self.kill_when(target, nth)):
                self.dead = True
                raise Killed(target)
        if due and self.held:
            self.release()
        if target in self.hooks:
            self.hooks[target](args)
        for rule in self.rules:
            if rule.nth <= counts.get(rule.target, 0) < rule.nth + rule.count:
                return self._suffer(rule, target, do)
        return do()

    def _suffer(self, rule: Rule, target: str, do: Callable[[], Any]) -> Any:
        with self._lock:
            self.struck += 1
        match rule.action:
            case "killed-before" | "killed-after" | "killed-held":
                if rule.action == "killed-after":
                    do()
                elif rule.action == "killed-held":
                    self._hold(do)
                self.dead = True
                raise Killed(target)
            case "before":
                raise Temporary("ordered fault", subject=target)
            case "permanent":
                raise Permanent("ordered fault", subject=target, remedy="take the order back")
            case "after":
                do()
                raise UnknownFate("ordered fault after the effect", subject=target)
            case "held":
                self._hold(do)
                raise UnknownFate("ordered fault: held on the wire", subject=target)

    def _hold(self, do: Callable[[], Any]) -> None:
        with self._lock:
            self.held.append(do)
            self._held_at = self.calls

    def release(self) -> list[BaseException | None]:
        """Let the held calls land; the error that each met, or None."""
        out: list[BaseException | None] = []
        while True:
            with self._lock:
                if not self.held:
                    return out
                do = self.held.pop(0)
            try:
                do()
                out.append(None)
            except Exception as error:  # noqa: BLE001  the caller judges what a late write met
                out.append(error)

    def port(self, name: str, inner: Any) -> Any:
        return Port(self, name, inner)


class Port:
    """Any port, seen through a process."""

    def __init__(self, process: Process, name: str, inner: Any) -> None:
        self._process, self._name, self._inner = process, name, inner

    def __getattr__(self, method: str) -> Any:
        do = getattr(self._inner, method)
        target = f"{self._name}.{method}"
        if method == "open_disk":
            return lambda *args: self._opened(target, do, args)
        if method == "list" and self._name == "log":
            return lambda *args: iter(self._process.call(target, lambda: list(do(*args)), args))
        return lambda *args, **kw: self._process.call(target, lambda: do(*args, **kw), args)

    @contextmanager
    def _opened(self, target: str, do: Callable[..., Any], args: tuple[Any, ...]) -> Iterator[Any]:
        manager = self._process.call(target, lambda: do(*args), args)
        with manager as reader:
            yield Port(self._process, "reader", reader)
