"""The service's refusals: status, code and text, worded and shaped as Azure Storage does it."""

from __future__ import annotations

import datetime
import uuid
from xml.sax.saxutils import escape

from lab.http import Response


class BlobError(Exception):
    """A refused request. `code` travels in `x-ms-error-code` and in the XML body."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


def render(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error answer as the service sends it. The body is dropped by the server for HEAD and 304."""
    request_id = str(uuid.uuid4())
    time = datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
    text = f"{message}\nRequestId:{request_id}\nTime:{time}"
    body = (
        '\ufeff<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(text)}</Message></Error>"
    )
    return Response(
        status,
        {
            "x-ms-error-code": code,
            "x-ms-request-id": request_id,
            "Content-Type": "application/xml",
            **(headers or {}),
        },
        b"" if status == 304 else body.encode(),
    )


def invalid_header(name: str, value: str | None = None) -> BlobError:
    """A header whose value the service does not accept."""
    shown = "" if value is None else f" ({name}: {value})"
    return BlobError(
        400,
        "InvalidHeaderValue",
        f"The value for one of the HTTP headers is not in the correct format.{shown}",
    )


def missing_header(name: str) -> BlobError:
    return BlobError(
        400,
        "MissingRequiredHeader",
        f"An HTTP header that's mandatory for this request is not specified: {name}.",
    )


def invalid_query(name: str) -> BlobError:
    return BlobError(
        400,
        "InvalidQueryParameterValue",
        f"Value for one of the query parameters specified in the request URI is invalid: {name}.",
    )


def authentication_failed(detail: str) -> BlobError:
    return BlobError(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed "
        f"correctly including the signature. {detail}",
    )


def permission_mismatch() -> BlobError:
    return BlobError(
        403,
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    )


def condition_not_met() -> BlobError:
    return BlobError(
        412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."
    )


def not_found(what: str = "Blob") -> BlobError:
    return BlobError(404, f"{what}NotFound", f"The specified {what.lower()} does not exist.")


def invalid_blob_type() -> BlobError:
    return BlobError(409, "InvalidBlobType", "The blob type is invalid for this operation.")


def invalid_range(size: int | None = None) -> BlobError:
    headers = {} if size is None else {"Content-Range": f"bytes */{size}"}
    return BlobError(
        416, "InvalidRange", "The range specified is invalid for the current size of the resource.", headers
    )


def invalid_page_range() -> BlobError:
    return BlobError(416, "InvalidPageRange", "The page range specified is invalid.")
