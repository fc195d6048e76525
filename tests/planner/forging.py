"""Plan files that were changed by somebody who knows how they are sealed."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any


def resealed(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file with `change` made to the plan in it, and digests that fit."""
    document = json.loads(data)
    change(document["plan"])
    text = json.dumps(document["plan"]).encode()
    head, tail = data.partition(b'"checksum"')[0], data[data.rfind(b'\n,"where"') :]
    head = head.replace(document["digest"].encode(), sha256(text).hexdigest().encode())
    checksum = sha256(head + tail).hexdigest()
    return head + f'"checksum":"{checksum}","plan":\n'.encode() + text + tail
