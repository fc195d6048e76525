"""The world that a test of the engine gets unless its file makes another."""

from __future__ import annotations

import pytest

from tests.engine.setups import written_to
from tests.fakes.world import World


@pytest.fixture
def world() -> World:
    return written_to()
