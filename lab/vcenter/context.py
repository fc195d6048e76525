"""What a method has at hand while it answers one call."""

from __future__ import annotations

from dataclasses import dataclass

from lab.vcenter.inventory import World
from lab.vcenter.selection import Scope
from lab.vcenter.sessions import Session, Sessions
from lab.vcenter.tasks import Tasks


@dataclass(slots=True)
class Context:
    """One call's surroundings. `version` is the API version that its client speaks."""

    world: World
    sessions: Sessions
    tasks: Tasks
    scope: Scope
    maybe_session: Session | None
    version: str
    cookie: str = ""  # set by Login: the session cookie to send along

    @property
    def session(self) -> Session:
        if self.maybe_session is None:
            raise RuntimeError("a method that needs a session was let through without one")
        return self.maybe_session

    def is_alive(self) -> bool:
        """Whether the session that waits is still logged in."""
        return self.maybe_session is not None and self.sessions.is_live(self.maybe_session)
