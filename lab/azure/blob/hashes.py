"""MD5 as the service's headers carry it. It detects accidents here; nothing is secured by it."""

from __future__ import annotations

import base64
import hashlib


def md5(data: bytes) -> str:
    """Base64 of the MD5 hash."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
