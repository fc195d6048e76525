"""Azure's built-in roles by their real ids: what they allow in ARM (actions) and on the data (data actions)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """A role definition. Patterns have `*` for anything and are compared without case."""

    id: str
    name: str
    description: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


_READ_AUTH = "Microsoft.Authorization/*/read"
_GROUPS = "Microsoft.Resources/subscriptions/resourceGroups/read"
_DEPLOY = "Microsoft.Resources/deployments/*"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_DELEGATE = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"
_SECRETS = "Microsoft.KeyVault/vaults/secrets"
_KV_READ = (
    _READ_AUTH,
    _DEPLOY,
    _GROUPS,
    "Microsoft.KeyVault/checkNameAvailability/read",
    "Microsoft.KeyVault/deletedVaults/read",
    "Microsoft.KeyVault/locations/*/read",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.KeyVault/operations/read",
)
_CONTRIBUTOR_NOT = (
    "Microsoft.Authorization/*/Delete",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/elevateAccess/Action",
    "Microsoft.Blueprint/blueprintAssignments/write",
    "Microsoft.Blueprint/blueprintAssignments/delete",
    "Microsoft.Compute/galleries/share/action",
)

ROLES: tuple[Role, ...] = (
    Role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", "Full access, and may assign roles.", ("*",)),
    Role(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        "Full access to resources, without assigning roles.",
        ("*",),
        _CONTRIBUTOR_NOT,
    ),
    Role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", "View all resources.", ("*/read",)),
    Role(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        "Manage user access to Azure resources.",
        ("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"),
    ),
    Role(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "Role Based Access Control Administrator",
        "Manage access by assigning roles.",
        (
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ),
    ),
    Role(
        "28bf596f-4eb7-45ce-b5bc-6cf482fec137",
        "Locks Contributor",
        "Manage locks.",
        tuple(f"Microsoft.Authorization/locks/{one}" for one in ("read", "write", "delete")),
    ),
    Role(
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
        "Storage Blob Data Owner",
        "Full access to blob containers and data.",
        (f"{_BLOBS}/*", _DELEGATE),
        data_actions=(f"{_BLOBS}/blobs/*",),
    ),
    Role(
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "Storage Blob Data Contributor",
        "Read, write and delete blob containers and blobs.",
        (f"{_BLOBS}/delete", f"{_BLOBS}/read", f"{_BLOBS}/write", _DELEGATE),
        data_actions=(
            f"{_BLOBS}/blobs/delete",
            f"{_BLOBS}/blobs/read",
            f"{_BLOBS}/blobs/write",
            f"{_BLOBS}/blobs/move/action",
            f"{_BLOBS}/blobs/add/action",
        ),
    ),
    Role(
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        "Storage Blob Data Reader",
        "Read blob containers and blobs.",
        (f"{_BLOBS}/read", _DELEGATE),
        data_actions=(f"{_BLOBS}/blobs/read",),
    ),
    Role(
        "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
        "Storage Blob Delegator",
        "Get a user delegation key.",
        (_DELEGATE,),
    ),
    Role(
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        "Storage Account Contributor",
        "Manage storage accounts, with their keys.",
        (_READ_AUTH, _DEPLOY, _GROUPS, "Microsoft.Storage/storageAccounts/*", "Microsoft.Insights/*"),
    ),
    Role(
        "81a9662b-bebf-436f-a333-f67b29880f12",
        "Storage Account Key Operator Service Role",
        "List and regenerate storage account keys.",
        (
            "Microsoft.Storage/storageAccounts/listkeys/action",
            "Microsoft.Storage/storageAccounts/regeneratekey/action",
        ),
    ),
    Role(
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "Key Vault Administrator",
        "All data plane operations on a key vault and its objects.",
        _KV_READ,
        data_actions=("Microsoft.KeyVault/vaults/*",),
    ),
    Role(
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        "Key Vault Secrets Officer",
        "Any action on the secrets of a key vault, except manage permissions.",
        _KV_READ,
        data_actions=(f"{_SECRETS}/*",),
    ),
    Role(
        "4633458b-17de-408a-b874-0445c86b69e6",
        "Key Vault Secrets User",
        "Read secret contents.",
        data_actions=(f"{_SECRETS}/getSecret/action", f"{_SECRETS}/readMetadata/action"),
    ),
    Role(
        "21090545-7ca7-4776-b22c-e363652d74d2",
        "Key Vault Reader",
        "Read metadata of key vaults and their objects.",
        _KV_READ,
        data_actions=("Microsoft.KeyVault/vaults/*/read", f"{_SECRETS}/readMetadata/action"),
    ),
    Role(
        "f25e0fa2-a7c8-4377-a976-54943a77a395",
        "Key Vault Contributor",
        "Manage key vaults, without access to their content.",
        (_READ_AUTH, "Microsoft.KeyVault/*", _DEPLOY, _GROUPS),
        ("Microsoft.KeyVault/locations/deletedVaults/purge/action", "Microsoft.KeyVault/hsmPools/*"),
    ),
    Role(
        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
        "Key Vault Crypto Officer",
        "Any action on the keys of a key vault, except manage permissions.",
        _KV_READ,
        data_actions=("Microsoft.KeyVault/vaults/keys/*",),
    ),
    Role(
        "090c5cfd-751d-490a-894a-3ce6f1109419",
        "Azure Service Bus Data Owner",
        "Full access to Service Bus resources.",
        ("Microsoft.ServiceBus/*",),
        data_actions=("Microsoft.ServiceBus/*",),
    ),
    Role(
        "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
        "Azure Service Bus Data Sender",
        "Send to Service Bus resources.",
        ("Microsoft.ServiceBus/*/queues/read", "Microsoft.ServiceBus/*/topics/read"),
        data_actions=("Microsoft.ServiceBus/*/send/action",),
    ),
    Role(
        "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
        "Azure Service Bus Data Receiver",
        "Receive from Service Bus resources.",
        ("Microsoft.ServiceBus/*/queues/read", "Microsoft.ServiceBus/*/topics/read"),
        data_actions=("Microsoft.ServiceBus/*/receive/action",),
    ),
    Role(
        "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        "Virtual Machine Contributor",
        "Manage virtual machines, disks and network interfaces, without the network they are in.",
        (
            _READ_AUTH,
            "Microsoft.Compute/availabilitySets/*",
            "Microsoft.Compute/locations/*",
            "Microsoft.Compute/virtualMachines/*",
            "Microsoft.Compute/disks/write",
            "Microsoft.Compute/disks/read",
            "Microsoft.Compute/disks/delete",
            "Microsoft.Network/locations/*",
            "Microsoft.Network/networkInterfaces/*",
            "Microsoft.Network/networkSecurityGroups/join/action",
            "Microsoft.Network/networkSecurityGroups/read",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
            _DEPLOY,
            _GROUPS,
            "Microsoft.Storage/storageAccounts/listKeys/action",
            "Microsoft.Storage/storageAccounts/read",
        ),
    ),
    Role(
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
        "Network Contributor",
        "Manage networks, without access to them.",
        (_READ_AUTH, "Microsoft.Network/*", _DEPLOY, _GROUPS),
    ),
    Role(
        "3e5e47e6-65f7-47ef-90b5-e5dd4d455f24",
        "Disk Backup Reader",
        "Read disks for backup.",
        (_READ_AUTH, _GROUPS, "Microsoft.Compute/disks/read", "Microsoft.Compute/disks/beginGetAccess/action"),
    ),
    Role(
        "7efff54f-a5b4-42b5-a1c5-5411624893ce",
        "Disk Snapshot Contributor",
        "Manage disk snapshots.",
        (
            _READ_AUTH,
            _GROUPS,
            "Microsoft.Compute/snapshots/*",
            "Microsoft.Compute/disks/beginGetAccess/action",
            "Microsoft.Storage/storageAccounts/listkeys/action",
            "Microsoft.Storage/storageAccounts/read",
        ),
    ),
    Role(
        "959f8984-c045-4866-89c7-12bf9737be2e",
        "Data Operator for Managed Disks",
        "Upload and download the data of managed disks.",
        data_actions=(
            "Microsoft.Compute/disks/download/action",
            "Microsoft.Compute/disks/upload/action",
            "Microsoft.Compute/snapshots/download/action",
            "Microsoft.Compute/snapshots/upload/action",
        ),
    ),
    Role(
        "6670b86e-a3f7-4917-ac9b-5d6ab1be4567",
        "Site Recovery Contributor",
        "Manage Site Recovery, without creating vaults or assigning roles.",
        (_READ_AUTH, _GROUPS, _DEPLOY, "Microsoft.RecoveryServices/vaults/read"),
    ),
    Role(
        "4a9ae827-6dc8-4573-8ac7-8239d42aa03f",
        "Tag Contributor",
        "Manage tags on entities, without access to the entities themselves.",
        (_READ_AUTH, f"{_GROUPS[:-5]}/resources/read", _GROUPS, "Microsoft.Resources/tags/*", _DEPLOY),
    ),
)

BY_ID = {role.id: role for role in ROLES}
