"""The regions that this Azure has: names and facts of real ones (recorded answer of ``/locations``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aca_local.state import JsonObject


class Region(NamedTuple):
    """A region; ``paired`` is the name of the one it is paired with."""

    name: str
    display: str
    geography: str
    longitude: str
    latitude: str
    city: str
    paired: str


REGIONS = (
    Region("eastus", "East US", "US", "-79.8164", "37.3719", "Virginia", "westus"),
    Region("eastus2", "East US 2", "US", "-78.3889", "36.6681", "Virginia", "centralus"),
    Region("southcentralus", "South Central US", "US", "-98.5", "29.4167", "Texas", "northcentralus"),
    Region("westus2", "West US 2", "US", "-119.852", "47.233", "Washington", "westcentralus"),
    Region("westus3", "West US 3", "US", "-112.074036", "33.448376", "Phoenix", "eastus"),
    Region(
        "australiaeast",
        "Australia East",
        "Asia Pacific",
        "151.2094",
        "-33.86",
        "New South Wales",
        "australiasoutheast",
    ),
    Region("southeastasia", "Southeast Asia", "Asia Pacific", "103.833", "1.283", "Singapore", "eastasia"),
    Region("northeurope", "North Europe", "Europe", "-6.2597", "53.3478", "Ireland", "westeurope"),
    Region("swedencentral", "Sweden Central", "Europe", "17.14127", "60.67488", "Gävle", "swedensouth"),
    Region("westeurope", "West Europe", "Europe", "4.9", "52.3667", "Netherlands", "northeurope"),
    Region("uksouth", "UK South", "Europe", "-0.799", "50.941", "London", "ukwest"),
    Region("centralus", "Central US", "US", "-93.6208", "41.5908", "Iowa", "eastus2"),
    Region("northcentralus", "North Central US", "US", "-87.6278", "41.8819", "Illinois", "southcentralus"),
    Region("westus", "West US", "US", "-122.417", "37.783", "California", "eastus"),
    Region("japaneast", "Japan East", "Asia Pacific", "139.77", "35.68", "Tokyo, Saitama", "japanwest"),
    Region("canadacentral", "Canada Central", "Canada", "-79.383", "43.653", "Toronto", "canadaeast"),
    Region("francecentral", "France Central", "Europe", "2.373", "46.3772", "Paris", "francesouth"),
    Region(
        "germanywestcentral",
        "Germany West Central",
        "Europe",
        "8.682127",
        "50.110924",
        "Frankfurt",
        "germanynorth",
    ),
)

NAMES = tuple(one.display for one in REGIONS)


def canonical(location: str) -> str:
    """Return ``eastus`` for ``East US``, as ARM compares locations."""
    return location.replace(" ", "").lower()


def display(location: str) -> str:
    """Return ``East US`` for ``eastus``, as Microsoft.App writes a resource's location."""
    found = next((one.display for one in REGIONS if one.name == canonical(location)), None)
    return found or location


def known(location: str) -> bool:
    """Return True if there is such a region here."""
    return any(one.name == canonical(location) for one in REGIONS)


def listing(subscription: str) -> list[JsonObject]:
    """Return the value of ``GET /subscriptions/{s}/locations``."""
    return [_region(subscription, one) for one in REGIONS]


def _region(subscription: str, one: Region) -> JsonObject:
    base = f"/subscriptions/{subscription}/locations"
    return {
        "id": f"{base}/{one.name}",
        "name": one.name,
        "type": "Region",
        "displayName": one.display,
        "regionalDisplayName": f"({one.geography}) {one.display}",
        "metadata": {
            "regionType": "Physical",
            "regionCategory": "Recommended",
            "geographyGroup": one.geography,
            "longitude": one.longitude,
            "latitude": one.latitude,
            "physicalLocation": one.city,
            "pairedRegion": [{"name": one.paired, "id": f"{base}/{one.paired}"}],
        },
    }
