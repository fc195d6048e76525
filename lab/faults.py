"""Faults on order: the Nth matching call fails, breaks, is held on the wire, has a bit flipped or is delayed.

Rules live in the process's memory only: a restart of a lab server is a fresh, healthy service (what its clients
stored survives, orders to misbehave do not). Held requests that were not released are lost as packets are.
"""

from __future__ import annotations

import itertools
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from lab.http import DropConnection, Request, Response, pieces

log = logging.getLogger("lab.faults")

Action = Literal["fail", "break", "hold", "flip", "delay"]
When = Literal["before", "after"]
Do = Callable[[], Response]
Render = Callable[[int, str, str], Response]
"""(status, code, message) -> the service's own way of saying so: a SOAP fault, an ARM error, a blob error."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One order: matching calls `nth` .. `nth + count - 1` (1-based) are hit; `count` 0 means all of them."""

    id: str
    match: str
    action: Action
    nth: int = 1
    count: int = 1
    status: int = 503
    code: str = "ServerBusy"
    retry_after: float | None = None
    when: When = "before"
    seconds: float = 0.0


class RuleError(ValueError):
    """A rule that makes no sense; the text says which field and what is allowed."""


class _Live:
    """A rule with its counter of matching calls."""

    __slots__ = ("hits", "pattern", "rule", "seen")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.pattern = re.compile(rule.match)
        self.seen = 0
        self.hits = 0

    def fires(self, name: str) -> bool:
        if not self.pattern.search(name):
            return False
        self.seen += 1
        last = self.rule.nth + self.rule.count - 1
        fires = self.seen >= self.rule.nth and (self.rule.count == 0 or self.seen <= last)
        self.hits += fires
        return fires


class _Held:
    """A request whose client is gone and which will be carried out once, later."""

    def __init__(self, rule_id: str, name: str, do: Do) -> None:
        self.rule_id = rule_id
        self.name = name
        self._do = do
        self._once = threading.Lock()
        self.status: int | None = None

    def execute(self) -> int | None:
        """The status the late request was answered with; None when it ended without any answer."""
        if not self._once.acquire(blocking=False):
            return self.status
        try:
            self.status = self._do().status
        except DropConnection:
            log.debug("held %s was dropped by its service", self.name)
        log.info("held %s landed with %s", self.name, self.status)
        return self.status


