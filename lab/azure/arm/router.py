"""From an HTTP request to a handler: who calls, may they, does the scope exist, which type is meant.

The order of refusals is ARM's: api-version, token, authorization, subscription, resource group, then the resource.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from lab.azure.arm.env import Call, Env
from lab.azure.arm.errors import ArmError, json_response
from lab.azure.arm.ids import Target, parse
from lab.azure.arm.store import Json
from lab.azure.arm.types.base import ResourceType
from lab.azure.arm.types.groups import Core, invalid_namespace
from lab.azure.login import ARM, Login, TokenError
from lab.faults import Faults
from lab.http import Request, Response

LocationHandler = Callable[[Call, str], Response]
"""(call, rest of the path) -> answer, for `/subscriptions/{s}/providers/{ns}/[locations/{l}/]{word}[/rest]`."""

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}


class Sent(NamedTuple):
    """What a client asked for, as it sent it."""

    method: str
    path: str
    body: Json


class Router:
    """All of ARM. `types` maps lower-cased full types; `words` provider-level words such as `usages`."""

    def __init__(self, env: Env, login: Login, faults: Faults) -> None:
        self.env = env
        self.types: dict[str, ResourceType] = {}
        self.words: dict[tuple[str, str], LocationHandler] = {}
        self.core = Core(env, self.types)
        self.sent: list[Sent] | None = None
        """Bodies of PUT and PATCH that were answered without an error, once somebody asked to keep them."""
        self._login = login
        self._faults = faults
        faults.on_failure("arm", lambda status, code, message: ArmError(status, code, message).response())

    def add(self, kind: ResourceType) -> None:
        """Serve a resource type."""
        self.types[kind.full_type.lower()] = kind

    def word(self, namespace: str, word: str, handler: LocationHandler) -> None:
        """Serve a word below a provider (with or without a location)."""
        self.words[namespace.lower(), word.lower()] = handler

    def handle(self, request: Request) -> Response:
        """Answer one request to ARM."""
        try:
            target = parse(request.path)
        except ArmError as error:
            return error.response()
        operation = f"{request.method} {self._named(target)}"
        return self._faults.wrap("arm", operation, request.path, request, lambda: self._answer(request, target))

    def _answer(self, request: Request, target: Target) -> Response:
        try:
            _check_api_version(request)
            principal = self._login.check(request, ARM)
            call = Call(self.env, request, target, principal)
            if request.method in ("GET", "HEAD"):
                return self._dispatch(call)
            _ = request.body  # a slow client must not keep the lock
            with self.env.store.lock:
                asked = dict(call.body) if request.method in ("PUT", "PATCH") and self.sent is not None else None
                response = self._dispatch(call)
                if asked is not None and self.sent is not None and response.status < 400:
                    self.sent.append(Sent(request.method, target.path, asked))
                return response
        except TokenError as error:
            return self._unauthorized(error)
        except ArmError as error:
            return error.response()

    def _dispatch(self, call: Call) -> Response:
        target = call.target
        if target.subscription:
            self.core.require_subscription(target.subscription)
        if not target.namespace:
            return self._scope(call)
        if target.location or (target.tail and not target.names):
            handler = self._word(target)
            if handler is not None:
                return handler(call, target.tail.partition("/")[2])
        return self._resource(call)

    def _scope(self, call: Call) -> Response:
        """Paths without a provider."""
        parts = [part for part in call.target.path.lower().split("/") if part]
        subscription = call.target.subscription
        match parts:
            case ["subscriptions"]:
                return self.core.subscriptions(call, None)
            case ["subscriptions", _]:
                return self.core.subscriptions(call, subscription)
            case ["subscriptions", _, "locations"]:
                return self.core.locations(subscription)
            case ["subscriptions", _, "resourcegroups"]:
                return self.core.groups(call)
            case ["subscriptions", _, "resources"]:
                return self.core.resources(_rescoped(call, f"/subscriptions/{subscription}"))
            case ["subscriptions", _, "resourcegroups", _, "resources"]:
                return self.core.resources(_rescoped(call, call.target.scope.rpartition("/")[0]))
            case ["subscriptions", _, "resourcegroups", _]:
                return self.core.group(call)
            case ["subscriptions", _, "providers"]:
                return self.core.providers(call, "", "")
            case _:
                raise ArmError(404, "NotFound", f"No resource or operation at '{call.target.path}'.")

    def _resource(self, call: Call) -> Response:
        """Paths below a provider."""
        target = call.target
        if not target.types and (not target.tail or target.tail.lower() in ("register", "unregister")):
            return self.core.providers(call, target.namespace, target.tail)
        collection = self.types.get(f"{target.full_type}/{target.tail}".lower()) if target.tail else None
        if collection is not None and call.method == "GET":
            self.env.authz.require(call.principal, f"{collection.full_type}/read", collection_scope(target))
            self._require_group(target)
            return collection.listing(call)
        kind = self.types.get(target.full_type.lower())
        if kind is None or not target.names:
            raise self._unknown(target)
        if target.tail:
            verb = "read" if call.method == "GET" else "action"
            self.env.authz.require(call.principal, f"{kind.full_type}/{target.tail}/{verb}", target.resource_id)
            self._require_group(target)
            return kind.action(call, target.tail)
        return self._one(call, kind)

    def _one(self, call: Call, kind: ResourceType) -> Response:
        verb = _VERBS.get(call.method)
        if verb is None:
            raise ArmError(405, "MethodNotAllowed", f"The resource type does not support {call.method}.")
        self.env.authz.require(call.principal, f"{kind.full_type}/{verb}", call.target.resource_id)
        self._require_group(call.target)
        match call.method:
            case "GET":
                return kind.get(call)
            case "HEAD":
                return json_response(204 if call.existing else 404)
            case "PUT":
                self.core.require_registered(call.target)
                return kind.put(call)
            case "PATCH":
                return kind.patch(call)
            case _:
                return kind.delete(call)

    def _require_group(self, target: Target) -> None:
        if target.group:
            self.env.group(target)

    def _word(self, target: Target) -> LocationHandler | None:
        return self.words.get((target.namespace.lower(), target.tail.partition("/")[0].lower()))

    def _unknown(self, target: Target) -> ArmError:
        namespace = target.namespace.lower()
        if not any(name.startswith(f"{namespace}/") for name in self.types):
            return invalid_namespace(target.namespace)
        kind = "/".join(part for part in (*target.types, target.tail) if part)
        return ArmError(
            404,
            "InvalidResourceType",
            f"The resource type '{kind}' could not be found in the namespace '{target.namespace}'.",
        )

    def _named(self, target: Target) -> str:
        """How fault rules call what a path is about: canonical type and tail."""
        if not target.namespace:
            parts = [part.lower() for part in target.path.split("/") if part]
            return "Microsoft.Resources/resourceGroups" if "resourcegroups" in parts else "Microsoft.Resources"
        kind = self.types.get(target.full_type.lower())
        return "/".join(part for part in (kind.full_type if kind else target.full_type, target.tail) if part)

    def _unauthorized(self, error: TokenError) -> Response:
        response = ArmError(401, error.code, error.message).response()
        authority = f"{self.env.addresses.arm}/{self.env.settings.values.tenant}"
        response.headers["WWW-Authenticate"] = (
            f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{error.message}"'
        )
        return response


def collection_scope(target: Target) -> str:
    """The scope at which the right to list is needed."""
    return target.resource_id if target.names else target.scope


def poll_operation(call: Call, rest: str) -> Response:
    """GET …/locations/{l}/operations/{id}."""
    return call.env.operations.poll(rest, monitor=call.request.query.get("monitor") == "true")


def _rescoped(call: Call, scope: str) -> Call:
    target = parse(scope)
    return Call(call.env, call.request, target, call.principal)


def _check_api_version(request: Request) -> None:
    version = request.query.get("api-version")
    if version is None:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(-preview|-privatepreview|-alpha|-beta|-rc)?", version):
        raise ArmError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. It must be YYYY-MM-DD, optionally with '-preview'.",
        )
