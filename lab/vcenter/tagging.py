"""The tagging service of vCenter's REST API: `/rest/com/vmware/cis/session` and `/rest/com/vmware/cis/tagging/…`.

Categories, tags and what carries them are kept in one file and survive a restart. A session of REST is one of the lab's
sessions, named by a header; the SOAP cookie is not asked.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from pathlib import Path
from typing import Any

from lab.http import Request, Response
from lab.vcenter.files import replace_json
from lab.vcenter.inventory import World
from lab.vcenter.sessions import Sessions
from lab.vcenter.vimtypes import Fault

BASE = "/rest/com/vmware/cis"
HEADER = "vmware-api-session-id"
Json = dict[str, Any]


class Refused(Exception):
    """An error as the API says it: an HTTP status, the last part of the type, a message."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


class Tagging:
    """Answers what is below `/rest/com/vmware/cis`."""

    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions
        self._lock = threading.Lock()
        self._path: Path = world.root / "tags.json"
        kept = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._categories: dict[str, Json] = kept.get("categories", {})
        self._tags: dict[str, Json] = kept.get("tags", {})
        self._attached: dict[str, list[Json]] = kept.get("attached", {})

    def handle(self, request: Request) -> Response:
        path = request.path.removeprefix(BASE).strip("/")
        try:
            if path == "session":
                return self._session(request)
            self._signed_in(request)
            with self._lock:
                value = self._answer(request, path.removeprefix("tagging/"), request.query.get("~action", ""))
            return _json(200, {"value": value})
        except Refused as error:
            message = {"args": [], "default_message": error.message, "id": f"lab.{error.kind}"}
            return _json(error.status, {"type": f"com.vmware.vapi.std.errors.{error.kind}", "value": {"messages": [message]}})

    def _session(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._sessions.logout(self._signed_in(request))
            return _json(200, {})
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(text).decode().partition(":")
            if request.method != "POST" or scheme.lower() != "basic":
                raise ValueError(scheme)
            return _json(200, {"value": self._sessions.login(user, password).key})
        except (ValueError, Fault) as error:
            raise Refused(401, "unauthenticated", "Authentication required.") from error

    def _signed_in(self, request: Request) -> str:
        key = request.headers.get(HEADER, "")
        if not self._sessions.has(key):
            raise Refused(401, "unauthenticated", "Authentication required.")
        return key

    def _answer(self, request: Request, path: str, action: str) -> Any:
        if "System.Read" in self._world.defaults.denied:
            raise Refused(403, "unauthorized", "Unable to authorize user: System.Read is missing.")
        found = re.fullmatch(r"(category|tag|tag-association)(?:/id:(.+))?", path)
        match request.method, found[1] if found else "", found[2] if found else None, action:
            case "GET", "category", None, "":
                return list(self._categories)
            case "POST", "category", None, "":
                return self._make(self._categories, "Category", _spec(request), "name")
            case "GET", "category", str(id), "":
                return _known(self._categories, id)
            case "GET", "tag", None, "":
                return list(self._tags)
            case "POST", "tag", None, "":
                spec = _spec(request)
                _known(self._categories, str(spec.get("category_id")))
                return self._make(self._tags, "Tag", spec, "name", "category_id")
            case "GET", "tag", str(id), "":
                return _known(self._tags, id)
            case "POST", "tag", str(id), "list-tags-for-category":
                _known(self._categories, id)
                return [tag for tag, kept in self._tags.items() if kept["category_id"] == id]
            case "POST", "tag-association", str(id), "list-attached-objects":
                _known(self._tags, id)
                return [one for one in self._attached.get(id, []) if one["id"] in self._world.objects]
            case "POST", "tag-association", str(id), "attach":
                return self._attach(id, _body(request).get("object_id") or {})
        raise Refused(404, "operation_not_found", f"There is no {request.method} {request.path} {action}".rstrip() + ".")

    def _make(self, kept: dict[str, Json], kind: str, spec: Json, *unique: str) -> str:
        if not spec.get("name"):
            raise Refused(400, "invalid_argument", "A name is required.")
        if any(all(one[k] == spec.get(k) for k in unique) for one in kept.values()):
            raise Refused(400, "already_exists", f"{spec['name']} exists already.")
        id = f"urn:vmomi:InventoryService{kind}:{uuid.uuid4()}:GLOBAL"
        kept[id] = {"id": id, "description": "", "used_by": [], **spec}
        self._save()
        return id

    def _attach(self, id: str, target: Json) -> None:
        _known(self._tags, id)
        if target.get("id") not in self._world.objects:
            raise Refused(404, "not_found", f"There is no object {target.get('id')}.")
        held = self._attached.setdefault(id, [])
        if target not in held:
            held.append({"id": str(target["id"]), "type": str(target.get("type", ""))})
            self._save()

    def _save(self) -> None:
        replace_json(self._path, {"categories": self._categories, "tags": self._tags, "attached": self._attached})


def _known(kept: dict[str, Json], id: str) -> Json:
    if id not in kept:
        raise Refused(404, "not_found", f"{id} was not found.")
    return kept[id]


def _body(request: Request) -> Json:
    try:
        document = json.loads(request.body or b"{}")
    except ValueError as error:
        raise Refused(400, "invalid_argument", f"The body is no JSON: {error}") from error
    return document if isinstance(document, dict) else {}


def _spec(request: Request) -> Json:
    spec = _body(request).get("create_spec")
    if not isinstance(spec, dict):
        raise Refused(400, "invalid_argument", "create_spec is required.")
    return dict(spec)


def _json(status: int, document: Json) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(document).encode())
