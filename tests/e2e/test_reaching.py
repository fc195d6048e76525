"""Issue 4, doctor: what one server looks like from a host, each fault on the way to it with what to do."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wavelift.reaching import Finding, Place, reach


def certificate(folder: Path, name: str, days: int) -> tuple[Path, Path]:
    """A self-signed one for `name` that ends in so many days: its file, its key's."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - datetime.timedelta(9)).not_valid_after(now + datetime.timedelta(days))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return files


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that gives each connection to `answer`."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    taken, _ = server.accept()
                except OSError:  # the test is over
                    return
                with taken, suppress(OSError):
                    answer(taken)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@contextmanager
def https(files: tuple[Path, Path]) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)

    def answer(taken: socket.socket) -> None:
        with context.wrap_socket(taken, server_side=True) as secure:
            secure.recv(4096)
            date = datetime.datetime.now(datetime.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
            secure.sendall(f"HTTP/1.1 200 OK\r\nDate: {date}\r\n\r\n".encode())

    with listening(answer) as port:
        yield port


def looked(port: int, ca: Path, host: str = "localhost") -> list[Finding]:
    return list(reach(Place("Azure", host, port, str(ca))))


def faults(found: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.check, one.detail, one.todo) for one in found if one.state == "bad"]


def test_a_certificate_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    """Untrusted, out of date, of another name, and a CA file that is none: four faults, four remedies."""
    (tmp_path / "old").mkdir()
    good, old = certificate(tmp_path, "localhost", 9), certificate(tmp_path / "old", "localhost", -1)
    with https(good) as port:
        found = looked(port, good[0])
        assert [one.check for one in found] == ["name", "port", "certificate", "clock"] and faults(found) == []
        [(_, detail, todo)] = faults(looked(port, good[0], "127.0.0.1"))
        assert "IP address mismatch" in detail and "by a name that stands in its certificate" in todo
        [(_, detail, todo)] = faults(looked(port, tmp_path / "none.pem"))
        assert detail == f"the CA file {tmp_path}/none.pem is not there" and "PEM" in todo
        (tmp_path / "none.pem").write_text("nonsense")
        assert "holds no certificate" in faults(looked(port, tmp_path / "none.pem"))[0][1]
        [(_, detail, todo)] = faults(looked(port, old[0]))
        assert "is not trusted" in detail and "authority as `ca`" in todo
    with https(old) as port:
        [(_, detail, todo)] = faults(looked(port, old[0]))
        assert "expired" in detail and "Renew" in todo and "NTP" in todo


def test_a_server_without_tls(tmp_path: Path) -> None:
    """An inspecting firewall, or a wrong port: something answers that is no TLS."""
    with listening(lambda taken: taken.sendall(b"220 smtp ready\r\n")) as port:
        [(check, detail, todo)] = faults(looked(port, certificate(tmp_path, "localhost", 9)[0]))
        assert check == "certificate" and "TLS fails" in detail and "firewall" in todo


def test_a_proxy_is_gone_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses, wants a login, is not there, or lets us through to a server that is then looked at; no password is told."""
    good, asked, answers = certificate(tmp_path, "localhost", 9), list[bytes](), list[bytes]()
    refusals = {"403 Forbidden": b"HTTP/1.1 403 Forbidden\r\n\r\n", "407": b"HTTP/1.1 407 Who are you\r\n\r\n"}
    monkeypatch.setenv("NO_PROXY", "")
    with https(good) as port:

        def proxy(taken: socket.socket) -> None:
            asked.append(taken.recv(4096))
            if answers:
                taken.sendall(answers[0])
                return
            with socket.create_connection(("127.0.0.1", port)) as there:
                taken.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pump, args=(there, taken))
                back.start()
                pump(taken, there)
                back.join(5)

        with listening(proxy) as at:
            monkeypatch.setenv("HTTPS_PROXY", f"http://kim:hunter2%21@127.0.0.1:{at}")
            for says, answer in refusals.items():
                answers[:] = [answer]
                [(check, detail, todo)] = faults(looked(port, good[0]))
                assert check == "proxy" and says in detail and f"localhost:{port}" in todo
            answers.clear()
            found = looked(port, good[0])
            assert [(one.check, one.state) for one in found] == [("proxy", "ok"), ("certificate", "ok"), ("clock", "ok")]
            assert b"Proxy-Authorization: Basic a2ltOmh1bnRlcjIh\r\n" in asked[-1], "kim:hunter2!"
            assert "hunter2" not in str(found) and "a2lt" not in str(found)
        [(check, detail, _)] = faults(looked(port, good[0]))
        assert check == "proxy" and "cannot be reached" in detail and "hunter2" not in detail


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
