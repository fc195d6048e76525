"""Who is asking, and whether that is enough: Shared Key, bearer tokens, account, service and user delegation SAS."""

from __future__ import annotations

import datetime
import hmac
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from lab.azure.blob.accounts import Accounts
from lab.azure.blob.errors import BlobError, authentication_failed, permission_mismatch
from lab.azure.blob.model import BlobKey, Container
from lab.azure.blob.operations import Operation
from lab.azure.blob.signing import (
    account_sas_string,
    delegation_key,
    service_sas_string,
    shared_key_strings,
    sign,
)
from lab.http import Request

May = Callable[[str, str, bool], bool]
"""(bearer token, account, write) -> allowed"""
FindContainer = Callable[[str, str], Container | None]

_CLIENT = ipaddress.IPv4Address("127.0.0.1")  # the lab listens nowhere else
_SAS_RESOURCES = {"b", "bs", "c"}
_MAX_SKEW = 15 * 60  # seconds between the client's clock and ours
_LEVEL_LETTER = {"service": "s", "container": "c", "blob": "o"}


@dataclass(frozen=True, slots=True)
class Access:
    """`permissions` are SAS letters; None: everything."""

    permissions: str | None = None
    same_account: bool = False

    def needs(self, letters: str) -> None:
        """Raises BlobError 403 unless one of the letters is granted."""
        if self.permissions is not None and not set(letters) & set(self.permissions):
            raise permission_mismatch()


class Authenticator:
    """Checks requests against the accounts' keys and the caller's idea of bearer tokens."""

    def __init__(self, accounts: Accounts, may: May, container: FindContainer) -> None:
        self._accounts = accounts
        self._may = may
        self._container = container

    def request(self, request: Request, key: BlobKey, operation: Operation, now: float) -> Access:
        """Raises BlobError 401 or 403."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        match scheme.lower():
            case "sharedkey":
                return self._shared_key(request, key.account, rest, now)
            case "bearer":
                return self.bearer(rest.strip(), key.account, operation)
            case "" if "sig" in request.query:
                return self.sas(request.query, key, operation, now)
            case "":
                raise BlobError(
                    401,
                    "NoAuthenticationInformation",
                    "Server failed to authenticate the request. Please refer to the information in the "
                    "www-authenticate header.",
                )
            case _:
                raise BlobError(
                    400,
                    "InvalidAuthenticationInfo",
                    "Authentication information is not given in the correct format.",
                )

    def bearer(self, token: str, account: str, operation: Operation) -> Access:
        if not self._may(token, account, operation.write):
            raise permission_mismatch()
        return Access(same_account=True)

    def _shared_key(self, request: Request, account: str, credential: str, now: float) -> Access:
        named, _, signature = credential.strip().partition(":")
        if named != account:
            raise authentication_failed(f"The account named in it is {named!r}, the address says {account!r}.")
        _recent(request.headers.get("x-ms-date") or request.headers.get("date"), now)
        strings = list(shared_key_strings(request, account))
        for key in self._accounts.keys(account):
            if any(hmac.compare_digest(sign(key, text), signature) for text in strings):
                return Access(same_account=True)
        raise authentication_failed(
            "The MAC signature found in the HTTP request is not the same as any computed signature. "
            f"Server used following string to sign: {strings[0]!r}."
        )

    def sas(self, query: Mapping[str, str], key: BlobKey, operation: Operation, now: float) -> Access:
        """Check a shared access signature in a query. Raises BlobError 403."""
        if "ss" in query or "srt" in query:
            return self._account_sas(query, key, operation, now)
        return self._service_sas(query, key, operation, now)

    def _account_sas(self, query: Mapping[str, str], key: BlobKey, operation: Operation, now: float) -> Access:
        self._verify(query, account_sas_string(query, key.account), self._accounts.keys(key.account))
        _in_time(query.get("st", ""), query.get("se", ""), now)
        _from_here(query)
        if "b" not in query.get("ss", ""):
            raise BlobError(
                403,
                "AuthorizationServiceMismatch",
                "This request is not authorized to perform this operation using this service.",
            )
        if _LEVEL_LETTER[operation.level] not in query.get("srt", ""):
            raise _wrong_resource()
        access = Access(query.get("sp", ""))
        access.needs(operation.sas)
        return access

    def _service_sas(self, query: Mapping[str, str], key: BlobKey, operation: Operation, now: float) -> Access:
        kind = query.get("sr", "")
        if kind not in _SAS_RESOURCES:
            raise authentication_failed(f"sr={kind!r} is not understood here; use b, bs or c.")
        resource = f"/blob/{key.account}/{key.container}" + ("" if kind == "c" else f"/{key.name}")
        text = service_sas_string(query, resource)
        if "skoid" in query:
            secret = self._accounts.delegation_secret(key.account)
            _in_time(query.get("skt", ""), query.get("ske", ""), now)
            self._verify(query, text, (delegation_key(secret, key.account, query),))
        else:
            self._verify(query, text, self._accounts.keys(key.account))
        policy = self._policy(query, key)
        _in_time(query.get("st") or policy.get("start", ""), query.get("se") or policy.get("expiry", ""), now)
        _from_here(query)
        if operation.level != "blob" and not (kind == "c" and operation.container_sas):
            raise _wrong_resource()
        if (kind == "bs") != bool(key.snapshot) and kind != "c":
            raise authentication_failed(
                "A SAS for a blob is no SAS for its snapshots, nor the other way round."
            )
        access = Access(query.get("sp") or policy.get("permission", ""))
        access.needs(operation.sas)
        return access

    def _policy(self, query: Mapping[str, str], key: BlobKey) -> Mapping[str, str]:
        identifier = query.get("si")
        if not identifier:
            return {}
        container = self._container(key.account, key.container)
        if container is None or identifier not in container.policies:
            raise authentication_failed(f"The container has no access policy {identifier!r}.")
        return container.policies[identifier]

    def _verify(self, query: Mapping[str, str], text: str, keys: tuple[str, ...]) -> None:
        given = query.get("sig", "")
        if not any(hmac.compare_digest(sign(key, text), given) for key in keys):
            raise authentication_failed(f"Signature did not match. String to sign used was {text!r}.")


def _recent(date: str | None, now: float) -> None:
    try:
        sent = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        raise authentication_failed("x-ms-date (or Date) must say when the request was made.") from None
    if abs(now - sent) > _MAX_SKEW:
        raise authentication_failed(f"Request date header too old: {date!r}.")


def _in_time(start: str, end: str, now: float) -> None:
    if not end:
        raise authentication_failed("The signature has no end (se).")
    if now >= _moment(end) or (start and now < _moment(start)):
        raise authentication_failed(
            f"Signature not valid in the specified time frame: Start [{start}] - Expiry [{end}]."
        )


def _moment(text: str) -> float:
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise authentication_failed(f"{text!r} is not a time.") from None
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


def _from_here(query: Mapping[str, str]) -> None:
    low, _, high = query.get("sip", "").partition("-")
    if not low:
        return
    try:
        inside = ipaddress.IPv4Address(low) <= _CLIENT <= ipaddress.IPv4Address(high or low)
    except ValueError:
        raise authentication_failed(
            f"sip={query['sip']!r} is neither an address nor a range of them."
        ) from None
    if not inside:
        raise BlobError(
            403,
            "AuthorizationSourceIPMismatch",
            "This request is not authorized to perform this operation using this source IP.",
        )


def _wrong_resource() -> BlobError:
    return BlobError(
        403,
        "AuthorizationResourceTypeMismatch",
        "This request is not authorized to perform this operation using this resource type.",
    )
