"""Virtual machine sizes: families with vCPUs, memory, data disks, NICs and generations, in every region."""

from __future__ import annotations

from dataclasses import dataclass

from lab.azure.settings import Values


@dataclass(frozen=True, slots=True)
class Size:
    """One size. `memory` in MiB; `family` as quotas name it."""

    name: str
    family: str
    cores: int
    memory: int
    data_disks: int
    nics: int
    generations: tuple[str, ...] = ("V1", "V2")
    premium: bool = True
    trusted_launch: bool = True


@dataclass(frozen=True, slots=True)
class _Series:
    pattern: str
    family: str
    gib_per_core: float
    cores: tuple[int, ...]
    generations: tuple[str, ...] = ("V1", "V2")
    premium: bool = True


_COMMON = (2, 4, 8, 16, 32, 48, 64, 96)
_SERIES = (
    _Series("Standard_D{}s_v3", "standardDSv3Family", 4, (2, 4, 8, 16, 32, 48, 64)),
    _Series("Standard_D{}_v5", "standardDv5Family", 4, _COMMON, premium=False),
    _Series("Standard_D{}s_v4", "standardDSv4Family", 4, (2, 4, 8, 16, 32, 48, 64)),
    _Series("Standard_D{}s_v5", "standardDSv5Family", 4, _COMMON),
    _Series("Standard_D{}ds_v5", "standardDDSv5Family", 4, _COMMON),
    _Series("Standard_D{}as_v5", "standardDASv5Family", 4, _COMMON),
    _Series("Standard_E{}s_v3", "standardESv3Family", 8, (2, 4, 8, 16, 32, 48, 64)),
    _Series("Standard_E{}s_v5", "standardESv5Family", 8, _COMMON),
    _Series("Standard_E{}ds_v5", "standardEDSv5Family", 8, _COMMON),
    _Series("Standard_E{}as_v5", "standardEASv5Family", 8, _COMMON),
    _Series("Standard_F{}s_v2", "standardFSv2Family", 2, (2, 4, 8, 16, 32, 48, 64, 72)),
    _Series("Standard_D{}s_v6", "standardDSv6Family", 4, _COMMON, generations=("V2",)),
    _Series("Standard_E{}s_v6", "standardESv6Family", 8, _COMMON, generations=("V2",)),
)
_SINGLE = (
    Size("Standard_B1s", "standardBSFamily", 1, 1024, 2, 2),
    Size("Standard_B1ms", "standardBSFamily", 1, 2048, 2, 2),
    Size("Standard_B2s", "standardBSFamily", 2, 4096, 4, 3),
    Size("Standard_B2ms", "standardBSFamily", 2, 8192, 4, 3),
    Size("Standard_B4ms", "standardBSFamily", 4, 16384, 8, 4),
    Size("Standard_B2ts_v2", "standardBsv2Family", 2, 1024, 4, 2),
    Size("Standard_B2ls_v2", "standardBsv2Family", 2, 4096, 4, 2),
    Size("Standard_B2s_v2", "standardBsv2Family", 2, 8192, 4, 2),
    Size("Standard_B4s_v2", "standardBsv2Family", 4, 16384, 8, 2),
    Size("Standard_B8s_v2", "standardBsv2Family", 8, 32768, 16, 4),
    Size("Standard_DS1_v2", "standardDSv2Family", 1, 3584, 4, 2),
    Size("Standard_DS2_v2", "standardDSv2Family", 2, 7168, 8, 2),
    Size("Standard_DS3_v2", "standardDSv2Family", 4, 14336, 16, 4),
    Size("Standard_M8ms", "standardMSFamily", 8, 224000, 8, 4, trusted_launch=False),
    Size("Standard_A1_v2", "standardAv2Family", 1, 2048, 2, 2, ("V1",), premium=False),
    Size("Standard_A2_v2", "standardAv2Family", 2, 4096, 4, 2, ("V1",), premium=False),
)
_DATA_DISKS = {2: 4, 4: 8, 8: 16, 16: 32}
_NICS = {2: 2, 4: 2, 8: 4}


def _of(series: _Series, cores: int) -> Size:
    return Size(
        series.pattern.format(cores),
        series.family,
        cores,
        int(cores * series.gib_per_core * 1024),
        _DATA_DISKS.get(cores, 32),
        _NICS.get(cores, 8),
        series.generations,
        series.premium,
    )


SIZES: dict[str, Size] = {
    size.name.lower(): size for size in (*_SINGLE, *(_of(series, cores) for series in _SERIES for cores in series.cores))
}
FAMILIES: tuple[str, ...] = tuple(sorted({size.family for size in SIZES.values()}))


def limit(values: Values, location: str, family: str) -> int:
    """The vCPU quota of a family (or "cores", all together) in a region."""
    quotas = values.quotas
    return quotas.get(f"{location}/{family}".lower(), quotas.get(family.lower(), values.default_quota))


def restriction(values: Values, location: str, size: Size) -> str | None:
    """The error code with which a size cannot be had in a region; None when it can."""
    name = size.name.lower()
    return values.restricted_sizes.get(f"{location}/{name}", values.restricted_sizes.get(name))


def missing_zones(values: Values, location: str, size: Size) -> list[str]:
    """The zones of a region in which a size is not offered."""
    name = size.name.lower()
    return values.restricted_zones.get(f"{location}/{name}", values.restricted_zones.get(name, []))
