"""The login authority (Entra ID): client credentials in, short-lived bearer tokens out, and checking them.

Tokens have the shape of JWTs (so that people can look into them) and are signed with the lab's own key. Everything
that takes a token here checks signature, expiry and audience.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from lab.azure.arm.errors import json_response
from lab.azure.settings import Settings
from lab.http import Request, Response

ARM = ("https://management.azure.com", "https://management.core.windows.net")
VAULT = ("https://vault.azure.net",)
STORAGE = ("https://storage.azure.com",)
_OTHERS = ("https://disk.azure.com", "https://graph.microsoft.com", "https://servicebus.azure.net")

EXCHANGE = "api://AzureADTokenExchange"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a token speaks for."""

    object_id: str
    client_id: str


class TokenError(Exception):
    """A token that is not accepted; `code` is ARM's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Login:
    """The authority of one tenant. `base` gives the server's own address."""

    def __init__(self, settings: Settings, base: Callable[[], str]) -> None:
        self._settings = settings
        self._base = base

    def owns(self, path: str) -> bool:
        """Whether a path is the authority's: `/{tenant}/…` or the instance discovery."""
        first = path.split("/")[1].lower() if path.startswith("/") else ""
        return first in (self._settings.values.tenant.lower(), "common", "organizations") or (
            path.lower().endswith(("/oauth2/v2.0/token", "/.well-known/openid-configuration"))
        )

    def handle(self, request: Request) -> Response:
        """Answer a request to the authority."""
        tenant = request.path.split("/")[1]
        path = request.path.lower()
        if tenant.lower() != self._settings.values.tenant.lower():
            return _refused(
                400,
                "invalid_request",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.",
            )
        if path.endswith("/.well-known/openid-configuration"):
            return json_response(200, self._configuration(tenant))
        if path.endswith("/oauth2/v2.0/token") and request.method == "POST":
            return self._token(dict(parse_qsl(request.body.decode())))
        return json_response(404, {"error": "not_found", "error_description": "No such endpoint."})

    def check(self, request: Request, audiences: tuple[str, ...]) -> Principal:
        """The principal of a request's bearer token. Raises TokenError."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenError("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        return self.check_token(token, audiences)

    def check_token(self, token: str, audiences: tuple[str, ...]) -> Principal:
        """The principal of a token. Raises TokenError."""
        claims = self._claims(token)
        if claims is None or "appid" not in claims:  # forged, or a platform's token, which opens nothing by itself
            raise TokenError("InvalidAuthenticationToken", "The access token is invalid.")
        values = self._settings.values
        if claims["exp"] <= time.time() or claims["made"] < values.tokens_valid_from:
            raise TokenError(
                "ExpiredAuthenticationToken",
                f"The access token expiry UTC time '{_time(claims['exp'])}' is earlier than current UTC time "
                f"'{_time(time.time())}'.",
            )
        if claims["aud"] not in audiences and claims["aud"] != self._base():
            raise TokenError(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. It should "
                f"exactly match with one of the allowed audiences '{','.join(audiences)}'.",
            )
        if claims["appid"] not in values.principals:
            raise TokenError("InvalidAuthenticationToken", "The token's principal no longer exists.")
        return Principal(claims["oid"], claims["appid"])

    def _token(self, form: dict[str, str]) -> Response:
        values = self._settings.values
        client_id = form.get("client_id", "")
        principal = values.principals.get(client_id)
        if form.get("grant_type") != "client_credentials":
            return _refused(400, "unsupported_grant_type", 70003, "Only client_credentials is supported here.")
        if principal is None:
            return _refused(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found in the directory '{values.tenant}'.",
            )
        if refused := self._proved(client_id, principal, form):
            return refused
        audience = self._audience(form.get("scope", ""))
        if audience is None:
            scope = form.get("scope", "")
            return _refused(400, "invalid_resource", 500011, f"The resource of scope '{scope}' was not found.")
        seconds = values.token_seconds
        token = self._sign(client_id, principal["object_id"], audience, seconds)
        answer = {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds}
        return json_response(200, {**answer, "access_token": token}, {"Cache-Control": "no-store"})

    def _proved(self, client_id: str, principal: dict[str, str], form: dict[str, str]) -> Response | None:
        """None when the form proves who asks, by the secret or by a token that the application trusts."""
        if "client_assertion" in form:
            return self._federated(principal, form)
        if hmac.compare_digest(principal["secret"].encode(), form.get("client_secret", "").encode()):
            return None
        return _refused(
            401,
            "invalid_client",
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
            f"value, not the client secret ID, for a secret added to app '{client_id}'.",
        )

    def _federated(self, principal: dict[str, str], form: dict[str, str]) -> Response | None:
        """A federated credential: issuer (this lab), subject and audience of the assertion are what the application names."""
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return _refused(400, "invalid_request", 900144, "The request body must contain: 'client_assertion_type'.")
        claims = self._claims(form["client_assertion"])
        if claims is None or claims["aud"] != EXCHANGE:
            return _refused(401, "invalid_client", 50013, "Assertion failed signature validation.")
        if claims["exp"] <= time.time():
            return _refused(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
        if not principal.get("subject") or claims["sub"] != principal["subject"]:
            text = f"No matching federated identity record found for presented assertion subject '{claims['sub']}'."
            return _refused(401, "invalid_client", 700213, text)
        return None

    def federated_token(self, subject: str, seconds: float) -> str:
        """What a platform would write into a workload's token file."""
        now = time.time()
        claims = {"aud": EXCHANGE, "iss": f"{self._base()}/platform", "sub": subject, "iat": int(now), "exp": now + seconds}
        head = f"{_pack({'typ': 'JWT', 'alg': 'HS256'})}.{_pack(claims)}"
        return f"{head}.{self._signature(head)}"

    def _audience(self, scope: str) -> str | None:
        if not scope.endswith("/.default"):
            return None
        audience = scope.removesuffix("/.default").rstrip("/")
        known = (*ARM, *VAULT, *STORAGE, *_OTHERS, self._base())
        return audience if audience in known else None

    def _sign(self, client_id: str, object_id: str, audience: str, seconds: int) -> str:
        now = time.time()
        tenant = self._settings.values.tenant
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": f"{self._base()}/{tenant}/v2.0",
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + seconds,
            "made": now,
            "appid": client_id,
            "oid": object_id,
            "tid": tenant,
            "uti": uuid.uuid4().hex,
        }
        head = f"{_pack({'typ': 'JWT', 'alg': 'HS256'})}.{_pack(claims)}"
        return f"{head}.{self._signature(head)}"

    def _claims(self, token: str) -> dict[str, Any] | None:
        head, _, signature = token.rpartition(".")
        if head.count(".") != 1 or not hmac.compare_digest(self._signature(head).encode(), signature.encode()):
            return None
        payload = head.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    def _signature(self, head: str) -> str:
        key = self._settings.values.signing_key.encode()
        return _text(hmac.new(key, head.encode(), hashlib.sha256).digest())

    def _configuration(self, tenant: str) -> dict[str, Any]:
        base = f"{self._base()}/{tenant}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "tenant_region_scope": "EU",
        }


def _refused(status: int, error: str, number: int, message: str) -> Response:
    trace = str(uuid.uuid4())
    text = f"AADSTS{number}: {message} Trace ID: {trace} Timestamp: {_time(time.time())}"
    return json_response(
        status,
        {
            "error": error,
            "error_description": text,
            "error_codes": [number],
            "timestamp": _time(time.time()),
            "trace_id": trace,
            "correlation_id": trace,
        },
    )


def _pack(document: dict[str, Any]) -> str:
    return _text(json.dumps(document, separators=(",", ":")).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds))
