"""Opens the store of the recorded state that an estate names: a file, or a blob under a lease."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from planner.estate import Azure, Estate, StateBlob
from planner.store import LeasedStore, LocalStore, StateStore, lineage_of
from wavelift.problems import UserProblem, coded

if TYPE_CHECKING:
    from azure.mgmt.storage.models import StorageAccount

    from providers.azure.session import AzureSession

_SUFFIXES = {
    "management.azure.com": "blob.core.windows.net",
    "management.chinacloudapi.cn": "blob.core.chinacloudapi.cn",
    "management.usgovcloudapi.net": "blob.core.usgovcloudapi.net",
}
"""Host of ARM -> what the names of blob endpoints end in. Elsewhere (a lab) the account itself is asked."""


def store_of(estate: Estate, role: Literal["plan", "engine"]) -> StateStore:
    """Nothing is read or made before the store is used, except that a lab's account is looked up."""
    blob, lineage = estate.state_blob, lineage_of(estate)
    if blob is None:
        return LocalStore(Path(estate.state_path), estate.name, lineage)
    from providers.azure.stateblobs import AzureStateBlobs

    session = session_of(estate.azure, role)
    blobs = AzureStateBlobs(session, endpoint_of(blob, session), blob.container)
    return LeasedStore(blobs, blob.key, estate.name, lineage)


@lru_cache(maxsize=8)
def session_of(azure: Azure, role: Literal["plan", "engine"]) -> AzureSession:
    """One login for state and estate: its tokens are asked for once."""
    from providers.azure.session import AzureSession
    from providers.secrets import AZURE_KEYS, resolve

    return AzureSession(azure, role, lambda ref: resolve(ref, AZURE_KEYS))


def endpoint_of(blob: StateBlob, session: AzureSession) -> str:
    """The account's blob endpoint. `UserProblem` when there is no such account."""
    if blob.endpoint:
        return blob.endpoint
    suffix = _SUFFIXES.get(urlsplit(session.endpoint).hostname or "")
    return f"https://{blob.account}.{suffix}" if suffix else _looked_up(blob, session)


def listed(blob: StateBlob, session: AzureSession) -> StorageAccount | None:
    """The account as ARM lists it, in whatever group it is."""
    from providers.azure.errors import translated

    with translated(f"storage account {blob.account}"):
        accounts = session.storage(blob.subscription).storage_accounts.list()
        return next((one for one in accounts if one.name == blob.account), None)


def _looked_up(blob: StateBlob, session: AzureSession) -> str:
    account = listed(blob, session)
    endpoints = account.properties.primary_endpoints if account is not None and account.properties else None
    if endpoints is not None:
        return str(endpoints.blob)
    text = (
        f"there is no storage account {blob.account} in subscription {blob.subscription}, where the state is to lie. "
        "`wavelift init --bootstrap` makes it; if it should be there, check state.azure_blob."
    )
    raise UserProblem(coded(text, "WL424"))
