"""Azure's error codes: which pass by themselves, which mean that somebody else was there, and what helps."""

from __future__ import annotations

from collections.abc import Mapping

_CAPACITY = "try another size or zone, or later: Azure has no room for this one"
QUOTA = "ask Azure for more quota in this region, or use a smaller size"
TEMPORARY: Mapping[str, str] = {
    "AllocationFailed": _CAPACITY,
    "ZonalAllocationFailed": _CAPACITY,
    "OverconstrainedAllocationRequest": _CAPACITY,
    "OverconstrainedZonalAllocationRequest": _CAPACITY,
    "SkuNotAvailable": "this size is not offered to the subscription here: choose another size, region or zone",
    "AnotherOperationInProgress": "",
    "ConcurrentUpdateError": "",
    "ConflictError": "",
    "ConflictingConcurrentWriteNotAllowed": "",
    "ContainerBeingDeleted": "a container of that name is still being deleted",
    "Conflict": "",
    "ObjectIsBeingDeleted": "",
    "ObjectIsBeingRecovered": "",
    "OperationNotAllowedOnVMImageAsVMsBeingProvisioned": "",
    "PrincipalNotFound": "a principal made just now is not known everywhere yet",
    "ResourceBusy": "",
    "ResourceGroupBeingDeleted": "wait until the resource group is gone, then run it again",
    "RetryableError": "",
    "ServerBusy": "",
    "StorageAccountOperationInProgress": "",
    "TooManyRequests": "",
}
"""409s (and others) that pass by themselves -> what helps, if anything."""

CONFLICT = frozenset(
    {
        "BlobAlreadyExists",
        "ConditionNotMet",
        "LeaseAlreadyBroken",
        "LeaseAlreadyPresent",
        "LeaseIdMismatchWithBlobOperation",
        "LeaseIdMismatchWithLeaseOperation",
        "LeaseIdMissing",
        "LeaseIsBreakingAndCannotBeAcquired",
        "LeaseIsBrokenAndCannotBeRenewed",
        "LeaseLost",
        "LeaseNotPresentWithBlobOperation",
        "LeaseNotPresentWithLeaseOperation",
        "PreconditionFailed",
        "SequenceNumberConditionNotMet",
        "TargetConditionNotMet",
        "UnmodifiedConditionNotMet",
    }
)

NOT_ABSENCE = frozenset(
    {"InvalidResourceNamespace", "InvalidResourceType", "InvalidSubscriptionId", "SubscriptionNotFound", "TenantNotFound"}
)
"""404s that do not say "it is not there" but "you are asking at the wrong place"."""

ROLE_PENDING = frozenset(
    {
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "Forbidden",
        "ForbiddenByRbac",
        "InsufficientAccountPermissions",
    }
)
"""How a data plane refuses who has no role on it, or one that is not yet in force. (ARM says AuthorizationFailed.)"""

NO_POLICY = frozenset({"AccessDenied", "ForbiddenByPolicy"})
"""How a key vault refuses that somebody set back to access policies: no role opens it."""

TO_READ = "give this principal Reader there (plan, apply and engine: on the subscription)"
"""What to do about `AuthorizationFailed` when it was only to be read: no more than that."""

REMEDY: Mapping[str, str] = {
    "AuthorizationFailed": "give this principal Contributor (to assign roles: and User Access Administrator) on the group",
    "AuthorizationPermissionMismatch": "it needs Storage Blob Data Contributor on the account; a new role takes minutes",
    "AuthenticationFailed": "the signature or token is not accepted: check the clock of this machine and who is signed in",
    "ExpiredAuthenticationToken": "the token has expired: check the clock of this machine",
    "Forbidden": "it needs Key Vault Secrets Officer on the vault; a new role takes minutes",
    "ForbiddenByRbac": "it needs Key Vault Secrets Officer on the vault; a new role takes minutes",
    "ForbiddenByFirewall": "the key vault's firewall does not let this address in",
    "InvalidAuthenticationTokenTenant": "azure.tenant is not the tenant of the subscription",
    "InvalidAuthenticationToken": "sign in again, or check azure.login",
    "InvalidVhd": "the footer of the uploaded disk is damaged: the disk must be filled anew",
    "KeyBasedAuthenticationNotPermitted": "the account takes no account keys; sign in with a role on it instead",
    "SecretDisabled": "somebody disabled this secret: enable its newest version in the key vault",
    "SecretNotInTimeRange": "somebody gave this secret an expiry or a beginning: take it off its newest version in the key vault",
    "LinkedAuthorizationFailed": "this principal may not use a linked resource: give it the same role there",
    "MissingSubscriptionRegistration": "register the provider on the subscription: az provider register --namespace ...",
    "OperationNotAllowed": "the resource is in a state that does not allow this",
    "PrivateIPAddressInUse": "choose another address, or let Azure choose (ip: dynamic)",
    "PrivateIPAddressNotInSubnet": "the address is outside of the subnet: choose another address or subnet",
    "PublicNetworkAccessDisabled": "the account has no public network access: run this from its private network",
    "QuotaExceeded": QUOTA,
    "RequestDisallowedByPolicy": "an Azure Policy of the subscription forbids this: ask its owner for an exemption",
    "ResourceGroupNotFound": "create the resource group, or say `managed: true` for it",
    "RoleAssignmentUpdateNotPermitted": "a role assignment by that name is for something else",
    "ScopeLocked": "a lock forbids this: remove it with `az lock delete` if it is meant to go",
    "StorageAccountAlreadyTaken": "the name belongs to somebody else: storage account names are unique in the world",
    "SubscriptionNotFound": "check the subscription id, and that this login may see it",
    "SubscriptionNotRegistered": "register the provider on the subscription: az provider register --namespace ...",
    "VaultAlreadyExists": "the name is taken, or a deleted key vault of that name is kept: az keyvault recover, or purge",
    "VaultNameNotValid": "3 to 24 letters, digits and single hyphens",
}
"""Codes that a person can do something about -> what."""
