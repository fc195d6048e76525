"""The list of everything that the lab's ARM serves."""

from __future__ import annotations

from lab.azure.arm.router import Router, poll_operation
from lab.azure.arm.types import disks, groups, keyvault, roles, storage
from lab.azure.keyvault_data import Secrets
from lab.azure.login import Login
from lab.faults import Faults

_PROVIDERS = (
    "Microsoft.Resources",
    "Microsoft.Storage",
    "Microsoft.KeyVault",
    "Microsoft.ServiceBus",
    "Microsoft.RecoveryServices",
    "Microsoft.Compute",
    "Microsoft.Network",
    "Microsoft.Authorization",
)


def build(router: Router, login: Login, faults: Faults) -> Secrets:
    """Fill the router; returns the Key Vault data plane, which lives beside it."""
    env = router.env
    accounts, disk, vaults = storage.StorageAccounts(env), disks.Disks(env), keyvault.Vaults(env)
    kinds = (
        groups.ResourceGroups(env),
        accounts,
        storage.BlobServices(env),
        disk,
        vaults,
        roles.RoleAssignments(env),
        roles.RoleDefinitions(env),
        roles.Locks(env),
    )
    for kind in kinds:
        router.add(kind)
    for registering in (router.core, accounts, disk, vaults):
        registering.register()
    for provider in _PROVIDERS:
        router.word(provider, "operations", poll_operation)
    router.word(
        "Microsoft.Storage", "checkNameAvailability", lambda call, rest: storage.check_name_availability(call)
    )
    router.word("Microsoft.Authorization", "permissions", roles.permissions)
    router.word("Microsoft.KeyVault", "deletedVaults", keyvault.deleted_vaults)
    router.word("Microsoft.KeyVault", "checkNameAvailability", keyvault.check_name_availability)
    return Secrets(env, login, faults)
