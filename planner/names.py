"""Names and ARM ids of what we make: from the estate alone, so that a plan knows them before anything exists.

Storage account, Key Vault and Service Bus names are unique in the world: they end in a digest of estate, subscription,
resource group and place. Lengths: storage account 3-24 lower-case letters and digits, Key Vault 3-24, namespace 6-50.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from planner.estate import Estate, Target


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
        self._salt = (estate.name, azure.project_subscription, azure.project_group.name.lower())
        self.vault_name = f"wavelift-{estate.name}"[:50].rstrip("-")

    def group(self, subscription: str, name: str) -> str:
        return f"/subscriptions/{subscription}/resourceGroups/{name}"

    def vault(self) -> str:
        return f"{self._project}/providers/Microsoft.RecoveryServices/vaults/{self.vault_name}"

    def service_bus(self, region: str) -> str:
        return f"{self._project}/providers/Microsoft.ServiceBus/namespaces/wl-sb-{_tail(*self._salt, region)}"

    def key_vault(self, region: str) -> str:
        return f"{self._project}/providers/Microsoft.KeyVault/vaults/wl-kv-{_tail(*self._salt, region)}"

    def log_store(self, region: str) -> str:
        return self._storage(self._project, f"wllog{_tail(*self._salt, region)}")

    def gateway_store(self, region: str) -> str:
        return self._storage(self._project, f"wlgwy{_tail(*self._salt, region)}")

    def seed_store(self, target: Target) -> str:
        group = self.target_group(target)
        return self._storage(group, f"wlsed{_tail(*self._salt, target.subscription, target.resource_group.name, target.name)}")

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

    @staticmethod
    def _storage(group: str, name: str) -> str:
        return f"{group}/providers/Microsoft.Storage/storageAccounts/{name}"


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
