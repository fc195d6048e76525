"""Signing in by workload identity: a token that the platform writes into a file and renews, in place of a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replication.model.errors import NotFound

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

    from planner.estate import WorkloadIdentity


class WorkloadLogin:
    """A `TokenCredential` around azure-identity's, whose error for a file that is not there is Python's own."""

    def __init__(self, inner: TokenCredential, identity: WorkloadIdentity) -> None:
        self._inner = inner
        self._identity = identity

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Raises `NotFound` when the file cannot be read."""
        try:
            return self._inner.get_token(*scopes, **options)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise NotFound(
                f"the federated token cannot be read: {why}",
                subject=str(self._identity),
                remedy="the platform writes it (a service account's projected token, a pipeline's OIDC token): check "
                "azure.login.workload_identity.token_file",
                code="NoSecret",
            ) from None


def workload_login(tenant: str, identity: WorkloadIdentity, **options: Any) -> WorkloadLogin:
    """Raises ValueError for a tenant or an authority that cannot be one."""
    from azure.identity import WorkloadIdentityCredential

    inner = WorkloadIdentityCredential(
        tenant_id=tenant, client_id=identity.client_id, token_file_path=identity.token_file, **options
    )
    return WorkloadLogin(inner, identity)
