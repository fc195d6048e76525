"""Datastore files over HTTPS: `/folder/<path>?dcPath=…&dsName=…`, HEAD and GET, one byte range.

What a host refuses, this refuses: the file that a running VM writes to is locked. The files below it in the chain
are frozen and can be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.http import FileRange, Request, Response
from lab.vcenter.disks import Disk, Layer
from lab.vcenter.files import make_sparse
from lab.vcenter.inventory import World
from lab.vcenter.machine import Vm
from lab.vcenter.sessions import Sessions

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_OPAQUE = frozenset({"vsan", "vvol"})  # datastores whose disks are objects, not files


@dataclass(frozen=True, slots=True)
class _Found:
    vm: Vm
    disk: Disk
    layer: Layer
    is_data: bool  # the extent, not the descriptor


def serve_file(world: World, sessions: Sessions, request: Request) -> Response:
    """Answer one request for a datastore file."""
    if not sessions.may_read_files(request):
        headers = {"WWW-Authenticate": 'Basic realm="VMware HTTP server"'}
        return _refuse(401, "a session cookie or name and password are needed", headers)
    if request.method not in ("GET", "HEAD"):
        return _refuse(405, "only GET and HEAD")
    path = request.path.removeprefix("/folder").strip("/")
    found = _find(world, request.query.get("dcPath", ""), request.query.get("dsName", ""), path)
    if found is None:
        return _refuse(404, f"no file {path!r} in datastore {request.query.get('dsName', '')!r}")
    if isinstance(found, Response):
        return found
    if not found.is_data:
        return Response(200, {"Content-Type": "text/plain"}, descriptor(found.disk, found.layer).encode())
    return _data(found, request)


def _find(world: World, centre: str, store: str, path: str) -> _Found | Response | None:
    for vm in world.vms_in_directory(path.partition("/")[0]):
        for disk in list(vm.disks):
            if not path.startswith(disk.stem) or disk.rdm:
                continue
            datastore = world.disk_datastore(disk)
            if datastore.name != store or world.objects[datastore.datacenter].name != centre.strip("/"):
                continue
            for layer in list(disk.chain):
                if path == layer.name:
                    return _Found(vm, disk, layer, is_data=False)
                if path == extent_name(layer):
                    if datastore.type.lower() in _OPAQUE:
                        return _refuse(404, f"{datastore.type} keeps disks as objects, not as files")
                    return _Found(vm, disk, layer, is_data=True)
    return None


def extent_name(layer: Layer) -> str:
    return f"{layer.name.removesuffix('.vmdk')}-{'flat' if layer.is_base else 'delta'}.vmdk"


def descriptor(disk: Disk, layer: Layer) -> str:
    """The text of a disk descriptor: content ids, the extent, and the parent of a delta."""
    sectors = disk.capacity // 512
    position = disk.chain.index(layer)
    parent = disk.chain[position - 1] if position else None
    kind = "VMFS" if layer.is_base else "VMFSSPARSE"
    lines = [
        "# Disk DescriptorFile",
        "version=4" if disk.tracker is None else "version=3",
        'encoding="UTF-8"',
        f"CID={layer.content_id}",
        f"parentCID={parent.content_id if parent else 'ffffffff'}",
        f'createType="{"vmfs" if parent is None else "vmfsSparse"}"',
    ]
    if parent is not None:
        lines.append(f'parentFileNameHint="{parent.name.rpartition("/")[2]}"')
    lines += [
        "",
        "# Extent description",
        f'RW {sectors} {kind} "{extent_name(layer).rpartition("/")[2]}"',
        "",
        "# The Disk Data Base",
        "#DDB",
        "",
    ]
    if disk.tracker is not None:
        lines[-3:-3] = [
            "# Change Tracking File",
            f'changeTrackPath="{disk.stem.rpartition("/")[2]}-ctk.vmdk"',
            "",
        ]
    if parent is None:
        cylinders = min(65535, max(1, sectors // (255 * 63)))
        lines += [
            'ddb.adapterType = "lsilogic"',
            f'ddb.geometry.cylinders = "{cylinders}"',
            'ddb.geometry.heads = "255"',
            'ddb.geometry.sectors = "63"',
            'ddb.thinProvisioned = "1"',
        ]
    lines += [f'ddb.longContentID = "{layer.content_id.rjust(32, "0")}"', f'ddb.uuid = "{disk.uuid}"', ""]
    return "\n".join(lines)


def _data(found: _Found, request: Request) -> Response:
    disk, layer = found.disk, found.layer
    with disk.lock:
        if found.vm.power == "poweredOn" and (layer is disk.leaf or layer.merging):
            return _refuse(500, f"{extent_name(layer)} is locked: a running virtual machine writes to it")
        if not layer.is_base:
            return _refuse(501, "the lab does not render deltas in VMware's sparse format; read the base")
        make_sparse(layer.path, disk.capacity)
    wanted = request.headers.get("range")
    headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    if wanted is None:
        return Response(200, headers, FileRange(layer.path, 0, disk.capacity))
    found_range = _RANGE.fullmatch(wanted.strip())
    span = _span(found_range[1], found_range[2], disk.capacity) if found_range else None
    if span is None:
        return _refuse(416, "one range inside the file", {"Content-Range": f"bytes */{disk.capacity}"})
    first, last = span
    headers["Content-Range"] = f"bytes {first}-{last}/{disk.capacity}"
    return Response(206, headers, FileRange(layer.path, first, last - first + 1))


def _span(first: str, last: str, size: int) -> tuple[int, int] | None:
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
    return (start, end) if start <= end and start < size else None


def _refuse(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(status, {"Content-Type": "text/plain", **(headers or {})}, f"{text}\n".encode())
