"""The control API under `/lab/v1/…` that every lab server has: status, faults, and each service's own extras.

Everything is JSON; every request needs `Authorization: Bearer <control_token>` (from `lab.json`).
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from typing import Any

from lab.faults import Faults, RuleError
from lab.http import Handler, Request, Response

PREFIX = "/lab/v1/"

Action = Callable[[dict[str, Any], dict[str, str]], Any]
"""(JSON body or {}, query and path parameters) -> JSON value to answer with. Raises ControlError."""


class ControlError(Exception):
    """A control request that cannot be carried out: `status` and a text that says what to do."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """Routes of one server's control API."""

    def __init__(self, token: str, faults: Faults, status: Callable[[], Any]) -> None:
        self._token = token
        self._routes: list[tuple[str, re.Pattern[str], Action]] = []
        self.route("GET", "status", lambda body, parameters: status())
        self.route("GET", "faults", lambda body, parameters: {"rules": faults.rules(), "held": faults.held()})
        self.route("POST", "faults", lambda body, parameters: _add(faults, body))
        self.route("DELETE", "faults", lambda body, parameters: faults.remove(parameters.get("id")))
        self.route("DELETE", "faults/{id}", lambda body, parameters: faults.remove(parameters["id"]))
        self.route(
            "POST",
            "faults/release",
            lambda body, parameters: {"released": faults.release(body.get("id") or parameters.get("id"))},
        )

    def route(self, method: str, path: str, action: Action) -> None:
        """Add `<method> /lab/v1/<path>`; `{name}` in the path matches one segment (a parameter)."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
        self._routes.append((method, re.compile(pattern), action))

    def before(self, handler: Handler) -> Handler:
        """A handler that answers control requests itself and passes all others on."""

        def handle(request: Request) -> Response:
            if request.path.startswith(PREFIX):
                return self._handle(request)
            return handler(request)

        return handle

    def _handle(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return _json(401, {"error": "the control API needs the control_token of lab.json as bearer token"})
        path = request.path.removeprefix(PREFIX).rstrip("/")
        for method, pattern, action in self._routes:
            found = pattern.fullmatch(path)
            if found is None or method != request.method:
                continue
            try:
                answer = action(_document(request), {**request.query, **found.groupdict()})
            except ControlError as error:
                return _json(error.status, {"error": str(error)})
            return _json(200, answer if answer is not None else {})
        return _json(404, {"error": f"no control operation {request.method} {request.path}"})


def _add(faults: Faults, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"id": faults.add(body).id}
    except RuleError as error:
        raise ControlError(str(error)) from error


def _document(request: Request) -> dict[str, Any]:
    text = request.body
    if not text:
        return {}
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ControlError(f"the body is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise ControlError("the body must be a JSON object")
    return document


def _json(status: int, value: Any) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(value).encode())
