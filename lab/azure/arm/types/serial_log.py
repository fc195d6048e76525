"""What a VM of the lab writes to its serial port, and the address at which boot diagnostics shows it.

The lab runs no guest. It looks at the one thing it has, the OS disk: one without content finds no boot device; any other
starts and writes what a guest of its OS type would, unless the control API says that this VM hangs.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from lab.azure.arm.env import Env
from lab.azure.arm.errors import ArmError, json_response
from lab.azure.arm.store import Record
from lab.http import Request, Response

PREFIX = "/bootdiagnostics/"
_LINUX = (
    "[    0.000000] Linux version 5.15.0 (lab)",
    "[    1.204112] hv_vmbus: Vmbus version:5.3",
    "[    1.310220] hv_storvsc: registered",
    "[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mMulti-User System\x1b[0m.",
)
_WINDOWS = ("Computer is booting, SAC started and initialized.", "", "SAC>")


def retrieve(env: Env, item: Record, minutes: str) -> Response:
    """Addresses with a signature. 409 where boot diagnostics is off."""
    properties = item.body["properties"]
    on = ((properties.get("diagnosticsProfile") or {}).get("bootDiagnostics") or {}).get("enabled")
    if not on:
        text = f"Boot diagnostics is not enabled on VM '{item.body['name']}'."
        raise ArmError(409, "OperationNotAllowed", text)
    if minutes and not (minutes.isdigit() and 1 <= int(minutes) <= 1440):
        raise ArmError(400, "InvalidParameter", "sasUriExpirationTimeInMinutes must be between 1 and 1440.")
    until = int(time.time()) + int(minutes or 120) * 60
    root = f"{env.addresses.arm}{PREFIX}{properties['vmId']}"
    signed = f"se={until}&sig={_signature(env, properties['vmId'], until)}"
    uris = {"serialConsoleLogBlobUri": "serialconsole.log", "consoleScreenshotBlobUri": "screenshot.bmp"}
    return json_response(200, {name: f"{root}.{file}?{signed}" for name, file in uris.items()})


def serve(env: Env, request: Request) -> Response:
    """GET of a log; 403 without the signature, 404 while nothing has been written."""
    name = urlsplit(request.path).path.removeprefix(PREFIX)
    vm, _, file = name.partition(".")
    until = request.query.get("se", "")
    if not until.isdigit() or int(until) < time.time() or request.query.get("sig") != _signature(env, vm, int(until)):
        return Response(403, {"Content-Type": "application/xml"}, b"<Error><Code>AuthenticationFailed</Code></Error>")
    found = next((r for r in env.store.of_kind("Microsoft.Compute/virtualMachines") if r.body["properties"]["vmId"] == vm), None)
    text = _log(env, found) if found is not None and file == "serialconsole.log" else ""
    if not text:
        return Response(404, {"Content-Type": "application/xml"}, b"<Error><Code>BlobNotFound</Code></Error>")
    return Response(200, {"Content-Type": "text/plain"}, text.encode())


def _log(env: Env, item: Record) -> str:
    body = item.body
    if item.private["power"] != "running" and body["properties"]["provisioningState"] != "Succeeded":
        return ""
    lines = ["UEFI firmware, lab" if item.private.get("generation") == "V2" else "BIOS, lab"]
    os_disk = body["properties"]["storageProfile"]["osDisk"]
    if not _holds_something(env, os_disk["managedDisk"]["id"]):
        lines.append("No bootable device was found.")
    elif body["name"] in env.settings.values.hanging:
        lines.append("Loading the kernel ...")
    elif os_disk["osType"] == "Windows":
        lines += _WINDOWS
    else:
        lines += [*_LINUX, "", f"{body['name']} login: "]
    return "\r\n".join(lines)


def _holds_something(env: Env, disk_id: str) -> bool:
    found = env.store.get(disk_id)
    if found is None:
        return False
    path: Path = env.disks.path(found.private["file"])
    with open(path, "rb") as stream:
        size, at = path.stat().st_size, 0
        while at < size:
            try:
                at = os.lseek(stream.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but holes from here on
                return False
            stream.seek(at)
            part = stream.read(1 << 20)
            if any(part):
                return True
            at += len(part)
    return False


def _signature(env: Env, vm: str, until: int) -> str:
    return hmac.new(env.settings.values.signing_key.encode(), f"{vm}/{until}".encode(), hashlib.sha256).hexdigest()
