"""`ArtifactProvider` for Azure: sends each kind to the one who knows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from planner.ports import Json, Lack, Made, Need, Observed, Operation, ResourceRef, Tagged
from providers.azure.artifacts.access import Access
from providers.azure.artifacts.addresses import Addresses
from providers.azure.artifacts.authorization import Locks, RoleAssignments
from providers.azure.artifacts.base import Deletes, Makes, Observes
from providers.azure.artifacts.blobs import Containers, SeedDisks
from providers.azure.artifacts.machines import Disks, EncryptionSets, Networks, Nics, Quotas, Sizes, Vms
from providers.azure.artifacts.secrets import Secrets
from providers.azure.artifacts.shared import KeyVaults, RecoveryVaults, ResourceGroups, ServiceBuses, StorageAccounts
from providers.azure.artifacts.tagged import tagged
from providers.azure.artifacts.waiting import RoleWait
from providers.azure.ids import parse
from providers.azure.session import AzureSession
from providers.azure.tags import Owner
from replication.model.errors import Permanent

H = TypeVar("H")


class AzureArtifacts:
    """Observes, makes, changes and deletes artifacts of one estate (`owner`); see `planner.ports` for ids and specs.

    `wait` is how long the first write to a data plane may be refused before the refusal counts (a new role's minutes).
    """

    def __init__(self, session: AzureSession, owner: Owner, wait: RoleWait | None = None) -> None:
        self._session = session
        self._owner = owner
        wait = wait or RoleWait()
        accounts = StorageAccounts(session, owner)
        disks, nics, vms = Disks(session, owner), Nics(session, owner), Vms(session, owner)
        self._makes: Mapping[str, Makes] = {
            "resource_group": ResourceGroups(session, owner),
            "vault": RecoveryVaults(session, owner),
            "lock": Locks(session),
            "service_bus": ServiceBuses(session, owner),
            "log_store": accounts,
            "gateway_store": accounts,
            "seed_store": accounts,
            "key_vault": KeyVaults(session, owner),
            "role": RoleAssignments(session),
            "container": Containers(session, owner, wait),
            "secret": Secrets(session, owner, wait),
            "seed_disk": SeedDisks(session, owner, wait),
        }
        self._deletes: Mapping[str, Deletes] = {
            **self._makes,
            "disk": disks,
            "nic": nics,
            "vm": vms,
            "test_disk": disks,
            "test_nic": nics,
            "test_vm": vms,
        }
        self._observes: Mapping[str, Observes] = {
            **cast(Mapping[str, Observes], self._deletes),
            "network": Networks(session, owner),
            "encryption_set": EncryptionSets(session, owner),
            "sku": Sizes(session),
            "quota": Quotas(session),
            "addresses": Addresses(session),
        }

    def principal(self) -> str:
        return self._session.principal().object_id

    def in_group(self, group: str) -> list[str]:
        """Ids of what is in a resource group (by its id) and is not ours to delete."""
        return ResourceGroups(self._session, self._owner).others(parse(group))

    def missing_access(self, needs: Sequence[Need]) -> list[Lack]:
        return Access(self._session).lacking(needs)

    def tagged(self, subscriptions: Sequence[str]) -> list[Tagged]:
        return [found for one in dict.fromkeys(subscriptions) for found in tagged(self._session, one, self._owner)]

    def observe(self, wanted: Sequence[ResourceRef]) -> dict[str, Observed | None]:
        together: dict[int, tuple[Observes, list[ResourceRef]]] = {}
        for ref in wanted:
            handler = _for(self._observes, ref)
            # Three kinds of storage account are one list.
            together.setdefault(id(handler), (handler, []))[1].append(ref)
        seen: dict[str, Observed | None] = {ref.address: None for ref in wanted}
        for handler, refs in together.values():
            found = handler.observe(refs)
            for ref in refs:
                seen[ref.address] = found.get(ref.id.lower())
        return seen

    def begin(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Operation:
        return _for(self._makes, ref).begin(ref, spec)

    def resume(self, ref: ResourceRef, spec: Mapping[str, Json], token: str) -> Operation:
        return _for(self._makes, ref).resume(ref, spec, token)

    def create(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Made:
        return self.begin(ref, spec).result()

    def update(self, ref: ResourceRef, spec: Mapping[str, Json]) -> Made:
        return self.begin(ref, spec).result()

    def delete(self, ref: ResourceRef) -> None:
        _for(self._deletes, ref).delete(ref)


def _for(handlers: Mapping[str, H], ref: ResourceRef) -> H:
    handler = handlers.get(str(ref.kind))
    if handler is None:
        raise Permanent(f"Azure knows no artifact of kind {ref.kind}", subject=ref.address)
    return handler
