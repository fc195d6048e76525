"""Data planes whose role may not work yet: Azure says "assigned" at once and means "in some minutes"."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from planner.ports import Observed, ResourceRef
from providers.azure.codes import NO_POLICY, ROLE_PENDING
from providers.azure.errors import translated
from replication.model.errors import Denied, NotFound

T = TypeVar("T")
_FIRST, _LONGEST = 0.2, 15.0


@dataclass(frozen=True, slots=True)
class RoleWait:
    """How long a refusal may be a role that is not yet in force; clock and sleep are given by the caller in tests."""

    seconds: float = 600.0
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic

    def run(self, call: Callable[[], T]) -> T:
        """`call` until no data plane refuses it any more; its first success is the probe that the role works."""
        until = self.now() + self.seconds
        pause = _FIRST
        while True:
            try:
                return call()
            except Denied as error:
                if not lacks_role(error) or self.now() + pause > until:
                    raise
                self.sleep(pause)
                pause = min(pause * 1.6, _LONGEST)


def lacks_role(error: Denied) -> bool:
    """Whether a data plane refused for want of a role, rather than somebody a login."""
    return error.code in ROLE_PENDING


def listed(
    scope: str, wanted: Sequence[ResourceRef], look: Callable[[], Mapping[str, Observed]], name: Callable[[str], str]
) -> dict[str, Observed]:
    """What one listing of `scope` says of `wanted`, by lower-cased id: `look` gives it by the `name` of an id.

    No such scope: nothing is there. Nobody may look before the role works, or with a key vault's policies in its place: then
    each is unreadable, and the planner goes by what it recorded.
    """
    try:
        with translated(scope):
            found = look()
    except NotFound:
        return {}
    except Denied as error:
        if not lacks_role(error) and error.code not in NO_POLICY:
            raise
        return {ref.id.lower(): Observed(ref.id, readable=False) for ref in wanted}
    return {ref.id.lower(): replace(found[name(ref.id)], id=ref.id) for ref in wanted if name(ref.id) in found}
