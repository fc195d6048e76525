"""Sessions: login, logout, the cookie, and the two ways in which a session ends by itself."""

from __future__ import annotations

import base64
import binascii
import datetime
import hmac
import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from lab.http import Request
from lab.vcenter.inventory import Defaults
from lab.vcenter.vimtypes import Fault, vim

COOKIE = "vmware_soap_session"
_COOKIE = re.compile(COOKIE + r'="?([^";,\s]+)')


@dataclass(slots=True)
class Session:
    """One login. `state` holds what belongs to it: views, filters and half-read results by id."""

    key: str
    user: str
    login_time: datetime.datetime
    last_used: float  # monotonic
    state: dict[str, Any] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


class Sessions:
    """All sessions of one vCenter, of its administrator and of whom the control API adds."""

    def __init__(self, user: str, password: str, defaults: Defaults) -> None:
        self.user = user
        self._password = password
        self._defaults = defaults
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._readers: dict[str, str] = {}

    def change_password(self, password: str) -> None:
        """Of the administrator. Sessions that stand go on, as in a real vCenter."""
        self._password = password

    def add_reader(self, user: str, password: str) -> None:
        """An account with the role "Read-only" on everything."""
        self._readers[user.lower()] = password

    def reads_only(self, session: Session | None) -> bool:
        return session is not None and session.user.lower() in self._readers

    def login(self, user: str, password: str) -> Session:
        """Raises the InvalidLogin fault."""
        if not self._is_right(user, password):
            raise Fault(
                vim.fault.InvalidLogin(), "Cannot complete login due to an incorrect user name or password."
            )
        now = datetime.datetime.now(datetime.UTC)
        session = Session(str(uuid.uuid4()), user, now, time.monotonic())
        with self._lock:
            self._sessions[session.key] = session
        return session

    def logout(self, key: str) -> None:
        with self._lock:
            self._sessions.pop(key, None)

    def find(self, request: Request) -> Session | None:
        """The live session of a request's cookie; using it keeps it alive."""
        found = _COOKIE.search(request.headers.get("cookie", ""))
        if found is None:
            return None
        now = time.monotonic()
        with self._lock:
            session = self._sessions.get(found[1])
            if session is None:
                return None
            if now - session.last_used > self._defaults.session_idle_s:
                del self._sessions[session.key]
                return None
            session.last_used = now
            return session

    def has(self, key: str) -> bool:
        """Whether a session of this key lives; using it keeps it alive."""
        now = time.monotonic()
        with self._lock:
            session = self._sessions.get(key)
            if session is None or now - session.last_used > self._defaults.session_idle_s:
                self._sessions.pop(key, None)
                return False
            session.last_used = now
            return True

    def may_read_files(self, request: Request) -> bool:
        """Datastore access takes the cookie or, as on a real host, the name and password themselves."""
        return self.find(request) is not None or self._basic(request.headers.get("authorization", ""))

    def expire_all(self) -> int:
        """End every session now; returns how many there were."""
        with self._lock:
            count = len(self._sessions)
            self._sessions.clear()
        return count

    def is_live(self, session: Session) -> bool:
        """Whether it has not been ended; waiting for updates counts as using it."""
        with self._lock:
            session.last_used = time.monotonic()
            return session.key in self._sessions

    def count(self) -> int:
        with self._lock:
            return len(self._sessions)

    def _basic(self, header: str) -> bool:
        scheme, _, text = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return self._is_right(user, password)

    def _is_right(self, user: str, password: str) -> bool:
        known = self._password if user.lower() == self.user.lower() else self._readers.get(user.lower())
        return known is not None and hmac.compare_digest(password.encode(), known.encode())


def cookie_header(key: str) -> str:
    return f'{COOKIE}="{key}"; Path=/; HttpOnly; Secure;'


def not_authenticated(moid: str, privilege: str = "System.View") -> Fault:
    detail = vim.fault.NotAuthenticated(object=vim.Folder("group-d1"), privilegeId=privilege)
    return Fault(detail, f"The session is not authenticated. ({moid})")
