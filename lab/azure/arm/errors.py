"""ARM's way of saying no: a status, a code that programs read and a sentence that people read."""

from __future__ import annotations

import json
import uuid
from typing import Any

from lab.http import Response


class ArmError(Exception):
    """A refusal in Azure's words. `status` is the HTTP status, `code` Azure's error code."""

    def __init__(self, status: int, code: str, message: str, target: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.headers: dict[str, str] = {}

    def document(self) -> dict[str, Any]:
        """`{"code", "message"[, "target"]}`: the inside of an error body or of a failed operation."""
        body = {"code": self.code, "message": self.message}
        return {**body, "target": self.target} if self.target else body

    def response(self) -> Response:
        """The HTTP answer."""
        answer = json_response(self.status, {"error": self.document()})
        answer.headers.update(self.headers)
        answer.headers["x-ms-failure-cause"] = "gateway" if self.status < 409 else "service"
        return answer


def json_response(status: int, value: Any = None, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer with the request ids that Azure's clients log; a value of None is an empty body."""
    body = b"" if value is None else value if isinstance(value, bytes) else json.dumps(value).encode()
    fields = {"x-ms-request-id": str(uuid.uuid4()), **(headers or {})}
    if body:
        fields["Content-Type"] = "application/json; charset=utf-8"
    return Response(status, fields, body)


def bad_parameter(name: str, message: str, code: str = "InvalidParameter") -> ArmError:
    """400 with Compute's `InvalidParameter` and the parameter as target."""
    return ArmError(400, code, message, name)


def group_not_found(group: str) -> ArmError:
    """404 ResourceGroupNotFound."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def resource_not_found(full_type: str, name: str, group: str | None) -> ArmError:
    """404 ResourceNotFound, with the sentence that the tools grep for."""
    where = f" under resource group '{group}'" if group else ""
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{full_type}/{name}'{where} was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )
