"""Containers and seed disks: artifacts that only the data plane of a storage account knows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from planner.ports import Made, Observed, Operation, ResourceRef
from providers.azure.artifacts.base import Spec
from providers.azure.artifacts.waiting import RoleWait, listed
from providers.azure.errors import translated
from providers.azure.ids import parse
from providers.azure.operations import Deferred
from providers.azure.replica import LARGEST
from providers.azure.session import AzureSession
from providers.azure.tags import Owner, as_metadata, from_metadata
from replication.model.errors import Conflict, NotFound, Permanent

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobServiceClient, ContainerClient

_PROBE = ".wavelift-probe"
"""Written and deleted again when a container is made: the proof that the role lets us write."""


class _DataPlane(ABC):
    def __init__(self, session: AzureSession, owner: Owner, wait: RoleWait) -> None:
        self.session = session
        self.owner = owner
        self.wait = wait

    def service(self, account: str, spec: Spec | None = None) -> BlobServiceClient:
        """The blob service of an account by ARM id; the spec's endpoint saves a call. `NotFound` for no account."""
        if spec and spec.get("account"):
            return self.session.blobs(str(spec["account"]))
        at = parse(account)
        with translated(account):
            found: Any = self.session.storage(at.subscription).storage_accounts.get_properties(at.group, at.name)
        return self.session.blobs(found.properties.primary_endpoints.blob)

    def require_ours(self, ref: ResourceRef, metadata: dict[str, str] | None) -> None:
        if not self.owner.owns(from_metadata(metadata)):
            text = "it is there and does not carry this estate's metadata"
            raise Permanent(text, subject=ref.id, remedy="remove it, or use another account", code="NotOurs")

    def metadata(self, ref: ResourceRef) -> dict[str, str]:
        return as_metadata(self.owner.tags(ref.address))

    def resume(self, ref: ResourceRef, spec: Spec, token: str) -> Operation:
        return self.begin(ref, spec)

    def begin(self, ref: ResourceRef, spec: Spec) -> Operation:
        return Deferred(lambda: self.wait.run(lambda: self.make(ref, spec)), ref.id)

    @abstractmethod
    def make(self, ref: ResourceRef, spec: Spec) -> Made:
        """Make it now; what is there already as asked is success."""


class Containers(_DataPlane):
    """Blob containers of our accounts."""

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen: dict[str, Observed] = {}
        for account, wanted in _by(refs, 1).items():
            seen |= listed(account, wanted, partial(self._found, account), lambda arm_id: parse(arm_id).name)
        return seen

    def _found(self, account: str) -> dict[str, Observed]:
        return {
            item.name: Observed("", {}, tags := from_metadata(dict(item.metadata or {})), self.owner.owns(tags))
            for item in self.service(account).list_containers(include_metadata=True)
        }

    def make(self, ref: ResourceRef, spec: Spec) -> Made:
        from azure.core.exceptions import ResourceExistsError

        at = parse(ref.id)
        container = self.service(at.up_to(1), spec).get_container_client(at.name)
        with translated(ref.id):
            try:
                container.create_container(metadata=self.metadata(ref))
            except ResourceExistsError as error:
                if error.error_code != "ContainerAlreadyExists":  # type: ignore[attr-defined]  # set by the storage library
                    raise
                self.require_ours(ref, container.get_container_properties().metadata)
            container.upload_blob(_PROBE, b"", overwrite=True)
            container.delete_blob(_PROBE)
        return Made(ref.id, {"url": container.url})

    def delete(self, ref: ResourceRef) -> None:
        at = parse(ref.id)
        try:
            container = self.service(at.up_to(1)).get_container_client(at.name)
            with translated(ref.id):
                self.require_ours(ref, container.get_container_properties().metadata)
                container.delete_container()
        except NotFound:
            return


class SeedDisks(_DataPlane):
    """Page blobs that replicas of source disks live in, empty at first, with sequence number 0."""

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen: dict[str, Observed] = {}
        for container, wanted in _by(refs, 3).items():
            seen |= listed(container, wanted, partial(self._found, container), blob_name)
        return seen

    def _found(self, container: str) -> dict[str, Observed]:
        found, points = {}, dict[str, list[str]]()
        for blob in self._container(container).list_blobs(include=["metadata", "snapshots"]):
            held = points.setdefault(blob.name, [])
            if blob.snapshot:
                held.append(blob.snapshot)
                continue
            tags, told = from_metadata(blob.metadata), {"size": blob.size, "points": held}
            found[blob.name] = Observed("", told, tags, self.owner.owns(tags) and blob.blob_type == "PageBlob")
        return found

    def make(self, ref: ResourceRef, spec: Spec) -> Made:
        from azure.core import MatchConditions

        size = int(spec["size"])
        if size > LARGEST:
            raise Permanent(f"{size} bytes; a page blob holds 8 TiB at most", subject=ref.address, remedy="skip this disk")
        blob = self._blob(ref, spec)
        try:
            with translated(ref.id):
                blob.create_page_blob(
                    size, metadata=self.metadata(ref), sequence_number=0, match_condition=MatchConditions.IfMissing
                )
        except Conflict:
            self._adopt(ref, blob, size)
        return Made(ref.id, {"url": blob.url})

    def _adopt(self, ref: ResourceRef, blob: BlobClient, size: int) -> None:
        """It is there: ours and large enough, or made so. What it holds stays."""
        with translated(ref.id):
            there = blob.get_blob_properties()
            self.require_ours(ref, there.metadata)
            if there.blob_type != "PageBlob":
                raise Permanent(f"a {there.blob_type} has that name", subject=ref.id, remedy="remove it", code="NotOurs")
            if there.size < size:
                blob.resize_blob(size)

    def delete(self, ref: ResourceRef) -> None:
        at = parse(ref.id)
        try:
            blob = self._container(at.up_to(3)).get_blob_client(blob_name(ref.id))
            with translated(ref.id):
                self.require_ours(ref, blob.get_blob_properties().metadata)
                blob.delete_blob(delete_snapshots="include")
        except NotFound:
            return

    def _container(self, container: str) -> ContainerClient:
        at = parse(container)
        return self.service(at.up_to(1)).get_container_client(at.name)

    def _blob(self, ref: ResourceRef, spec: Spec) -> BlobClient:
        at = parse(ref.id)
        container = str(spec.get("container") or at.names[2])
        name = str(spec.get("blob") or blob_name(ref.id))
        return self.service(at.up_to(1), spec).get_blob_client(container, name)


def blob_name(seed: str) -> str:
    """The blob's name in a seed disk's id; it may hold slashes."""
    return seed[seed.lower().index("/blobs/") + len("/blobs/") :]


def _by(refs: Sequence[ResourceRef], depth: int) -> dict[str, list[ResourceRef]]:
    """Refs by the id of their ancestor with `depth` names."""
    groups: dict[str, list[ResourceRef]] = {}
    for ref in refs:
        groups.setdefault(parse(ref.id).up_to(depth), []).append(ref)
    return groups
