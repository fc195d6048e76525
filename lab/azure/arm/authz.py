"""Who may do what where: role assignments at a scope or above it, of the principal or of its groups.

ARM's own operations need a role's `actions`, the data planes (blobs, secrets) its `dataActions`: an Owner, whose
actions are `*`, can still not read a single blob.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lab.azure.arm.builtin_roles import BY_ID, Role
from lab.azure.arm.errors import ArmError
from lab.azure.arm.store import Record, Store
from lab.azure.login import Principal
from lab.azure.settings import Settings

ASSIGNMENTS = "microsoft.authorization/roleassignments"
LOCKS = "microsoft.authorization/locks"
EVERYONE = "00000000-0000-0000-0000-000000000000"
_MANAGEMENT = "/providers/microsoft.management/managementgroups/"


@dataclass(frozen=True, slots=True)
class Grant:
    """One assignment as it counts: role at a scope (lower case) since a time (epoch seconds)."""

    scope: str
    role: Role
    since: float


class Authorization:
    """Answers from the assignments in the store, cached until one of them changes."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._cached: tuple[int, dict[str, list[Grant]]] = (-1, {})

    def grants(self, object_id: str, scope: str) -> list[Grant]:
        """Assignments of a principal and its groups that reach a scope: made at it or above it."""
        everyone = self._by_principal()
        return [
            grant
            for holder in self.holders(object_id)
            for grant in everyone.get(holder, ())
            if self.reaches(grant.scope, scope)
        ]

    def holders(self, object_id: str) -> set[str]:
        """The principal and the groups that it is in (lower case)."""
        groups = self._settings.values.groups
        return {object_id.lower()} | {gid.lower() for gid, members in groups.items() if object_id in members}

    def reaches(self, outer: str, inner: str) -> bool:
        """Whether `outer` is `inner` or above it, management groups included."""
        outer, inner = outer.lower().rstrip("/"), inner.lower().rstrip("/")
        if not outer.startswith(_MANAGEMENT):
            return covers(outer, inner)
        groups = {name.lower(): members for name, members in self._settings.values.management_groups.items()}
        return any(covers(f"/subscriptions/{one}".lower(), inner) for one in groups.get(outer.removeprefix(_MANAGEMENT), ()))

    def denials(self, scope: str) -> list[dict[str, Any]]:
        """Deny assignments at a scope or above it."""
        return [one for one in self._settings.values.denials if self.reaches(one["scope"], scope)]

    def _denied(self, object_id: str, action: str, scope: str, data: bool) -> bool:
        holders, kind = self.holders(object_id), "dataActions" if data else "actions"
        for one in self.denials(scope):
            named = {who["id"].lower() for who in one["principals"]}
            excepted = {who["id"].lower() for who in one["excludePrincipals"]}
            if not (named & holders or EVERYONE in named) or excepted & holders:
                continue
            if any(_matches(pattern, action) for block in one["permissions"] for pattern in block.get(kind, ())):
                return True
        return False

    def may(self, principal: Principal, action: str, scope: str, *, data: bool = False) -> bool:
        """Whether an action is allowed at a scope. Data actions wait for the set propagation delay."""
        if self._denied(principal.object_id, action, scope, data):
            return False
        now = time.time()
        delay = self._settings.values.role_delay if data else 0.0
        return any(
            allows(grant.role, action, data=data) and grant.since + delay <= now
            for grant in self.grants(principal.object_id, scope)
        )

    def require(self, principal: Principal, action: str, scope: str) -> None:
        """Raise 403 AuthorizationFailed with who, what and where unless the action is allowed."""
        if self.may(principal, action, scope):
            return
        raise ArmError(
            403,
            "AuthorizationFailed",
            f"The client '{principal.client_id}' with object id '{principal.object_id}' does not have authorization "
            f"to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently "
            "granted, please refresh your credentials.",
        )

    def require_linked(self, principal: Principal, call: tuple[str, str], action: str, linked: str) -> None:
        """Raise 403 LinkedAuthorizationFailed unless `action` is allowed on a resource that `call`
        (action, scope) refers to."""
        if self.may(principal, action, linked):
            return
        raise ArmError(
            403,
            "LinkedAuthorizationFailed",
            f"The client '{principal.client_id}' with object id '{principal.object_id}' has permission to perform "
            f"action '{call[0]}' on scope '{call[1]}'; however, it does not have permission to perform action(s) "
            f"'{action}' on the linked scope(s) '{linked}' (respectively) or the linked scope(s) are invalid.",
        )

    def require_unlocked(self, scope: str, *, deleting: bool, below: bool = False) -> None:
        """Raise 409 ScopeLocked where a lock at the scope, above it (or with `below` under it) forbids the change."""
        wanted = scope.lower().rstrip("/")
        locked = [
            lock.private["scope"]
            for lock in self._store.of_kind(LOCKS)
            if (deleting or lock.private["level"] == "ReadOnly")
            and (covers(lock.private["scope"].lower(), wanted) or (below and covers(wanted, lock.private["scope"].lower())))
        ]
        if locked:
            verb = "delete" if deleting else "write"
            raise ArmError(
                409,
                "ScopeLocked",
                f"The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: "
                f"'{','.join(locked)}'. Please remove the lock and try again.",
            )

    def _by_principal(self) -> dict[str, list[Grant]]:
        version = self._store.version(ASSIGNMENTS)
        if self._cached[0] != version:
            table: dict[str, list[Grant]] = {}
            for item in self._store.of_kind(ASSIGNMENTS):
                table.setdefault(item.private["principal"].lower(), []).append(_grant(item))
            self._cached = (version, table)
        return self._cached[1]


def covers(outer: str, inner: str) -> bool:
    """Whether scope `outer` is `inner` or above it; both lower case without a slash at the end."""
    return inner == outer or inner.startswith(outer + "/")


def allows(role: Role, action: str, *, data: bool) -> bool:
    """Whether a role's (data) actions, less its exceptions, contain an action."""
    wanted = role.data_actions if data else role.actions
    excepted = role.not_data_actions if data else role.not_actions
    return any(_matches(pattern, action) for pattern in wanted) and not any(_matches(pattern, action) for pattern in excepted)


def _matches(pattern: str, action: str) -> bool:
    return _compiled(pattern).fullmatch(action) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)


def _grant(item: Record) -> Grant:
    return Grant(item.private["scope"].lower().rstrip("/"), BY_ID[item.private["role"]], item.private["since"])
