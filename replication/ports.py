"""What the replication engine needs of the outside. Providers implement these; fakes in `tests/fakes` keep the contract.

Every method may raise the classes of `replication.model.errors` and nothing else. Methods are called from several threads.
Writes are conditional or idempotent: the contract of each says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from replication.model.errors import Permanent
from replication.model.extents import Extent
from replication.model.item import DiskOrder, Hook, NicOrder, VmOrder
from replication.model.source import ChangeId, Snapshot, SourceFacts


class Clock(Protocol):
    def now(self) -> float:
        """Unix time, seconds."""
        ...

    def sleep(self, seconds: float) -> None: ...


class DiskReader(Protocol):
    """Reads one snapshot disk. `read` may be called from several threads."""

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes at `offset`; a short answer is an error, never a short return."""
        ...

    def confirm(self) -> None:
        """Raise `Temporary` when the snapshot or the chain under it is no longer what it was at opening."""
        ...


class Source(Protocol):
    """One vCenter. `machine` is an instance uuid everywhere."""

    def facts(self, machines: tuple[str, ...]) -> dict[str, SourceFacts]:
        """Facts of the machines that exist; one that vanished is missing from the answer."""
        ...

    def datastore_free(self, machine: str) -> dict[str, int]:
        """Datastore name -> free bytes now, of those that hold the machine's disks and files."""
        ...

    def create_snapshot(self, machine: str, name: str, description: str, quiesce: bool) -> str:
        """One snapshot of all disks, no memory; its ref. Retries TaskInProgress. Not idempotent: announce the name first."""
        ...

    def find_snapshots(self, machine: str, prefix: str) -> dict[str, str]:
        """ref -> name of the snapshots whose name begins with `prefix`."""
        ...

    def snapshot(self, machine: str, ref: str) -> Snapshot:
        """The snapshot's own device list: change ids, keys, backings."""
        ...

    def remove_snapshot(self, machine: str, ref: str) -> None:
        """Remove this one (never its children) and consolidate. Gone already is success."""
        ...

    def consolidated(self, machine: str) -> bool:
        """True when no consolidation is needed; asks vCenter to consolidate when one is."""
        ...

    def changed_areas(self, machine: str, ref: str, disk: int, since: ChangeId | None, capacity: int) -> list[Extent]:
        """All areas changed between `since` and the snapshot, paged to `capacity`; None asks for allocated areas ("*").

        Raises `ResyncRequired` when the change id cannot be used. For None a source that cannot say answers the whole disk.
        """
        ...

    def open_disk(self, machine: str, snapshot: Snapshot, disk: int) -> AbstractContextManager[DiskReader]: ...

    def shutdown_guest(self, machine: str) -> None:
        """Ask the guest; returns at once. `Permanent` when VMware Tools cannot do it."""
        ...

    def power_off(self, machine: str) -> None:
        """Idempotent; returns when vCenter says poweredOff."""
        ...

    def power_on(self, machine: str) -> None: ...

    def connect_nics(self, machine: str, connected: bool) -> None:
        """Connect or disconnect every network adapter, now and at its next power-on. Idempotent."""
        ...

    def annotate(self, machine: str, text: str) -> None:
        """Put one line about us into the VM's notes in place of an earlier one of ours; "" takes it out. Idempotent."""
        ...


class LogStore(Protocol):
    """Block blobs in the log storage account; nothing is ever overwritten."""

    def put(self, name: str, data: bytes, metadata: Mapping[str, str]) -> None:
        """If-None-Match: *; `Conflict` when it exists."""
        ...

    def get(self, name: str) -> tuple[bytes, dict[str, str]]:
        """Content and metadata; `NotFound`."""
        ...

    def list(self, prefix: str) -> Iterator[str]: ...

    def delete_prefix(self, prefix: str) -> int:
        """Delete every blob below `prefix`; how many."""
        ...


class DocumentStore(Protocol):
    """Small blobs with ETags in the gateway storage account."""

    def get(self, name: str) -> tuple[bytes, str] | None:
        """Content and ETag, or None."""
        ...

    def put(self, name: str, data: bytes, etag: str | None) -> str:
        """Replace the version `etag`, or create (None = If-None-Match: *); the new ETag. `Conflict` otherwise."""
        ...

    def put_any(self, name: str, data: bytes) -> None:
        """Unconditional: for what is only shown (status, progress shown to people)."""
        ...

    def list(self, prefix: str) -> dict[str, str]:
        """name -> ETag."""
        ...

    def delete(self, name: str, etag: str | None = None) -> None:
        """Gone already is success."""
        ...

    def acquire_lease(self, name: str, seconds: int) -> str:
        """Lease id on an (auto-created) blob; `Conflict` while another holds it. 15..60 s."""
        ...

    def renew_lease(self, name: str, lease: str) -> None:
        """One try: `Temporary` at once, since the lease does not wait. `Conflict` when it was lost."""
        ...

    def release_lease(self, name: str, lease: str) -> None: ...


