"""The artifacts that machines share: groups, vault, and per region Service Bus, stores, Key Vault, with their roles (S3)."""

from __future__ import annotations

from collections.abc import Iterator

from planner.artifact import Artifact, Json, Kind, ref
from planner.estate import Estate, ResourceGroup, Span, Target
from planner.existing import EXISTING
from planner.names import Names, container_id, secret_id

BLOB_ROLE = "Storage Blob Data Contributor"
SECRETS_ROLE = "Key Vault Secrets Officer"
READ_ROLE, READ_SECRETS_ROLE = "Storage Blob Data Reader", "Key Vault Secrets User"
LOG_CONTAINER, GATEWAY_CONTAINER, SEED_CONTAINER = "log", "gateway", "seeds"
LOG_KEY, REPORT_KEY, BUS_SECRET = "log-key", "report-key", "service-bus"
QUEUES = ("commands", "events")


class Shared:
    """Builds the shared artifacts of one estate; the spec of each kind is that of `planner.ports`."""

    def __init__(self, estate: Estate, names: Names) -> None:
        self._estate = estate
        self._names = names

    def project(self, replicating: bool) -> Iterator[Artifact]:
        """Managed project group and the vault; the vault is locked against deletion while anything replicates."""
        azure = self._estate.azure
        group = self._group(azure.project_subscription, azure.project_group, azure.project_region, None)
        yield from group
        vault = Artifact(
            str(Kind.VAULT),
            Kind.VAULT,
            self._names.vault(),
            {"location": azure.project_region, **self._existing(Kind.VAULT)},
            tuple(g.address for g in group),
        )
        yield vault
        if replicating and not self._existing(Kind.VAULT):
            lock_id = f"{self._names.vault()}/providers/Microsoft.Authorization/locks/wavelift"
            spec = {"notes": "wavelift: machines replicate through this vault"}
            yield Artifact(f"{Kind.LOCK}.vault", Kind.LOCK, lock_id, spec, (vault.address,))

    def region(self, region: str) -> Iterator[Artifact]:
        """Service Bus, log and gateway store, Key Vault of a target region, in the project's group."""
        names, project = self._names, self._estate.azure
        group = (f"{Kind.RESOURCE_GROUP}.{project.project_group.name}",) if project.project_group.managed else ()
        bus = Artifact(
            f"{Kind.SERVICE_BUS}.{region}",
            Kind.SERVICE_BUS,
            names.service_bus(region),
            {"location": region, "queues": list(QUEUES), **self._existing(Kind.SERVICE_BUS, region)},
            group,
        )
        log = self._store(Kind.LOG_STORE, region, names.log_store(region), region, group)
        gateway = self._store(Kind.GATEWAY_STORE, region, names.gateway_store(region), region, group)
        spec = {"location": region, **self._existing(Kind.KEY_VAULT, region)}
        vault = Artifact(f"{Kind.KEY_VAULT}.{region}", Kind.KEY_VAULT, names.key_vault(region), spec, group)
        yield from (bus, log, gateway, vault)
        yield from self._with_role(log, BLOB_ROLE, LOG_CONTAINER)
        yield from self._with_role(gateway, BLOB_ROLE, GATEWAY_CONTAINER)
        role = self._role(vault, SECRETS_ROLE)
        yield from role
        yield from self._more_roles(vault, READ_SECRETS_ROLE)
        needs = (vault.address, *(r.address for r in role))
        uri = {"vault": ref(vault.address, "vault_uri")}
        for name in (LOG_KEY, REPORT_KEY):  # 32 random bytes: a key for AES-256, and an Ed25519 seed
            yield Artifact(
                f"{Kind.SECRET}.{region}/{name}",
                Kind.SECRET,
                secret_id(vault.id, name),
                {**uri, "name": name, "source": "random-256"},
                needs,
            )
        yield Artifact(
            f"{Kind.SECRET}.{region}/{BUS_SECRET}",
            Kind.SECRET,
            secret_id(vault.id, BUS_SECRET),
            {**uri, "name": BUS_SECRET, "source": "service-bus", "namespace": bus.id},
            (*needs, bus.address),
        )

    def target(self, target: Target) -> Iterator[Artifact]:
        """The target's managed group and its seed store (no soft delete: stopping must end the cost)."""
        group = self._group(target.subscription, target.resource_group, target.region, target.span)
        yield from group
        needs = tuple(g.address for g in group)
        store = self._store(Kind.SEED_STORE, target.name, self._names.seed_store(target), target.region, needs, target.span)
        yield store
        yield from self._with_role(store, BLOB_ROLE, SEED_CONTAINER)

    def _group(self, subscription: str, group: ResourceGroup, region: str, origin: Span | None) -> list[Artifact]:
        if not group.managed:
            return []
        address = f"{Kind.RESOURCE_GROUP}.{group.name}"
        return [
            Artifact(
                address,
                Kind.RESOURCE_GROUP,
                self._names.group(subscription, group.name),
                {"location": region},
                origin=origin,
            )
        ]

    def _role(self, scope: Artifact, role: str) -> list[Artifact]:
        """The engine's data-plane access; none where roles are assumed to be there already."""
        if self._estate.azure.roles == "assume":
            return []
        spec = {"scope": scope.id, "role": role}
        return [Artifact(f"{Kind.ROLE}.{scope.address}", Kind.ROLE, f"{scope.id}#{role}", spec, (scope.address,))]

    def _more_roles(self, scope: Artifact, engine: str, plan: str = "") -> Iterator[Artifact]:
        """The same for identities of their own: who applies is not who runs the engine, or plans. `plan` "": needs none."""
        known = self._estate.azure.identities
        if self._estate.azure.roles == "assume":
            return
        given = {(known.apply or "").lower()}
        for who, principal, role in (("engine", known.engine, engine), ("plan", known.plan, plan)):
            if principal and role and principal.lower() not in given:
                given.add(principal.lower())
                spec = {"scope": scope.id, "role": role, "principal": principal}
                address = f"{Kind.ROLE}.{scope.address}/{who}"
                yield Artifact(address, Kind.ROLE, f"{scope.id}#{role}#{principal}", spec, (scope.address,))

    def _with_role(self, store: Artifact, role: str, container: str) -> Iterator[Artifact]:
        """The role on a store, then its container: making it is the probe write that waits until the role works."""
        roles = self._role(store, role)
        yield from roles
        yield from self._more_roles(store, BLOB_ROLE, READ_ROLE if store.kind is Kind.GATEWAY_STORE else "")
        needs = (store.address, *(r.address for r in roles))
        spec = {"account": ref(store.address, "blob_endpoint"), "name": container}
        yield Artifact(f"{Kind.CONTAINER}.{store.address}", Kind.CONTAINER, container_id(store.id, container), spec, needs)

    def _existing(self, kind: Kind, place: str = "") -> dict[str, Json]:
        """Left out where we make it, so that specs from before there was a choice say the same."""
        return {EXISTING: True} if self._names.is_existing(kind.value, place) else {}

    def _store(
        self, kind: Kind, name: str, arm_id: str, region: str, needs: tuple[str, ...], origin: Span | None = None
    ) -> Artifact:
        theirs = self._existing(kind, name)
        spec: dict[str, Json] = {"location": region, **(theirs or {"sku": "Standard_LRS"})}
        return Artifact(f"{kind}.{name}", kind, arm_id, spec, needs, origin=origin)
