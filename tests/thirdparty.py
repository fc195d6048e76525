"""Servers that nobody here wrote. Where one is missing its tests are skipped with the reason; in CI, which installs them
(`.ci/run`), a missing one is a failure."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip here, fail in CI."""
    if os.environ.get("CI") == "true" and os.environ.get("WAVELIFT_THIRDPARTY") != "optional":
        pytest.fail(f"{reason}; CI has to install it (.ci/run)")
    pytest.skip(reason)