class ReplicaStore(Protocol):
    """Replica (seed) disks as page blobs of one seed account and container."""

    def ensure(self, name: str, size: int) -> None:
        """Create if absent (size in bytes, whole sectors), grow when smaller; never shrinks, never clears."""
        ...

    def raise_fence(self, name: str, fence: int) -> None:
        """Set the page blob's sequence number to max(it, fence); `Conflict` when it is higher already."""
        ...

    def write(self, name: str, offset: int, data: bytes, fence: int) -> None:
        """Put pages (split at 4 MiB) with if-sequence-number-eq `fence`; `Conflict` when it does not hold."""
        ...

    def clear(self, name: str, offset: int, length: int, fence: int) -> None: ...

    def checkpoint(self, name: str) -> str:
        """Snapshot the blob; the snapshot's id."""
        ...

    def checkpoints(self, name: str) -> list[str]: ...

    def drop_checkpoint(self, name: str, point: str) -> None: ...

    def read(self, name: str, point: str | None, offset: int, length: int) -> bytes: ...

    def delete(self, name: str) -> None:
        """The blob and all its snapshots; gone already is success."""
        ...

    def copy_url(self, name: str, point: str) -> str:
        """A read-only url of the snapshot, good for some hours, that the cloud itself can copy from. Secret."""
        ...

    def allocated(self, name: str, point: str, size: int) -> list[Extent]:
        """Page ranges that hold data in the snapshot."""
        ...

    def changed(self, name: str, since: str, point: str, size: int) -> list[Extent]:
        """Page ranges written or cleared between the snapshots `since` and `point` (the newer), clamped to `size`."""
        ...


class KeyStore(Protocol):
    def current(self, name: str) -> tuple[str, bytes]:
        """(version, 32 key bytes) of the newest version of secret `name`."""
        ...

    def version(self, name: str, version: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class DiskUpload:
    """An upload in progress: the disk's ARM id and a writable url (secret)."""

    disk_id: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Facts about the networks that a VM's NICs join. Empty in every field: nothing leads out that we can see."""

    peerings: tuple[str, ...] = ()
    """Names of peered virtual networks."""
    routes: tuple[str, ...] = ()
    """Route tables of its subnets."""
    public: tuple[str, ...] = ()
    """NAT gateways of its subnets (we never give a NIC a public address)."""
    dns: tuple[str, ...] = ()
    """Own DNS servers of the virtual network (Azure's own name service is no way out)."""
    gateways: tuple[str, ...] = ()
    """Gateway subnets: VPN or ExpressRoute."""


class Cloud(Protocol):
    """The target subscription: managed disks, NICs, VMs. Names are the idempotency key; everything carries our tags."""

    def begin_disk(self, vm: VmOrder, disk: DiskOrder, tags: Mapping[str, str]) -> DiskUpload:
        """Create with createOption=Upload and grant write. An unfinished one of ours by that name is deleted first."""
        ...

    def copy_range(self, upload: DiskUpload, source_url: str, offset: int, length: int) -> None:
        """Put Page From URL, at most 4 MiB; `UnknownFate` when no answer came."""
        ...

    def finish_disk(self, upload: DiskUpload, size: int) -> None:
        """Write the VHD footer, end access, wait until the disk is Unattached."""
        ...

    def create_nic(self, vm: VmOrder, nic: NicOrder, tags: Mapping[str, str]) -> str:
        """Idempotent; its ARM id."""
        ...

    def create_vm(
        self, vm: VmOrder, size: str, disks: Mapping[int, str], nics: Mapping[int, str], tags: Mapping[str, str]
    ) -> str:
        """Idempotent by name and tag; its ARM id. Azure starts it. `Temporary` with code SkuNotAvailable /
        AllocationFailed when there is no capacity for `size`."""
        ...

    def start_vm(self, vm_id: str) -> None:
        """Idempotent; returns when the instance view says running."""
        ...

    def stop_vm(self, vm_id: str) -> None:
        """Power it off and keep it (deallocated); idempotent."""
        ...

    def agent_ready(self, vm_id: str) -> bool:
        """Whether the instance view says that the VM agent in the guest is ready."""
        ...

    def boot_log(self, vm_id: str) -> str:
        """What the guest has written to its serial port (the end of it, where that is long); empty while there is nothing."""
        ...

    def reachable(self, nic_id: str, port: int) -> bool:
        """Whether this host can open a TCP connection to the NIC's private address within some seconds."""
        ...

    def exposure(self, vm: VmOrder) -> Exposure:
        """What the virtual networks of the VM's NICs are joined with: whether a test in them is isolated."""
        ...

    def check(self, vm: VmOrder) -> list[str]:
        """Problems that would stop this VM: unknown size, quota, names taken by others, subnets, addresses. Empty: none."""
        ...

    def delete(self, resource_id: str) -> None:
        """A VM, NIC or disk that carries our tags; gone already is success; `Permanent` when it is not ours."""
        ...

    def exists(self, resource_id: str) -> bool: ...


class Hooks(Protocol):
    """What people want done around a cut-over, on the engine's host."""

    def run(self, hook: Hook, told: Mapping[str, str]) -> None:
        """Do it, within its timeout. `told`: id (the same when a hook is run again after a crash), machine, wave, when, vm.

        Raises `Permanent` when it failed or is not in this engine's own files; the text holds none of its output.
        """
        ...


class NoHooks:
    """Of an engine that nobody gave any: every hook is foreign to it."""

    def run(self, hook: Hook, told: Mapping[str, str]) -> None:
        raise Permanent(f"the hook {hook.name} is not in this engine's files", code="NoSuchHook")


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that one coordinator works with, joined by `wavelift`."""

    clock: Clock
    sources: Mapping[str, Source]
    documents: Mapping[str, DocumentStore]
    """Region -> gateway store."""

    stores: StoreFactory
    cloud: Mapping[str, Cloud]
    """Subscription -> cloud."""
    hooks: Hooks = field(default_factory=NoHooks)


class StoreFactory(Protocol):
    """Opens (and keeps) clients by the addresses that items carry."""

    def log(self, account: str, container: str) -> LogStore: ...

    def replicas(self, account: str, container: str) -> ReplicaStore: ...

    def keys(self, vault: str) -> KeyStore: ...
