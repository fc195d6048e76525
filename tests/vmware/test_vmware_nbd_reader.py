"""The nbd reader and its client against a real nbdkit."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.tls import client_context, ensure_ca
from planner.config.loader import load_sources
from planner.estate import Login, Reader, SecretRef, Source
from providers.secrets import Credentials
from providers.vmware.readers.nbd_client import NbdAddress, NbdConnection, NbdError
from providers.vmware.source import VSphereSource, open_source
from replication.model.errors import Permanent, PortError, Temporary
from tests.thirdparty import missing
from tests.vmware.support import Lab

VM, KEY = "reader-01", 2000


@pytest.fixture(scope="module")
def nbdkit() -> str:
    program = shutil.which("nbdkit")
    if program is None:
        missing("nbdkit is not installed (Debian: apt-get install nbdkit)")
    return program


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nbd") / "disk.raw"
    path.write_bytes(random.Random(7).randbytes(5 * 1024 * 1024 + 512))
    return path


@contextmanager
def served(*words: str, ready: Path | int) -> Iterator[None]:
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        while not _ready(ready):
            assert process.poll() is None and time.monotonic() < until, "nbdkit did not start"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _ready(place: Path | int) -> bool:
    if isinstance(place, Path):
        with socket.socket(socket.AF_UNIX) as unix:
            return unix.connect_ex(str(place)) == 0
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", place)) == 0


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.thirdparty
def test_reading_over_a_unix_socket(nbdkit: str, image: Path, tmp_path: Path) -> None:
    """Design, disk readers: exact bytes at any offset, one connection for many requests."""
    path = tmp_path / "s"
    with served(nbdkit, "-f", "-r", "-U", str(path), "file", str(image), ready=path):
        content = image.read_bytes()
        connection = NbdConnection(NbdAddress(socket=str(path)))
        assert connection.size == len(content)
        for offset, length in ((0, 512), (1 << 20, 2 << 20), (len(content) - 512, 512), (12345, 678)):
            assert connection.read(offset, length) == content[offset : offset + length]
        with pytest.raises(NbdError, match="EINVAL"):
            connection.read(len(content) - 512, 1024)
        assert connection.read(0, 512) == content[:512], "a refused read does not spoil the connection"
        connection.close()


@pytest.mark.thirdparty
def test_reading_over_tls(nbdkit: str, image: Path, tmp_path: Path) -> None:
    """S6: TLS 1.2 or newer; a server that insists on it refuses a client that speaks plain."""
    files = ensure_ca(tmp_path / "ca")
    folder = tmp_path / "pki"
    folder.mkdir()
    for name, source in (
        ("ca-cert.pem", files.ca_pem),
        ("server-cert.pem", files.cert_pem),
        ("server-key.pem", files.key_pem),
    ):
        shutil.copy(source, folder / name)
    port = _free_port()
    command = (nbdkit, "-f", "-r", "-i", "127.0.0.1", "-p", str(port), "--tls=require", f"--tls-certificates={folder}")
    with served(*command, "file", str(image), ready=port):
        trusted = NbdAddress(host="127.0.0.1", port=port, tls=client_context(str(files.ca_pem)))
        connection = NbdConnection(trusted)
        assert connection.read(4096, 4096) == image.read_bytes()[4096:8192]
        connection.close()
        with pytest.raises((NbdError, OSError)):
            NbdConnection(NbdAddress(host="127.0.0.1", port=port))


@pytest.mark.thirdparty
def test_the_reader_starts_its_own_server(lab: Lab, nbdkit: str, source: VSphereSource) -> None:
    """Design: nbdkit at the other end, started for the snapshot's disk, gone afterwards; threads share it."""
    machine = lab.uuid(VM)
    ref = source.create_snapshot(machine, "wavelift/nbd", "", False)
    snapshot = source.snapshot(machine, ref)
    path = lab.status(VM)["disks"][0]["path"]
    command = [nbdkit, "-f", "-r", "-U", "{socket}", "file", path]
    other = lab.source(reader="nbd", reader_options={"command": command})
    try:
        expected = lab.content(VM, KEY)
        with other.open_disk(machine, snapshot, KEY) as reader:
            spans = [(at, min(3 << 20, len(expected) - at)) for at in range(0, len(expected), 3 << 20)]
            with ThreadPoolExecutor(4) as pool:
                assert b"".join(pool.map(lambda span: reader.read(*span), spans)) == expected
            reader.confirm()
            with pytest.raises(Permanent, match="outside"):
                reader.read(len(expected), 512)
            source.remove_snapshot(machine, ref)
            with pytest.raises(Temporary, match="snapshot is gone"):
                reader.confirm()
    finally:
        source.remove_snapshot(machine, ref)
        other.close()


