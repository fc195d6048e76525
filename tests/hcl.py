"""Terraform's language read by a parser that nobody here wrote (python-hcl2)."""

from __future__ import annotations

from typing import Any

from tests.thirdparty import missing


def read_hcl(text: str) -> Any:
    """Blocks as lists of mappings, strings without their quotes, expressions without `${}`; comments left out."""
    try:
        import hcl2
    except ImportError:
        missing("python-hcl2 is not installed (make test installs it)")
    return _plain(hcl2.loads(text))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items() if k not in ("__comments__", "__is_block__")}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, str):
        return value[2:-1] if value.startswith("${") else value.strip('"')
    return value
