"""vSphere's tags, which are not in the SOAP API that pyVmomi speaks: a small client of vCenter's REST API, reading only.

A session of its own (its id is a secret, in a header) is made with the source's login and deleted at the end. Endpoint, CA and
thumbprint are those of the source. Reading is repeated once when a connection breaks.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from typing import Any

from providers.secrets import Credentials
from providers.vmware.tls import Endpoint, context, probe
from replication.model.errors import Denied, NotFound, Permanent, PortError, Temporary

SECONDS = 60.0
_LARGEST = 64 * 1024 * 1024
_SESSION = "/rest/com/vmware/cis/session"
_TAGGING = "/rest/com/vmware/cis/tagging"
_HEADER = "vmware-api-session-id"


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that this login may see. `id` is vCenter's, of no interest to people."""

    id: str
    category: str
    name: str

    def __str__(self) -> str:
        return f"{self.category}/{self.name}"


@dataclass(frozen=True, slots=True)
class Attached:
    """What carries a tag: managed object refs of VMs, and how many objects are something else."""

    machines: frozenset[str]
    others: int


class Tagging:
    """Signed in to the tagging service of one vCenter; made by `tagging`. Every method may raise the port errors."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._context = context(endpoint)
        self._session = ""
        self._connection: HTTPSConnection | None = None

    def tags(self) -> list[Tag]:
        """Every tag that the login may see, by category and name."""
        found = []
        for category in self._list("GET", f"{_TAGGING}/category", "listing the categories of tags"):
            named = str(self._ask("GET", f"{_TAGGING}/category/id:{category}", "reading a category of tags")["name"])
            listing = f"{_TAGGING}/tag/id:{category}?~action=list-tags-for-category"
            for tag in self._list("POST", listing, f"listing the tags of {named}"):
                found.append(Tag(str(tag), named, str(self._ask("GET", f"{_TAGGING}/tag/id:{tag}", "reading a tag")["name"])))
        return sorted(found, key=lambda tag: (tag.category, tag.name))

    def attached(self, tag: Tag) -> Attached:
        """What carries the tag itself; a tag on a folder or a host is not passed on to what lies in it."""
        target = f"{_TAGGING}/tag-association/id:{tag.id}?~action=list-attached-objects"
        found = self._list("POST", target, f"reading what carries the tag {tag}")
        machines = frozenset(str(one["id"]) for one in found if one["type"] == "VirtualMachine")
        return Attached(machines, sum(one["type"] != "VirtualMachine" for one in found))

    def sign_in(self, credentials: Credentials) -> None:
        """Raises `Denied` for a wrong password, `Permanent` where there is no such API."""
        probe(self._endpoint, self._context)
        given = base64.b64encode(f"{credentials.user}:{credentials.password}".encode()).decode()
        try:
            self._session = str(self._ask("POST", _SESSION, "signing in to the REST API", {"Authorization": f"Basic {given}"}))
        except NotFound as error:
            raise Permanent(
                "it has no REST API for tags",
                subject=self._endpoint.subject,
                remedy="vCenter Server 6.5 and later have one; name a folder or a pattern of paths instead",
                code="NoTagging",
            ) from error

    def sign_out(self) -> None:
        """Delete the session; an unreachable vCenter is no reason to fail here."""
        if self._session:
            with suppress(PortError):
                self._ask("DELETE", _SESSION, "signing out")
        self._session = ""
        if self._connection is not None:
            self._connection.close()

    def _list(self, method: str, target: str, doing: str) -> list[Any]:
        """An empty list may come as null (vcsim's does)."""
        return list(self._ask(method, target, doing) or ())

    def _ask(self, method: str, target: str, doing: str, headers: dict[str, str] | None = None) -> Any:
        sent = {"Accept": "application/json", **(headers or {})} | ({_HEADER: self._session} if self._session else {})
        given = b"{}" if method == "POST" else None  # an action without parameters is an empty object
        sent |= {"Content-Type": "application/json"} if given else {}
        for last in (False, True):
            if self._connection is None:
                self._connection = HTTPSConnection(
                    self._endpoint.host, self._endpoint.port, timeout=SECONDS, context=self._context
                )
            try:
                self._connection.request(method, target, given, sent)
                response = self._connection.getresponse()
                status, body = response.status, response.read(_LARGEST)
                break
            except (OSError, HTTPException) as error:
                self._connection.close()
                self._connection = None
                if last:
                    text = f"{doing} broke off ({type(error).__name__}: {error})"
                    raise Temporary(text, subject=self._endpoint.subject, code="Broken") from error
        if status >= 300:
            raise self._refusal(status, body, doing)
        return _value(body, doing, self._endpoint.subject)

    def _refusal(self, status: int, body: bytes, doing: str) -> PortError:
        kind, said, subject = *_told(body), self._endpoint.subject
        text = f"{doing}: vCenter answered {status}{f' {kind}' if kind else ''}{f': {said}' if said else ''}"
        if status == 401 and not self._session:
            remedy = f"check the secret that the login of source {self._endpoint.name} names"
            return Denied("the user name or password was refused", subject=subject, remedy=remedy, code="InvalidLogin")
        if status in (401, 403):
            remedy = "give the login's role System.Read on tags and their categories (global permissions)"
            return Denied(text, subject=subject, remedy=remedy, code=kind or "Forbidden")
        if status == 404:
            return NotFound(text, subject=subject, code=kind or "NotFound")
        if status >= 500 or status == 429:
            return Temporary(text, subject=subject, code=kind or str(status))
        return Permanent(text, subject=subject, code=kind or str(status))


@contextmanager
def tagging(endpoint: Endpoint, credentials: Credentials) -> Iterator[Tagging]:
    """A session that is deleted when the block ends, however it ends."""
    made = Tagging(endpoint)
    try:
        made.sign_in(credentials)
        yield made
    finally:
        made.sign_out()


def _value(body: bytes, doing: str, subject: str) -> Any:
    """The `value` of an answer; nothing for an empty one."""
    if not body.strip():
        return None
    try:
        return json.loads(body)["value"]
    except (ValueError, KeyError, TypeError) as error:
        raise Permanent(f"{doing}: the answer is not what vCenter's REST API gives", subject=subject, code="BadAnswer") from error


def _told(body: bytes) -> tuple[str, str]:
    """(name of the error, its message) of a refusal, as far as it has them."""
    try:
        document = json.loads(body)
        messages = document.get("value", {}).get("messages", [])
        return str(document.get("type", "")).rpartition(".")[2], "; ".join(str(m["default_message"]) for m in messages)[:500]
    except (ValueError, AttributeError, KeyError, TypeError):
        return "", ""
