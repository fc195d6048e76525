"""Fixtures: the lab's Azure and the estate in it."""

from __future__ import annotations

import pytest

from tests.azure.support import LabAzure, World, lab, world


@pytest.fixture(scope="session")
def azure_lab() -> LabAzure:
    return lab()


@pytest.fixture(scope="session")
def azure_world() -> World:
    return world()
