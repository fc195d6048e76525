"""The list of everything that the lab's ARM serves."""

from __future__ import annotations

from lab.azure.arm.router import Router, poll_operation
from lab.azure.arm.types import (
    disks,
    encryption_sets,
    groups,
    keyvault,
    network,
    nics,
    nsgs,
    roles,
    servicebus,
    skus,
    snapshots,
    storage,
    tags,
    vaults,
    vms,
)
from lab.azure.arm.types.network_base import AddressBook
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
    addresses = AddressBook(env.store)
    disk, nic = disks.Disks(env), nics.NetworkInterfaces(env, addresses)
    vnet, machine = network.VirtualNetworks(env, addresses), vms.VirtualMachines(env)
    machine.knows(disk, nic)
    registering = (
        storage.StorageAccounts(env),
        keyvault.Vaults(env),
        servicebus.Namespaces(env),
        vaults.RecoveryVaults(env),
        disk,
        snapshots.Snapshots(env),
        machine,
        nic,
        vnet,
        network.Subnets(vnet),
        network.Peerings(vnet),
        nsgs.SecurityGroups(env),
    )
    plain = (
        groups.ResourceGroups(env),
        encryption_sets.EncryptionSets(env),
        storage.BlobServices(env),
        servicebus.AuthorizationRules(env),
        servicebus.Queues(env),
        roles.RoleAssignments(env),
        roles.RoleDefinitions(env),
        roles.DenyAssignments(env),
        roles.Locks(env),
        tags.Tags(env),
    )
    router.core.register()
    for kind in registering:
        kind.register()
    for served in (*registering, *plain):
        router.add(served)
    _words(router)
    return Secrets(env, login, faults)


def _words(router: Router) -> None:
    for provider in _PROVIDERS:
        router.word(provider, "operations", poll_operation)
    router.word("Microsoft.Storage", "checkNameAvailability", storage.check_name_availability)
    router.word("Microsoft.KeyVault", "checkNameAvailability", keyvault.check_name_availability)
    router.word("Microsoft.ServiceBus", "CheckNameAvailability", servicebus.check_name_availability)
    router.word("Microsoft.KeyVault", "deletedVaults", keyvault.deleted_vaults)
    router.word("Microsoft.Authorization", "permissions", roles.permissions)
    router.word("Microsoft.Compute", "skus", skus.resource_skus)
    router.word("Microsoft.Compute", "vmSizes", skus.vm_sizes)
    router.word("Microsoft.Compute", "usages", skus.usages)
