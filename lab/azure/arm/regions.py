"""Azure's regions: name and display name, and which of them have availability zones."""

from __future__ import annotations

from lab.azure.arm.errors import ArmError

_WITH_ZONES = {
    "australiaeast": "Australia East",
    "brazilsouth": "Brazil South",
    "canadacentral": "Canada Central",
    "centralindia": "Central India",
    "centralus": "Central US",
    "eastasia": "East Asia",
    "eastus": "East US",
    "eastus2": "East US 2",
    "francecentral": "France Central",
    "germanywestcentral": "Germany West Central",
    "israelcentral": "Israel Central",
    "italynorth": "Italy North",
    "japaneast": "Japan East",
    "japanwest": "Japan West",
    "koreacentral": "Korea Central",
    "mexicocentral": "Mexico Central",
    "newzealandnorth": "New Zealand North",
    "northeurope": "North Europe",
    "norwayeast": "Norway East",
    "polandcentral": "Poland Central",
    "qatarcentral": "Qatar Central",
    "southafricanorth": "South Africa North",
    "southcentralus": "South Central US",
    "southeastasia": "Southeast Asia",
    "spaincentral": "Spain Central",
    "swedencentral": "Sweden Central",
    "switzerlandnorth": "Switzerland North",
    "uaenorth": "UAE North",
    "uksouth": "UK South",
    "westeurope": "West Europe",
    "westus2": "West US 2",
    "westus3": "West US 3",
}
_WITHOUT_ZONES = {
    "australiacentral": "Australia Central",
    "australiasoutheast": "Australia Southeast",
    "canadaeast": "Canada East",
    "francesouth": "France South",
    "germanynorth": "Germany North",
    "koreasouth": "Korea South",
    "northcentralus": "North Central US",
    "norwaywest": "Norway West",
    "southafricawest": "South Africa West",
    "southindia": "South India",
    "switzerlandwest": "Switzerland West",
    "uaecentral": "UAE Central",
    "ukwest": "UK West",
    "westcentralus": "West Central US",
    "westindia": "West India",
    "westus": "West US",
}
REGIONS: dict[str, str] = dict(sorted({**_WITH_ZONES, **_WITHOUT_ZONES}.items()))


def normal(location: str) -> str:
    """`West Europe` and `westeurope` are the same region."""
    return location.lower().replace(" ", "")


def zones(location: str) -> tuple[str, ...]:
    """The zones of a region, () where it has none."""
    return ("1", "2", "3") if location in _WITH_ZONES else ()


def require_region(location: str, resource_type: str) -> str:
    """The normal name of a region. Raises ArmError 400 for what is no region."""
    name = normal(location)
    if name in REGIONS:
        return name
    group = resource_type == "Microsoft.Resources/resourceGroups"
    what = "resource group" if group else f"resource type '{resource_type}'"
    raise ArmError(
        400,
        "LocationNotAvailableForResourceGroup" if group else "LocationNotAvailableForResourceType",
        f"The provided location '{location}' is not available for {what}. "
        f"List of available regions is '{','.join(REGIONS)}'.",
    )


def check_zones(given: list[object], location: str, what: str) -> list[str]:
    """The zones of a request, checked against the region. Raises ArmError 400 InvalidAvailabilityZone."""
    allowed = zones(location)
    wrong = [zone for zone in given if zone not in allowed]
    if wrong or len(given) > 1:
        raise ArmError(
            400,
            "InvalidAvailabilityZone",
            f"The zone(s) '{','.join(map(str, given))}' for resource '{what}' is not supported. "
            f"The supported zones for location '{location}' are '{','.join(allowed)}'; one zone at most.",
        )
    return [str(zone) for zone in given]
