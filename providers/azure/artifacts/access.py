"""Who may do what (S4): role assignments at a scope and above it, through groups too, less what deny assignments take away.

Of any principal whose object id is known, not only of whoever is signed in: the one who plans asks for the one who applies.
Azure resolves groups and management groups itself (`assignedTo`); one listing per principal and resource group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar, cast

from planner.ports import Lack, Need
from providers.azure.errors import translated
from providers.azure.ids import parse, same
from providers.azure.session import AzureSession
from replication.model.errors import Denied, NotFound

T = TypeVar("T")

_EVERYONE = "00000000-0000-0000-0000-000000000000"
"""How a deny assignment spells all principals."""

_ABOVE = "/providers/microsoft.management/"
"""Management groups: what a listing shows of them holds for all that was asked for."""


class _Answer(Enum):
    YES = "yes"
    NO = "no"
    CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True)
class _Grant:
    """What one role allows from `scope` (lower case) down; `conditional`: only for some resources or roles."""

    scope: str
    holder: str
    permissions: tuple[Any, ...]
    conditional: bool


@dataclass(frozen=True, slots=True)
class _Held:
    """Grants of one principal around one resource group. `place` is the group, or its subscription while it is not there."""

    place: str
    grants: tuple[_Grant, ...]


class Access:
    """Answers for one plan: what was listed once is kept."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        self._kept: dict[tuple[str, ...], Any] = {}

    def lacking(self, needs: Sequence[Need]) -> list[Lack]:
        return [lack for need in needs if (lack := self._lack(need)) is not None]

    def _lack(self, need: Need) -> Lack | None:
        try:
            held = self._held(need.principal, need.scope)
            scope = need.scope if parse(held.place).group or not parse(need.scope).group else held.place
            grants = [g for g in held.grants if _covers(g.scope, scope)]
            answer = _worst(grants, need)
            if answer is _Answer.NO and same(need.principal, self._session.principal().object_id):
                answer = _worst([*grants, *self._own(held.place)], need)
            if answer is _Answer.NO:
                return Lack(need, scope)
            denied = self._denied(need, held, scope)
        except Denied as error:
            return Lack(need, need.scope, unknown=f"its role assignments cannot be read: {error}")
        if denied is not None:
            return denied
        if answer is _Answer.CONDITIONAL:
            return Lack(need, scope, unknown="a role allows it under a condition, and Azure alone evaluates conditions")
        return None

    # --- roles

    def _held(self, principal: str, scope: str) -> _Held:
        at = parse(scope)
        return self._once(
            ("held", principal.lower(), at.subscription.lower(), at.group.lower()),
            lambda: self._listed(principal, at.subscription, at.group),
        )

    def _listed(self, principal: str, subscription: str, group: str) -> _Held:
        client = self._session.authorization(subscription).role_assignments
        place = f"/subscriptions/{subscription}"
        if group:
            inside = f"{place}/resourceGroups/{group}"
            try:
                return self._read(
                    principal, inside, lambda: client.list_for_resource_group(group, filter=f"assignedTo('{principal}')")
                )
            except NotFound:
                pass  # a managed group that is still to be made: what holds at the subscription will hold in it
        return self._read(
            principal, place, lambda: client.list_for_subscription(filter=f"atScope() and assignedTo('{principal}')")
        )

    def _read(self, principal: str, place: str, listing: Callable[[], Iterable[Any]]) -> _Held:
        try:
            with translated(f"role assignments of {place}"):
                found = list(listing())
        except Denied:
            if not same(principal, self._session.principal().object_id):
                raise
            found = []  # who may not even read assignments there has none of our roles there
        return _Held(place, self._grants(place, found))

    def _grants(self, place: str, found: Iterable[Any]) -> tuple[_Grant, ...]:
        return tuple(
            _Grant(
                str(one.scope).lower().rstrip("/"),
                str(one.principal_id).lower(),
                self._permissions(place, str(one.role_definition_id)),
                bool(one.condition),
            )
            for one in found
        )

    def _permissions(self, place: str, definition: str) -> tuple[Any, ...]:
        """Of a role, read at `place`: who may look into one group may not therefore read at the subscription."""
        guid = definition.rpartition("/")[2]

        def read() -> tuple[Any, ...]:
            client = self._session.authorization(parse(place).subscription).role_definitions
            with translated(definition):
                return tuple(client.get(place.lstrip("/"), guid).permissions or ())

        return self._once(("role", guid.lower()), read)

    def _own(self, place: str) -> tuple[_Grant, ...]:
        """What Azure says that the signed-in principal may do: it knows of delegations that are no assignments here."""
        at = parse(place)
        if not at.group:
            return ()

        def read() -> tuple[_Grant, ...]:
            with translated(place):
                found = tuple(self._session.authorization(at.subscription).permissions.list_for_resource_group(at.group))
            return (_Grant(place.lower(), "", found, False),)

        return self._once(("own", place.lower()), read)

    # --- deny assignments

    def _denied(self, need: Need, held: _Held, scope: str) -> Lack | None:
        """A deny assignment that forbids some of it; unknown where it names a group whose members we cannot tell."""
        place = held.place

        def read() -> tuple[Any, ...]:
            client = self._session.authorization(parse(place).subscription).deny_assignments
            with translated(f"deny assignments of {place}"):
                return tuple(client.list_for_scope(place.lstrip("/"), filter="atScope()"))

        ours = {need.principal.lower(), *(g.holder for g in held.grants)}
        unknown = None
        for one in self._once(("deny", place.lower()), read):
            if not _applies(one, scope) or not _forbids(one, need):
                continue
            held_by, left_out = (_meets(group or (), ours) for group in (one.principals, one.exclude_principals))
            if held_by is False or left_out is True:
                continue
            if held_by is True and left_out is False:
                return Lack(need, scope, denied_by=str(one.deny_assignment_name))
            unknown = Lack(need, scope, unknown=f"deny assignment {one.deny_assignment_name!r} names a group")
        return unknown

    def _once(self, key: tuple[str, ...], read: Callable[[], T]) -> T:
        if key not in self._kept:
            self._kept[key] = read()
        return cast(T, self._kept[key])


