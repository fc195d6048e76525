"""Secrets of a key vault: made inside this process, never returned, never logged.

Rules
1. A key that exists is kept; a new one would be a rotation, and that has to be asked for.
2. A secret of that name that was deleted is recovered, with the value that it had.
3. The first minutes of a new role are waited for: a vault refuses (403) until Azure has spread the word.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from planner.compare import USABLE
from planner.ports import Made, Observed, Operation, ResourceRef
from providers.azure.artifacts.base import Spec
from providers.azure.artifacts.waiting import RoleWait, listed
from providers.azure.errors import translated
from providers.azure.ids import parse
from providers.azure.operations import Deferred
from providers.azure.session import AzureSession
from providers.azure.tags import Owner
from replication.model.errors import NotFound, Permanent

if TYPE_CHECKING:
    from azure.keyvault.secrets import KeyVaultSecret, SecretClient, SecretProperties

_KEY_BYTES = 32
_KEY_TYPE, _BUS_TYPE = "application/x-wavelift-key", "application/x-service-bus-connection"
_RULE = "RootManageSharedAccessKey"


class Secrets:
    """`random-256`: 32 random bytes in base64. `service-bus`: the namespace's connection string."""

    def __init__(self, session: AzureSession, owner: Owner, wait: RoleWait) -> None:
        self._session = session
        self._owner = owner
        self._wait = wait

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen: dict[str, Observed] = {}
        by_vault: dict[str, list[ResourceRef]] = {}
        for ref in refs:
            by_vault.setdefault(parse(ref.id).up_to(1), []).append(ref)
        for vault, wanted in by_vault.items():
            seen |= listed(vault, wanted, partial(self._found, vault), lambda arm_id: parse(arm_id).name)
        return seen

    def _found(self, vault: str) -> dict[str, Observed]:
        return {
            str(item.name): Observed("", {}, tags := dict(item.tags or {}), self._owner.owns(tags), strayed=_unusable(item))
            for item in self._session.secrets(self._uri(vault)).list_properties_of_secrets()
        }

    def begin(self, ref: ResourceRef, spec: Spec) -> Operation:
        return Deferred(lambda: self._wait.run(lambda: self._make(ref, spec)), ref.id)

    def resume(self, ref: ResourceRef, spec: Spec, token: str) -> Operation:
        return self.begin(ref, spec)

    def delete(self, ref: ResourceRef) -> None:
        at = parse(ref.id)
        try:
            client = self._session.secrets(self._uri(at.up_to(1)))
            with translated(ref.id):
                found = client.get_secret(at.name)
        except NotFound:
            return
        self._require_ours(ref, found)
        with translated(ref.id):
            client.begin_delete_secret(at.name).wait()

    def _make(self, ref: ResourceRef, spec: Spec) -> Made:
        at = parse(ref.id)
        name = str(spec.get("name") or at.name)
        client = self._session.secrets(str(spec.get("vault") or self._uri(at.up_to(1))))
        there = self._find(client, name, ref)
        match spec["source"]:
            case "random-256":
                if there is None:
                    value = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
                    there = self._set(client, name, value, _KEY_TYPE, ref)
            case "service-bus":
                value = self._connection(str(spec["namespace"]))
                if there is None or there.value != value:
                    there = self._set(client, name, value, _BUS_TYPE, ref)
            case other:
                raise Permanent(f"no such source of a secret: {other}", subject=ref.address)
        return Made(ref.id, {"version": there.properties.version})

    def _find(self, client: SecretClient, name: str, ref: ResourceRef) -> KeyVaultSecret | None:
        """The secret as it is, or as it was before somebody deleted it; None when there never was one."""
        for recovered in (False, True):
            try:
                with translated(ref.id):
                    found = client.get_secret(name)
            except NotFound:
                if recovered or not self._recover(client, name, ref):
                    return None
                continue
            self._require_ours(ref, found)
            return found
        return None

    def _recover(self, client: SecretClient, name: str, ref: ResourceRef) -> bool:
        try:
            with translated(ref.id):
                client.begin_recover_deleted_secret(name).wait()
        except NotFound:
            return False
        return True

    def _set(self, client: SecretClient, name: str, value: str, kind: str, ref: ResourceRef) -> KeyVaultSecret:
        with translated(ref.id):
            return client.set_secret(name, value, content_type=kind, tags=self._owner.tags(ref.address))

    def _connection(self, namespace: str) -> str:
        at = parse(namespace)
        with translated(namespace):
            keys = self._session.service_bus(at.subscription).namespaces.list_keys(at.group, at.name, _RULE)
        if not keys.primary_connection_string:
            raise Permanent("it gives no connection string", subject=namespace, remedy="its local authentication is off")
        return keys.primary_connection_string

    def _uri(self, vault: str) -> str:
        at = parse(vault)
        with translated(vault):
            found = self._session.key_vaults(at.subscription).vaults.get(at.group, at.name)
        return str(found.properties.vault_uri)

    def _require_ours(self, ref: ResourceRef, found: Any) -> None:
        if not self._owner.owns(found.properties.tags):
            text = "a secret of that name is there and does not carry this estate's tags"
            raise Permanent(text, subject=ref.id, remedy="delete it, or use another key vault", code="NotOurs")


def _unusable(item: SecretProperties) -> dict[str, tuple[bool, str]]:
    """Why nobody gets its newest version, as a setting that strayed; nothing for one that is in force."""
    now = datetime.now(UTC)
    if item.enabled is False:
        return {USABLE: (True, "disabled")}
    if item.expires_on is not None and item.expires_on <= now:
        return {USABLE: (True, f"expired on {item.expires_on:%Y-%m-%d %H:%M} UTC")}
    if item.not_before is not None and item.not_before > now:
        return {USABLE: (True, f"not valid before {item.not_before:%Y-%m-%d %H:%M} UTC")}
    return {}
