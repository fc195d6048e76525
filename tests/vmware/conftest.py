"""One lab vCenter for all tests of the provider; each test uses VMs of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.vmware.source import VSphereSource
from tests.vmware.support import Lab, running_lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("vmware-lab")) as started:
        yield started


@pytest.fixture(scope="session")
def source(lab: Lab) -> Iterator[VSphereSource]:
    made = lab.source(busy=20.0)
    yield made
    made.close()


@pytest.fixture
def faults(lab: Lab) -> Iterator[Lab]:
    """The lab, with every ordered fault taken back afterwards."""
    yield lab
    lab.healthy()
