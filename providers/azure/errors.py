"""Azure's errors become ours, here and nowhere else.

Rules
1. The error *code* decides, never the exception's class: azure-core raises ResourceExistsError for every 409.
2. Nothing was sent (`ServiceRequestError`) is Temporary; sent and unanswered is UnknownFate.
3. Messages lose everything that is or could hold a secret (signatures of SAS urls, tokens, keys) and Azure's request ids.
4. What Azure says is kept; what to do about it is added as `remedy`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from providers.azure.codes import CONFLICT, NOT_ABSENCE, QUOTA, REMEDY, TEMPORARY, TO_READ
from replication.model.errors import Conflict, Denied, NotFound, Permanent, PortError, Temporary, UnknownFate

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError

_SECRETS = re.compile(
    r"(?i)\b(sig|se_sig|client_secret|client_assertion|sharedaccesskey|sharedaccesssignature|accountkey|access_token|refresh_token)"
    r"(=|%3d|\"?\s*:\s*\"?)[^&\s\"';,]+"
)
_READS = re.compile(r"perform action '[^']+/read'")
_BEARER = re.compile(r"(?i)\bbearer\s+[a-z0-9._~+/=-]+")

_REMEDY_BY_LOGIN: tuple[tuple[str, str], ...] = (
    ("AADSTS7000215", "the client secret is wrong: check azure.login"),
    ("AADSTS7000222", "the client secret has expired: make a new one and store it where azure.login points"),
    ("AADSTS700016", "the tenant does not know this client id: check azure.login and azure.tenant"),
    ("AADSTS90002", "this tenant does not exist: check azure.tenant"),
    ("AADSTS700213", "the application trusts no token of this subject: add a federated credential, or check azure.login"),
    ("AADSTS700024", "the federated token has run out: whoever writes azure.login's token_file must renew it"),
    ("AADSTS50013", "the token in azure.login's token_file is not one of the issuer that the application trusts"),
    ("AADSTS900023", "azure.tenant is neither a tenant id nor a domain"),
)
_SIGN_IN = "check azure.login (client id and secret), or sign in with `az login`"
_UNREACHABLE = "check azure.endpoint, name resolution, proxy and firewall"
_UNTRUSTED = "the certificate is signed by a CA that is not trusted here: give it as azure.ca"
_UNKNOWN_AFTER = frozenset({408, 500, 502, 504})


UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""What OpenSSL says in a handshake: nothing was sent."""
_NO_CONNECTION = (UNTRUSTED, "Failed to establish a new connection", "Name or service not known", "timed out")
"""What says, in a failed sign-in, that nobody was asked."""


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Whatever azure-core raises inside leaves as one of ours, about `subject` (a resource's name)."""
    try:
        yield
    except Exception as error:
        from azure.core.exceptions import AzureError

        if isinstance(error, AzureError):
            raise translate(error, subject) from error
        raise


def translate(error: AzureError, subject: str) -> PortError:
    """The error of ours that says the same."""
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        IncompleteReadError,
        ServiceRequestError,
        ServiceResponseError,
    )

    text = redacted(str(getattr(error, "message", "") or error))
    if isinstance(error, ClientAuthenticationError) and (error.status_code is None or "AADSTS" in text):
        return _not_signed_in(text, subject)
    if isinstance(error, ServiceRequestError):
        return unreachable(text, subject)
    if isinstance(error, ServiceResponseError | IncompleteReadError):
        return UnknownFate(f"the connection broke before the answer came: {text}", subject=subject)
    if isinstance(error, HttpResponseError):
        code = error_code(error)
        headers = getattr(error.response, "headers", {})
        return refused(error.status_code or 0, code, text, subject, retry_after(headers))
    return Permanent(text, subject=subject)


def refused(status: int, code: str, text: str, subject: str, after: float | None = None) -> PortError:
    """An answer that says no. `status` 0 is a long-running operation that failed: only its code tells why."""
    text = _sentence(text) or code or f"HTTP {status}"
    if code in TEMPORARY:
        return Temporary(text, retry_after=after, subject=subject, remedy=TEMPORARY[code], code=code)
    if code in CONFLICT or status == 412:
        return Conflict(text, subject=subject, code=code)
    if status == 409 and code == "OperationNotAllowed" and "quota" in text.lower():
        return Permanent(text, subject=subject, remedy=QUOTA, code="QuotaExceeded")
    remedy = TO_READ if code == "AuthorizationFailed" and _READS.search(text) else REMEDY.get(code, "")
    if status == 404 and code not in NOT_ABSENCE:
        return NotFound(text, subject=subject, remedy=remedy, code=code)
    if status in (401, 403):
        return Denied(text, subject=subject, remedy=remedy or "check which roles the signed-in principal has", code=code)
    if status in _UNKNOWN_AFTER or code in ("OperationTimedOut", "InternalError", "InternalServerError"):
        return UnknownFate(text, retry_after=after, subject=subject, code=code)
    if status in (429, 503):
        return Temporary(text, retry_after=after, subject=subject, code=code)
    return Permanent(text, subject=subject, remedy=remedy, code=code)


def unreachable(text: str, subject: str) -> PortError:
    """Nothing was sent: no name, no connection, no trusted certificate."""
    if UNTRUSTED in text:
        return Permanent("its certificate is not trusted", subject=subject, remedy=_UNTRUSTED, code="CertificateNotTrusted")
    return Temporary(f"cannot reach it: {text}", subject=subject, remedy=_UNREACHABLE, code="Unreachable")


def redacted(text: str) -> str:
    """`text` without signatures, tokens, keys."""
    return _BEARER.sub("Bearer ***", _SECRETS.sub(r"\1\2***", text))


def retry_after(headers: Mapping[str, Any]) -> float | None:
    """Seconds that the service asked to wait, from any of the headers in use."""
    for name, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("Retry-After", 1.0)):
        value = headers.get(name)
        if value is not None:
            try:
                return max(0.0, float(value) * unit)
            except ValueError:  # an HTTP date: nobody at Azure sends one; waiting our own time is right then
                return None
    return None


def error_code(error: Any) -> str:
    """Azure's own code, wherever this client library put it; "" when there is none."""
    code = getattr(error, "error_code", None) or getattr(getattr(error, "error", None), "code", None)
    if code is None and getattr(error, "response", None) is not None:
        code = error.response.headers.get("x-ms-error-code")
    inner = getattr(getattr(error, "error", None), "innererror", None) or {}
    if code == "Forbidden" and isinstance(inner, dict) and inner.get("code"):
        code = inner["code"]
    return str(getattr(code, "value", code) or "")


def _not_signed_in(text: str, subject: str) -> PortError:
    for mark, remedy in _REMEDY_BY_LOGIN:
        if mark in text:
            return Denied("Azure does not accept this login", subject=subject, remedy=remedy, code=mark)
    if any(mark in text for mark in _NO_CONNECTION):  # the credential library wraps what the transport said
        return unreachable(_sentence(text), subject)
    return Denied(f"cannot sign in: {_sentence(text)}", subject=subject, remedy=_SIGN_IN, code="AuthenticationFailed")


def _sentence(text: str) -> str:
    """Azure's first line, without its code in brackets and its request ids."""
    text = re.sub(r"^\(\w+\)\s*", "", text.strip())
    first = text.splitlines()[0] if text else ""
    return first.strip()[:1000]