@pytest.mark.thirdparty
def test_the_reader_that_the_files_choose(
    lab: Lab, nbdkit: str, source: VSphereSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weeks, 9: `sources: reader` of the files, with its command and placeholders, is what reads the disk."""
    path = lab.status(VM)["disks"][0]["path"]
    seen = tmp_path / "words"
    script = f'echo "$@" > {seen}; exec {nbdkit} -f -r -U "$1" file {path}'
    words = ["sh", "-c", script, "sh", "{socket}", "{moref}", "{snapshot}", "{file}"]
    entry = {"vcenter": f"127.0.0.1:{lab.port}", "login": "env:VC", "tls": {"ca": lab.ca}, "reader": {"nbd": {"command": words}}}
    (tmp_path / "estate.yaml").write_text(json.dumps({"sources": {"lab": entry}}))
    sources, problems = load_sources(tmp_path, env={})
    assert not problems
    machine = lab.uuid(VM)
    ref = source.create_snapshot(machine, "wavelift/nbd-files", "", False)
    other = open_source(sources["lab"], lambda: Credentials(lab.user, lab.password))
    try:
        expected = lab.content(VM, KEY)
        with other.open_disk(machine, other.snapshot(machine, ref), KEY) as reader:
            assert reader.read(0, 1 << 20) == expected[: 1 << 20]
        _, moref, snapshot, file = seen.read_text().split(maxsplit=3)
        assert moref.startswith("vm-") and snapshot == ref and file.strip().endswith(".vmdk")
    finally:
        source.remove_snapshot(machine, ref)
        other.close()


def test_a_reader_that_is_not_installed() -> None:
    """Weeks, 9: said when the source is opened, before anything is planned, with what there is."""
    entry = Source("lab", "127.0.0.1", 1, Login(SecretRef("env", "A"), SecretRef("env", "A")), reader=Reader("vddk"))
    with pytest.raises(Permanent, match=r"no disk reader 'vddk'.*") as error:
        open_source(entry, lambda: Credentials("u", "p"))
    assert "known are https, nbd" in str(error.value.remedy)


@pytest.mark.thirdparty
@pytest.mark.parametrize("error", ["ENOMEM", "EIO"])
def test_a_host_without_buffer_memory_is_backed_off_from(
    lab: Lab, nbdkit: str, source: VSphereSource, tmp_path: Path, error: str
) -> None:
    """Pitfall 10: VDDK says ENOMEM or EIO when a host's NFC buffer is used up: waited for and read again; when that goes on
    it is `Temporary`, which ends no order and keeps what was done."""
    machine = lab.uuid(VM)
    ref = source.create_snapshot(machine, "wavelift/nbd-memory", "", False)
    full, path = tmp_path / "full", lab.status(VM)["disks"][0]["path"]
    command = [
        *(nbdkit, "-f", "-r", "-U", "{socket}", "--filter=error", "file", path),
        *(f"error-pread={error}", "error-pread-rate=100%", f"error-pread-file={full}"),
    ]
    other = lab.source(reader="nbd", reader_options={"command": command})
    try:
        with other.open_disk(machine, source.snapshot(machine, ref), KEY) as reader:
            full.touch()
            with pytest.raises(Temporary, match=error):
                reader.read(0, 4096)
            room = threading.Timer(0.2, full.unlink)  # within the reader's own patience
            room.start()
            assert reader.read(0, 4096) == lab.content(VM, KEY)[:4096]
            room.join()
    finally:
        source.remove_snapshot(machine, ref)
        other.close()


@pytest.mark.thirdparty
def test_a_smaller_export_is_another_disk(lab: Lab, nbdkit: str, source: VSphereSource, image: Path, tmp_path: Path) -> None:
    """Bad input: the wrong export is refused at opening; so is an answer from nobody."""
    machine = lab.uuid(VM)
    ref = source.create_snapshot(machine, "wavelift/nbd-small", "", False)
    snapshot = source.snapshot(machine, ref)
    path = tmp_path / "s"
    other = lab.source(reader="nbd", reader_options={"socket": str(path)})
    try:
        with pytest.raises(Temporary, match="cannot be reached"), other.open_disk(machine, snapshot, KEY):
            pass
        with (
            served(nbdkit, "-f", "-r", "-U", str(path), "file", str(image), ready=path),
            pytest.raises(Permanent, match="serves another disk"),
            other.open_disk(machine, snapshot, KEY),
        ):
            pass
    finally:
        source.remove_snapshot(machine, ref)
        other.close()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "neither socket, host nor command"),
        ({"command": ["/nowhere/nbdkit"]}, "cannot be started"),
        ({"command": ["false"]}, "did not come up"),
    ],
)
def test_options_that_lead_nowhere(lab: Lab, source: VSphereSource, options: dict[str, object], why: str) -> None:
    """Bad input: each says what to correct."""
    machine = lab.uuid(VM)
    ref = source.create_snapshot(machine, "wavelift/nbd-options", "", False)
    other = lab.source(reader="nbd", reader_options=options)
    try:
        with pytest.raises((Permanent, Temporary), match=why), other.open_disk(machine, source.snapshot(machine, ref), KEY):
            pass
    finally:
        source.remove_snapshot(machine, ref)
        other.close()


def test_a_server_that_does_not_end_is_ended(lab: Lab, source: VSphereSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """VMware's library can hang at its end: its machine's thread, and the snapshot with it, waited for ever."""
    monkeypatch.setattr("providers.vmware.readers.nbd.END_SECONDS", 0.2)
    deaf = (
        "import signal, socket, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); s = socket.socket(socket.AF_UNIX); "
        "s.bind(sys.argv[1]); s.listen()\nwhile True: s.accept()[0].close()"
    )
    machine = lab.uuid(VM)
    ref = source.create_snapshot(machine, "wavelift/nbd-deaf", "", False)
    other = lab.source(reader="nbd", reader_options={"command": [sys.executable, "-c", deaf, "{socket}"]})
    began = time.monotonic()
    try:
        with pytest.raises(PortError), other.open_disk(machine, source.snapshot(machine, ref), KEY):
            pass
    finally:
        source.remove_snapshot(machine, ref)
        other.close()
    assert time.monotonic() - began < 20
