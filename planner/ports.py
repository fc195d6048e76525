"""What apply and plan need of a cloud: observe artifacts, make them, change them, delete them.

The planner names every artifact by its ARM id, which is known before the artifact exists, so that an id is never guessed
twice. All values that cross this port are plain JSON (they go into state, journal and plan files as they are) and never
secrets. Kinds (`planner.artifact.Kind`), the form of their ids (G = /subscriptions/<guid>/resourceGroups/<name>) and their
specs ([in brackets]: may be missing):

resource_group  G                                        {location} -> {}
vault           G/…/Microsoft.RecoveryServices/vaults/n  {location, [sku]} -> {}
lock            <scope>/…/locks/n                        {[level], [notes]} -> {}
service_bus     G/…/Microsoft.ServiceBus/namespaces/n    {location, [sku], queues: [name]} -> {endpoint}
log_store, gateway_store, seed_store
                G/…/storageAccounts/n                    {location, [sku]} -> {blob_endpoint}
key_vault       G/…/Microsoft.KeyVault/vaults/n          {location} -> {vault_uri}
role            <scope>#<role name>[#<object id>]        {scope, role, [principal: object id]} -> {assignment, principal}
container       <account>/blobServices/default/containers/n   {account: blob endpoint, name} -> {}
secret          <key vault>/secrets/n                    {vault: uri, name, source: random-256} or
                                                         {…, source: service-bus, namespace: <service bus id>} -> {version}
seed_disk       <container>/blobs/<blob>                 {account: blob endpoint, container, blob, size: bytes} -> {}
disk, nic, vm, test_disk, test_nic, test_vm              ARM ids; observed and deleted only
network         G/…/virtualNetworks/n                    observed only: {location, prefixes, subnets: {name: prefix},
                                                         ranges: {name: [prefix]}}
addresses       /subscriptions/<guid>#addresses          observed only: {taken: {"<subnet id>|<address>": NIC id}}
encryption_set  G/…/diskEncryptionSets/n                 observed only: {location, kind}
sku             /subscriptions/<guid>/providers/Microsoft.Compute/locations/<region>/skus/<vm size>       observed only
quota           /subscriptions/<guid>/providers/Microsoft.Compute/locations/<region>/usages/<family>      observed only

`spec["tags"]` is written as given, with the provider's own `wavelift-estate`, `wavelift-lineage` and `wavelift-address` over
it. `role`: without `principal` it is for whoever is signed in. The errors are those of `replication.model.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from replication.model.quick import quick

Json = Any
"""None, bool, int, float, str, or lists and string-keyed mappings of them."""


@quick
@dataclass(frozen=True, slots=True)
class ResourceRef:
    """One artifact: our address (`key_vault.koreacentral`), its kind (a `Kind` or its text), its id (in any case)."""

    address: str
    kind: str
    id: str


@quick
@dataclass(frozen=True, slots=True)
class Observed:
    """An artifact as it is now.

    `properties` are those that a spec of its kind sets, under the same keys, and some that only the cloud knows
    (`state`, `attached_to`, a seed disk's recovery `points`).
    `ours` says that it carries this estate's tags. `readable` false: it may or may not be there,
    this login may not look (a data plane before its role works); what is recorded is then the best that is known.
    `strayed`: settings that the provider makes the same for all of a kind and that have another value now, as
    name -> (as it is made, as it is). `beside`: what others may have put on it and no spec sets (a NIC's security group).
    """

    id: str
    properties: Mapping[str, Json] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    ours: bool = True
    readable: bool = True
    strayed: Mapping[str, tuple[Json, Json]] = field(default_factory=dict)
    beside: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tagged:
    """Something in a subscription that carries this estate's tag, whoever recorded it. `address` as its tag says, or ""."""

    id: str
    type: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """What creating or changing gave: the id as the cloud spells it and the attributes of the kind."""

    id: str
    attributes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a principal must be allowed (S4): every action and data action, at the scope.

    `who` is "plan", "apply" or "engine", `principal` its object id, `role` the built-in role that is asked for when it is
    missing (any other that allows the same will do), `scope` an ARM id, `why` what could not be done without it.
    """

    who: str
    principal: str
    role: str
    scope: str
    why: str
    actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lack:
    """A need that is not met, or of which nobody can say whether it is (`unknown` tells why).

    `scope` is where the role can be assigned: the need's, or the subscription while the resource group does not exist.
    `denied_by` names the deny assignment that takes away what a role would give.
    """

    need: Need
    scope: str
    unknown: str = ""
    denied_by: str = ""


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

    def tagged(self, subscriptions: Sequence[str]) -> list[Tagged]:
        """Every resource and resource group that carries this estate's tag: one listing of each per subscription."""
        ...

    def missing_access(self, needs: Sequence[Need]) -> list[Lack]:
        """What of `needs` is not met, or cannot be told, in their order. Roles count from the scope and everything above it,
        through groups too. Empty: everything is there. What may not be looked at is a `Lack` that says so, never an error."""
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
        """Make it be as `spec` says and wait. A `random-256` secret keeps its value."""
        ...

    def delete(self, ref: ResourceRef) -> None:
        """Delete and wait; gone already is success; `Permanent` when it does not carry our tags, or when it is a resource
        group that holds something of others."""
        ...