class Faults:
    """The orders of one process, and the place where its services ask whether a call must go wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: dict[str, _Live] = {}
        self._held: list[_Held] = []
        self._renders: dict[str, Render] = {}
        self._ids = itertools.count(1)

    def on_failure(self, service: str, render: Render) -> None:
        """Set how `service` words a failure; without it a plain JSON error is answered."""
        self._renders[service] = render

    def add(self, document: dict[str, Any]) -> Rule:
        """Add a rule from JSON. Raises RuleError."""
        rule = _parse(document, f"f{next(self._ids)}")
        with self._lock:
            self._rules[rule.id] = _Live(rule)
        return rule

    def rules(self) -> list[dict[str, Any]]:
        """All rules as JSON, with `seen` (matching calls) and `hits` (calls that went wrong)."""
        with self._lock:
            return [
                {**asdict(live.rule), "seen": live.seen, "hits": live.hits} for live in self._rules.values()
            ]

    def held(self) -> list[dict[str, str]]:
        """Requests on the wire, oldest first."""
        with self._lock:
            return [{"rule": held.rule_id, "call": held.name} for held in self._held]

    def remove(self, rule_id: str | None = None) -> None:
        """Forget one rule, or all of them. Held requests stay held."""
        with self._lock:
            if rule_id is None:
                self._rules.clear()
            else:
                self._rules.pop(rule_id, None)

    def release(self, rule_id: str | None = None) -> list[dict[str, Any]]:
        """Let held requests land now, oldest first, and say how each was answered."""
        with self._lock:
            landing = [held for held in self._held if rule_id in (None, held.rule_id)]
            self._held = [held for held in self._held if held not in landing]
        return [{"call": held.name, "status": held.execute()} for held in landing]

    def wrap(self, service: str, operation: str, target: str, request: Request, do: Do) -> Response:
        """Carry out `do`, or what was ordered instead.

        Raises DropConnection where the client shall see its connection die.
        """
        if not self._rules:  # the usual case costs nothing
            return do()
        name = f"{service} {operation} {target}"
        with self._lock:
            firing = [live.rule for live in self._rules.values() if live.fires(name)]
        for rule in firing:
            if rule.action == "delay":
                time.sleep(rule.seconds)
        for rule in firing:
            if rule.action != "delay":
                log.info("%s ordered for %s", rule.action, name)
                return self._misbehave(rule, service, name, request, do)
        return do()

    def _misbehave(self, rule: Rule, service: str, name: str, request: Request, do: Do) -> Response:
        match rule.action, rule.when:
            case "fail", "before":
                return self._failure(rule, service, name)
            case "fail", _:
                do()
                return self._failure(rule, service, name)
            case "break", "before":
                request.read(int(request.headers.get("content-length", "0") or "0") // 2)
                raise DropConnection(f"ordered break of {name}")
            case "break", _:
                return _broken(do())
            case "hold", _:
                self._hold(rule, name, request, do)
                raise DropConnection(f"{name} is held on the wire")
            case _:
                return _flipped(request, do)

    def _failure(self, rule: Rule, service: str, name: str) -> Response:
        message = f"Ordered fault {rule.id} for {name}."
        response = self._renders.get(service, _plain)(rule.status, rule.code, message)
        if rule.retry_after is not None:
            response.headers["Retry-After"] = f"{rule.retry_after:g}"
        return response

    def _hold(self, rule: Rule, name: str, request: Request, do: Do) -> None:
        _ = request.body  # the connection is about to go: keep what it carried
        held = _Held(rule.id, name, do)
        with self._lock:
            self._held.append(held)
        if rule.seconds > 0:
            timer = threading.Timer(rule.seconds, self._land, [held])
            timer.daemon = True
            timer.start()

    def _land(self, held: _Held) -> None:
        with self._lock:
            if held not in self._held:
                return
            self._held.remove(held)
        held.execute()


def _parse(document: dict[str, Any], default_id: str) -> Rule:
    known = {entry.name for entry in fields(Rule)}
    for key in document:
        if key not in known:
            raise RuleError(f"a fault rule has no field {key!r}; it has {', '.join(sorted(known))}")
    for key, allowed in (("action", get_args(Action)), ("when", get_args(When))):
        if key in document and document[key] not in allowed:
            raise RuleError(f"{key} is {document[key]!r}; allowed are {', '.join(allowed)}")
    missing = [key for key in ("match", "action") if key not in document]
    if missing:
        raise RuleError(f"a fault rule needs {' and '.join(missing)}")
    try:
        re.compile(document["match"])
    except (re.error, TypeError) as error:
        raise RuleError(f"match is no regular expression: {error}") from error
    given = {key: value for key, value in document.items() if value is not None}
    return Rule(**{"id": default_id, **given})


def _plain(status: int, code: str, message: str) -> Response:
    text = f'{{"error": {{"code": "{code}", "message": "{message}"}}}}'
    return Response(status, {"Content-Type": "application/json"}, text.encode())


def _broken(response: Response) -> Response:
    if isinstance(response.body, bytes):
        response.break_after = len(response.body) // 2
    else:
        response.break_after = int(response.headers.get("Content-Length", "65536")) // 2
    return response


def _flipped(request: Request, do: Do) -> Response:
    """Flip one bit: of what the client sent when it sent anything, else of what it gets."""
    body = request.body
    if body:
        middle = len(body) // 2
        request.replace_body(body[:middle] + bytes([body[middle] ^ 0x10]) + body[middle + 1 :])
        return do()
    response = do()
    if isinstance(response.body, bytes) and not response.body:
        return response
    if hasattr(response.body, "length"):
        response.headers.setdefault("Content-Length", str(response.body.length))
    response.body = _flip_first(pieces(response.body))
    return response


def _flip_first(stream: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    for number, piece in enumerate(stream):
        data = bytes(piece)
        yield bytes([data[0] ^ 0x10]) + data[1:] if number == 0 else data
