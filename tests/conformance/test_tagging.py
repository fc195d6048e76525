"""One suite for vSphere's tagging service over REST: the lab's vCenter, and govmomi's vcsim, which nobody here wrote."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.secrets import Credentials
from providers.vmware.source import VSphereSource
from providers.vmware.tags import Tagging, tagging
from providers.vmware.tls import Endpoint
from replication.model.errors import Denied, NotFound, Permanent
from tests.thirdparty import missing
from tests.vmware.support import running_lab, running_vcsim, vcsim
from tests.vmware.tagged import Subject


@pytest.fixture(scope="module", params=["lab", "vcsim"])
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    folder: Path = tmp_path_factory.mktemp(f"tagging-{request.param}")
    if request.param == "lab":
        with running_lab(folder) as lab:
            yield Subject(lab.endpoint(), Credentials(lab.user, lab.password), lab=True)
        return
    program = vcsim()
    if program is None:
        missing("govmomi's vcsim is neither in $WAVELIFT_VCSIM nor in PATH")
    with running_vcsim(program, folder) as endpoint:
        yield Subject(endpoint, Credentials("user", "pass"))


def test_tags_by_category_and_what_carries_them(subject: Subject) -> None:
    """W3: every tag once, under its category; VMs by reference, and other objects counted."""
    refs = sorted(subject.refs())
    waves, owners = subject.category("wave"), subject.category("owner/team")
    subject.tag(waves, "pilot", *(("VirtualMachine", ref) for ref in refs[:2]))
    subject.tag(waves, "shop", ("VirtualMachine", refs[0]), ("Folder", subject.folder()))
    subject.tag(owners, "pilot")
    with tagging(subject.endpoint, subject.credentials) as service:
        tags = {str(tag): tag for tag in service.tags()}
        assert list(tags) == ["owner/team/pilot", "wave/pilot", "wave/shop"]
        assert service.attached(tags["wave/pilot"]).machines == set(refs[:2])
        assert service.attached(tags["owner/team/pilot"]).machines == frozenset()
        shop = service.attached(tags["wave/shop"])
        assert refs[0] in shop.machines and len(shop.machines) + shop.others == 2


def test_references_are_uuids_and_one_that_is_gone_is_left_out(subject: Subject) -> None:
    """Tags name managed objects, the estate names instance uuids."""
    refs = subject.refs()
    source = VSphereSource(subject.endpoint, lambda: subject.credentials)
    try:
        some = sorted(refs)[:2]
        assert source.uuids(frozenset({*some, "vm-gone"})) == {refs[ref] for ref in some}
    finally:
        source.close()


def test_the_session_is_deleted_afterwards(subject: Subject) -> None:
    """A REST session is a login like any other: none is left, also when what was asked for failed."""
    with pytest.raises(ZeroDivisionError), tagging(subject.endpoint, subject.credentials) as service:
        held = service._session
        assert held and held not in repr(service)
        raise ZeroDivisionError
    late = Tagging(subject.endpoint)
    late._session = held
    with pytest.raises((Denied, NotFound)):
        late.tags()


def test_a_wrong_password_is_told_without_it(subject: Subject) -> None:
    """vcsim takes any name and password but empty ones."""
    wrong = Credentials(subject.credentials.user, "s3cret-and-wrong") if subject.lab else Credentials("", "")
    with pytest.raises(Denied) as told, tagging(subject.endpoint, wrong):
        pass
    assert "s3cret" not in str(told.value) and "login of source" in str(told.value)


def test_another_certificate_is_refused(subject: Subject) -> None:
    """TLS rules are the source's: the thumbprint or CA that it names, and no other."""
    other = Endpoint("other", subject.endpoint.host, subject.endpoint.port, thumbprint="00" * 32)
    with pytest.raises((Permanent, ssl.SSLError)), tagging(other, subject.credentials):
        pass
