"""Names and ARM ids of what we make: from the estate alone, so that a plan knows them before anything exists.

Storage account, Key Vault and Service Bus names are unique in the world: they end in a digest of estate, subscription,
resource group and place. Lengths: storage account 3-24 lower-case letters and digits, Key Vault 3-24, namespace 6-50.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from planner.estate import Estate, Target

_ACCOUNTS = "Microsoft.Storage/storageAccounts"


@cache  # the same few for every machine of a target
def _tail(*parts: str) -> str:
    """13 characters of base32: 65 bits, enough to never meet by chance."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.b32encode(digest)[:13].decode().lower()


class Names:
    """Names of one estate's artifacts; methods take a region or a target and answer a name or an ARM id."""

    def __init__(self, estate: Estate) -> None:
        azure = estate.azure
        self._project = f"/subscriptions/{azure.project_subscription}/resourceGroups/{azure.project_group.name}"
        self._existing = azure.existing
        self._salt = (estate.name, azure.project_subscription, azure.project_group.name.lower())
        self.vault_name = f"wavelift-{estate.name}"[:50].rstrip("-")

    def group(self, subscription: str, name: str) -> str:
        return f"/subscriptions/{subscription}/resourceGroups/{name}"

    def vault(self) -> str:
        return self._of("Microsoft.RecoveryServices/vaults", self._existing.vault or self.vault_name)

    def service_bus(self, region: str) -> str:
        given = self._existing.at(f"service_bus.{region}")
        return self._of("Microsoft.ServiceBus/namespaces", given or f"wl-sb-{_tail(*self._salt, region)}")

    def key_vault(self, region: str) -> str:
        given = self._existing.at(f"key_vault.{region}")
        return self._of("Microsoft.KeyVault/vaults", given or f"wl-kv-{_tail(*self._salt, region)}")

    def log_store(self, region: str) -> str:
        given = self._existing.at(f"log_store.{region}")
        return self._of(_ACCOUNTS, given or f"wllog{_tail(*self._salt, region)}")

    def gateway_store(self, region: str) -> str:
        given = self._existing.at(f"gateway_store.{region}")
        return self._of(_ACCOUNTS, given or f"wlgwy{_tail(*self._salt, region)}")

    def seed_store(self, target: Target) -> str:
        parts = (*self._salt, target.subscription, target.resource_group.name, target.name)
        given = self._existing.at(f"seed_store.{target.name}")
        return self._of(_ACCOUNTS, given or f"wlsed{_tail(*parts)}", self.target_group(target))

    def is_existing(self, kind: str, place: str = "") -> bool:
        """Whether somebody else has made this one: a kind, and its region or target."""
        return self._existing.vault is not None if kind == "vault" else self._existing.at(f"{kind}.{place}") is not None

    def _of(self, type_: str, name: str, group: str = "") -> str:
        """`name` in a group (the project's), or an ARM id as it is."""
        return name if name.startswith("/") else f"{group or self._project}/providers/{type_}/{name}"

    def target_group(self, target: Target) -> str:
        return self.group(target.subscription, target.resource_group.name)

    def subnet(self, target: Target, vnet: str, subnet: str) -> str:
        """`vnet` by name (in the target's network group) or by ARM id."""
        return f"{self.vnet(target, vnet)}/subnets/{subnet}"

    def vnet(self, target: Target, vnet: str) -> str:
        if vnet.startswith("/subscriptions/"):
            return vnet
        group = self.group(target.subscription, target.network_group or target.resource_group.name)
        return f"{group}/providers/Microsoft.Network/virtualNetworks/{vnet}"

    def machine_group(self, target: Target, own: str | None) -> str:
        """Where a machine's disks, NICs and VM go: `own` is its group's name where it is not the target's."""
        return self.group(target.subscription, own or target.resource_group.name)

    @staticmethod
    def disk(group: str, name: str) -> str:
        return f"{group}/providers/Microsoft.Compute/disks/{name}"

    @staticmethod
    def nic(group: str, name: str) -> str:
        return f"{group}/providers/Microsoft.Network/networkInterfaces/{name}"

    @staticmethod
    def vm(group: str, name: str) -> str:
        return f"{group}/providers/Microsoft.Compute/virtualMachines/{name}"

    @staticmethod
    def encryption_set(group: str, given: str) -> str:
        """`given` is an ARM id, or a name in the group."""
        return given if given.startswith("/") else f"{group}/providers/Microsoft.Compute/diskEncryptionSets/{given}"


def container_id(account_id: str, container: str) -> str:
    return f"{account_id}/blobServices/default/containers/{container}"


def seed_id(account_id: str, container: str, blob: str) -> str:
    """Not an id that ARM knows (blobs have none), but one of the same shape: account, container and blob can be read from it."""
    return f"{container_id(account_id, container)}/blobs/{blob}"


def secret_id(vault_id: str, secret: str) -> str:
    return f"{vault_id}/secrets/{secret}"


def last(arm_id: str) -> str:
    """The name at the end of an id."""
    return arm_id.rsplit("/", 1)[-1]