def _worst(grants: Sequence[_Grant], need: Need) -> _Answer:
    """Whether all of it is allowed."""
    answers = [_allowed(grants, action, False) for action in need.actions]
    answers += [_allowed(grants, action, True) for action in need.data_actions]
    if _Answer.NO in answers:
        return _Answer.NO
    return _Answer.CONDITIONAL if _Answer.CONDITIONAL in answers else _Answer.YES


def _allowed(grants: Sequence[_Grant], action: str, data: bool) -> _Answer:
    """Whether any one permission contains the action and does not except it."""
    answer = _Answer.NO
    for grant in grants:
        if any(_contains(permission, action, data) for permission in grant.permissions):
            if not grant.conditional:
                return _Answer.YES
            answer = _Answer.CONDITIONAL
    return answer


def _contains(permission: Any, action: str, data: bool) -> bool:
    wanted = permission.data_actions if data else permission.actions
    excepted = permission.not_data_actions if data else permission.not_actions
    return any(_matches(one, action) for one in wanted or ()) and not any(_matches(one, action) for one in excepted or ())


def _forbids(deny: Any, need: Need) -> bool:
    found = deny.permissions or ()
    return any(_contains(one, a, False) for one in found for a in need.actions) or any(
        _contains(one, a, True) for one in found for a in need.data_actions
    )


def _applies(deny: Any, scope: str) -> bool:
    at = str(deny.scope).lower().rstrip("/")
    return same(at, scope) if deny.do_not_apply_to_child_scopes else _covers(at, scope)


def _meets(named: Iterable[Any], ours: set[str]) -> bool | None:
    """Whether one of `ours` is among the principals named; None when a group that is not ours could hold us."""
    found = list(named)
    if any(str(one.id).lower() in ours or str(one.id) == _EVERYONE for one in found):
        return True
    return None if any(str(one.type).lower() == "group" for one in found) else False


def _covers(outer: str, inner: str) -> bool:
    """Whether `outer` (lower case) is `inner` or above it."""
    return outer == "" or outer.startswith(_ABOVE) or same(outer, inner) or inner.lower().startswith(f"{outer}/")


def _matches(pattern: str, action: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), action, re.IGNORECASE) is not None
