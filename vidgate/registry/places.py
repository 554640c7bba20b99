"""Where channels may be: the box around what the site looks after."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vidgate.model.channel import Channel


@dataclass(frozen=True, slots=True)
class Place:
    """West, south, east and north in degrees of WGS-84; the whole earth where nothing is set."""

    west: float = -180.0
    south: float = -90.0
    east: float = 180.0
    north: float = 90.0

    def mistakes(self, values: Mapping[str, Any], current: Channel | None) -> list[tuple[str, str]]:
        """(field, sentence) where a row moves a channel out of the box.

        A channel that stands outside already, from before the box was drawn, is left in peace.
        """
        longitude, latitude = values.get("longitude"), values.get("latitude")
        if longitude is None or latitude is None or (longitude, latitude) == (0, 0):
            return []  # said elsewhere
        if current and (current.longitude, current.latitude) == (longitude, latitude):
            return []
        if self._holds(longitude, latitude):
            return []
        if self._holds(latitude, longitude):
            return [("longitude", "经度和纬度填反了")]
        name = "latitude" if self.west <= longitude <= self.east else "longitude"
        return [(name, f"坐标在设定范围 {self} 之外，请核对（设置 registry.box）")]

    def _holds(self, longitude: float, latitude: float) -> bool:
        return self.west <= longitude <= self.east and self.south <= latitude <= self.north

    def __str__(self) -> str:
        return f"经度 {self.west:g} 到 {self.east:g}、纬度 {self.south:g} 到 {self.north:g}"
