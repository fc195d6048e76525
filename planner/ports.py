"""What apply and plan need of a cloud: observe artifacts, make them, change them, delete them.

The planner names every artifact by its ARM id, which is known before the artifact exists, so that an id is never guessed
twice. All values that cross this port are plain JSON (they go into state, journal and plan files as they are) and never
secrets. Kinds, the form of their ids and their specs (keys in [brackets] may be missing):

kind            id (S = /subscriptions/<guid>, G = S/resourceGroups/<name>)            spec -> attributes
resource_group  G                                                                      {location} -> {}
vault           G/providers/Microsoft.RecoveryServices/vaults/<n>                      {location, [tags]} -> {}
service_bus     G/providers/Microsoft.ServiceBus/namespaces/<n>                        {location, queues: [name]} -> {host}
storage_account G/providers/Microsoft.Storage/storageAccounts/<n>                      {location, use: log|gateway|seed} -> {blob}
blob_container  <storage account id>/blobServices/default/containers/<n>               {} -> {url}
seed_disk       <container id>/blobs/<n>  (ours: ARM has no ids for blobs)              {size: bytes} -> {url}
key_vault       G/providers/Microsoft.KeyVault/vaults/<n>                              {location} -> {url}
secret          <key vault id>/secrets/<n>             {content: log-key} or {content: service-bus, source: <service bus id>}
                                                                                       -> {version}
role_assignment <scope>/providers/Microsoft.Authorization/roleAssignments/<guid>       {role: name, principal: object id} -> {}
lock            <scope>/providers/Microsoft.Authorization/locks/<n>                    {[notes]} -> {}
disk, nic, vm   G/providers/Microsoft.Compute/disks/<n> and so on                      observed and deleted only
network         G/providers/Microsoft.Network/virtualNetworks/<n>                      observed only
sku             S/providers/Microsoft.Compute/locations/<region>/skus/<vm size>        observed only
quota           S/providers/Microsoft.Compute/locations/<region>/usages/<family>       observed only

`spec["tags"]` (text to text) adds the user's own tags to whatever carries tags; `wavelift-estate`, `wavelift-lineage` and
`wavelift-address` are always written and cannot be overridden. The errors are those of `replication.model.errors`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = Any
"""None, bool, int, float, str, or lists and string-keyed mappings of them."""

_ROLE_NAMES = uuid.UUID("7d0c1f52-6f39-5a77-9a41-0b6d2f9d3c11")
"""Namespace of the names of role assignments. Never change it: the name is what makes the assignment idempotent."""


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """One artifact: our address (`key_vault.koreacentral`), its kind and its ARM id (compared without case)."""

    address: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Observed:
    """An artifact as it is now.

    `properties` are those that a spec of its kind sets, under the same keys, and some that only the cloud knows
    (`state`, `attached_to`). `ours` says that it carries this estate's tags. `readable` false: it may or may not be there,
    this login may not look (a data plane before its role works); what is recorded is then the best that is known.
    """

    id: str
    properties: Mapping[str, Json] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    ours: bool = True
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """What creating or changing gave: the id as the cloud spells it and the attributes of the kind."""

    id: str
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupAccess:
    """A resource group that apply works in. `assigns`: it must be allowed to assign roles there (S4, first replication)."""

    id: str
    assigns: bool


class Operation(Protocol):
    """An outside change under way."""

    @property
    def token(self) -> str | None:
        """Text without secrets with which `resume` carries on in another process; None when nothing is outstanding."""
        ...

    def result(self) -> Made:
        """Wait until it has happened. Raises what went wrong; asking again gives the same answer."""
        ...


class ArtifactReader(Protocol):
    """The cloud as plan sees it: nothing here changes anything."""

    def principal(self) -> str:
        """Object id of whoever is signed in. Raises `Denied`."""
        ...

    def observe(self, wanted: Sequence[ResourceRef]) -> dict[str, Observed | None]:
        """Address -> what is there, None for what is not. One listing per kind and scope, never a call per artifact."""
        ...

    def missing_access(self, groups: Sequence[GroupAccess], subscriptions: Sequence[str]) -> list[str]:
        """What the signed-in principal lacks (S4): one sentence for each missing role and scope. Empty: nothing."""
        ...


class ArtifactProvider(ArtifactReader, Protocol):
    """The cloud as apply sees it. Creating what is there already as asked is success; what is there and not ours is refused.

    Journal `ref` before `begin`, the operation's token after it and what `result` gave after that. After a crash: with a
    token `resume`, without one `begin` again; both are safe at every point.
    """

    def begin(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Operation: ...

    def resume(self, ref: ResourceRef, spec: Mapping[str, Json], token: str) -> Operation:
        """Carry on from `token`; a token that the cloud has forgotten begins again."""
        ...

    def create(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Made:
        """`begin` and wait."""
        ...

    def update(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Made:
        """Make it be as `spec` says and wait. A `log-key` secret keeps its value."""
        ...

    def delete(self, ref: ResourceRef) -> None:
        """Delete and wait; gone already is success; `Permanent` when it does not carry our tags, or when it is a resource
        group that holds something of others."""
        ...


def role_assignment_id(scope: str, principal: str, role: str) -> str:
    """The id of the one assignment of `role` (by name) to `principal` (object id) at `scope`: asked twice, the same."""
    name = uuid.uuid5(_ROLE_NAMES, f"{scope.lower()}|{principal.lower()}|{role.lower()}")
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
