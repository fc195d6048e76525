"""What a subnet of Azure's says of itself."""

from __future__ import annotations

from typing import Any


def ranges_of(subnet: Any) -> list[str]:
    """Its address ranges ("10.1.0.0/24"), in either of the two ways in which Azure tells them."""
    return [one for one in subnet.properties.address_prefixes or [subnet.properties.address_prefix] if one]
