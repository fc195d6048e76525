"""Fixtures: the lab's Azure and the estate in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from planner.ports import ResourceRef
from tests.azure.refs import HERE
from tests.azure.support import LabAzure, World, fresh, lab, world


@pytest.fixture(scope="session")
def azure_lab() -> LabAzure:
    return lab()


@pytest.fixture(scope="session")
def azure_world() -> World:
    return world()


@pytest.fixture
def group(azure_world: World) -> Iterator[ResourceRef]:
    """A resource group of its own, gone afterwards."""
    name = fresh("rg-")
    ref = azure_world.ref("resource_group", name, f"/subscriptions/{azure_world.lab.subscription}/resourceGroups/{name}")
    azure_world.artifacts.create(ref, HERE)
    yield ref
    azure_world.session.resources(azure_world.lab.subscription).resource_groups.begin_delete(name).result()
