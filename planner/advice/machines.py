"""Advice on what forbids the replication of a VM (the codes of `planner.preflight`)."""

from __future__ import annotations

from planner.advice.advice import Advice

_SKIP = "(the disk left out: `disks: {\"scsi0:1\": skip}` at the machine)"

BLOCKERS: dict[str, Advice] = {
    "no-disks": Advice(
        "Take the VM out of its wave, or stop skipping its disks.",
        '(a VM with one disk, and `disks: {"scsi0:0": skip}`)',
        "(at least one disk that is not skipped)",
        title="the VM cannot replicate",
        meaning="Nothing is left to replicate.",
    ),
    "no-uuid": Advice(
        "Register the VM again in vCenter; it then gets one.",
        "(a VM whose .vmx lost its vc.uuid)",
        "(the VM removed from the inventory and registered again)",
        title="the VM cannot replicate",
        meaning="vCenter gives the VM no instance uuid, and machines are known by theirs.",
    ),
    "hardware-version": Advice(
        "Power it off and upgrade its compatibility (VM, Compatibility, Upgrade), then plan again.",
        "(virtual hardware version 4)",
        "(virtual hardware version 7 or newer)",
        title="the VM cannot replicate",
        meaning="Changed block tracking came with virtual hardware version 7.",
    ),
    "consolidation-needed": Advice(
        "Consolidate its disks (VM, Snapshots, Consolidate); stop backup jobs of this VM meanwhile.",
        "(a VM that vCenter marks `Virtual machine disks consolidation is needed`)",
        "(the same VM after Consolidate)",
        title="the VM cannot replicate",
        meaning="A snapshot's delta disk was left behind; another snapshot on top would make it worse.",
    ),
    "tracking-forbidden": Advice(
        "Switch tracking on yourself (changeTrackingEnabled, then make and remove a snapshot), or say `tracking: enable`.",
        "sources: {seoul: {vcenter: vc01.corp.example, login: env:VC, tracking: forbid}}   # and a VM without it\n",
        "sources: {seoul: {vcenter: vc01.corp.example, login: env:VC, tracking: enable}}\n",
        title="the VM cannot replicate",
        meaning="Changed block tracking is off, and the source forbids to switch it on.",
    ),
    "snapshots-present": Advice(
        "Delete or commit its snapshots (a backup product may own them), then plan again.",
        "(a VM with a snapshot and without changed block tracking)",
        "(the same VM without snapshots)",
        title="the VM cannot replicate",
        meaning="Tracking that is switched on under a snapshot answers with wrong areas and no error.",
    ),
    "encrypted-disk": Advice(
        "Read it with nbd, which goes through vSphere and gets it decrypted; or decrypt it, or leave it out with `skip`.",
        "(a disk with a vSphere encryption storage policy, and a source with the https reader)",
        "sources: {seoul: {vcenter: vc01.corp.example, login: env:VC, reader: {nbd: {host: 127.0.0.1, export: \"{uuid}\"}}}}\n",
        title="the VM cannot replicate",
        meaning="The https reader gets files as they lie on the datastore: of an encrypted disk nothing that Azure could boot.",
    ),
    "linked-clone": Advice(
        "Make the VM a full clone (Clone, or Storage vMotion to another datastore), or leave the disk out with `skip`.",
        "(a disk whose parent lies in another VM's folder)",
        "(a VM with disks of its own)",
        title="the VM cannot replicate",
        meaning="Below a linked clone lies another VM's disk; what is allocated there tracking does not tell for the clone.",
    ),
    "unreadable-backing": Advice(
        "Give the source the nbd reader, clone the disk to a VMFS virtual disk, or leave it out with `skip`.",
        "(a raw device mapping in virtual mode, and a source with the https reader)",
        _SKIP,
        title="the VM cannot replicate",
        meaning="The https reader reads plain files; a raw device or a sparse disk has none.",
    ),
    "too-large": Advice(
        "Split the disk inside of the guest, or leave it out with `skip` and move its data by other means.",
        "(a data disk of 33 TiB, or an OS disk of 5 TiB)",
        _SKIP,
        title="the VM cannot replicate",
        meaning="A replica is a page blob (8 TiB at most); an Azure VM boots from at most 4,095 GiB.",
    ),
    "independent-disk": Advice(
        "Make the disk dependent while the VM is off (Edit Settings, Disk Mode), or leave it out with `skip`.",
        "(a disk in mode independent_persistent)",
        _SKIP,
        title="the VM cannot replicate",
        meaning="Snapshots leave independent disks out, so there is nothing to read from.",
    ),
    "physical-rdm": Advice(
        "Convert it to virtual mode or to a VMDK, or leave it out with `skip`.",
        "(a raw device mapping in physical mode)",
        _SKIP,
        title="the VM cannot replicate",
        meaning="A raw device mapping in physical mode can be neither snapshotted nor tracked.",
    ),
    "unsupported-backing": Advice(
        "Move it to another datastore as a VMFS virtual disk, or leave it out with `skip`.",
        "(a disk whose backing carries no change id)",
        _SKIP,
        title="the VM cannot replicate",
        meaning="The disk's backing carries no change tracking.",
    ),
    "shared-disk": Advice(
        "Stop sharing the disk or its bus, or leave it out with `skip`.",
        "(a cluster's disk on a SCSI controller with bus sharing, or with the multi-writer flag)",
        _SKIP,
        title="the VM cannot replicate",
        meaning="Changed block tracking does not work on a shared disk.",
    ),
    "unsupported-controller": Advice(
        "Move the disk to a SCSI controller, or leave it out with `skip`.",
        "(a disk on a controller of a kind that wavelift does not know)",
        _SKIP,
        title="the VM cannot replicate",
        meaning="The disk's place on its bus cannot be told, so neither can its LUN in Azure.",
    ),
    "bad-capacity": Advice(
        "Look at the disk in vCenter: a broken or missing VMDK reads as 0. Or leave it out with `skip`.",
        "(a disk whose VMDK was deleted under the VM)",
        _SKIP,
        title="the VM cannot replicate",
        meaning="The capacity is zero or no multiple of 512 bytes.",
    ),
    "unreadable-datastore": Advice(
        "Move the disk to a VMFS or NFS datastore (Storage vMotion), or leave it out with `skip`.",
        "(a disk on vSAN, read over https)",
        _SKIP,
        title="the VM cannot replicate",
        meaning="The https reader reads plain extents; vSAN and vVol have none.",
    ),
}
