"""The three tables of the course: their rows, their names and their columns in ``SELECT *`` order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, get_type_hints

TableName = Literal["pin", "geo", "user"]
"""How a table is called on its way: in topics, streams and Delta tables."""


@dataclass(frozen=True, slots=True)
class PinRow:
    """A row of ``pinterest_data``: the post itself. ``follower_count`` is text such as ``124k``."""

    index: int
    unique_id: str
    title: str
    description: str
    poster_name: str
    follower_count: str
    tag_list: str
    is_image_or_video: str
    image_src: str
    downloaded: int
    save_location: str
    category: str


@dataclass(frozen=True, slots=True)
class GeoRow:
    """A row of ``geolocation_data``: when the post was made (UTC, whole seconds) and where (degrees)."""

    ind: int
    timestamp: datetime
    latitude: float
    longitude: float
    country: str


@dataclass(frozen=True, slots=True)
class UserRow:
    """A row of ``user_data``: who posted. One row per post, so a user has as many rows as posts."""

    ind: int
    first_name: str
    last_name: str
    age: int
    date_joined: datetime


Row = PinRow | GeoRow | UserRow

_COLUMNS: Mapping[type, Mapping[str, type]] = {
    row_type: MappingProxyType({name: get_type_hints(row_type)[name] for name in row_type.__slots__})
    for row_type in (PinRow, GeoRow, UserRow)
}


@dataclass(frozen=True)
class Tables:
    """The rows of the three tables, each in key order."""

    pin: list[PinRow]
    geo: list[GeoRow]
    user: list[UserRow]

    def rows(self, table: TableName) -> list[PinRow] | list[GeoRow] | list[UserRow]:
        """The rows of one table, by its name."""
        rows: dict[TableName, list[PinRow] | list[GeoRow] | list[UserRow]]
        rows = {"pin": self.pin, "geo": self.geo, "user": self.user}
        return rows[table]


@dataclass(frozen=True)
class Table:
    """What a table is called and made of. ``columns`` maps each column to its Python type, in order."""

    name: TableName
    mysql_name: str
    key: str
    row_type: type[PinRow] | type[GeoRow] | type[UserRow]

    @property
    def columns(self) -> Mapping[str, type]:
        return _COLUMNS[self.row_type]


PIN = Table("pin", "pinterest_data", "index", PinRow)
GEO = Table("geo", "geolocation_data", "ind", GeoRow)
USER = Table("user", "user_data", "ind", UserRow)
TABLES: Mapping[TableName, Table] = MappingProxyType({"pin": PIN, "geo": GEO, "user": USER})
"""The tables in the order in which the course sends them."""


@dataclass(frozen=True, slots=True)
class Post:
    """What the three tables hold of one post. A table that lacks it gives None."""

    ind: int
    pin: PinRow | None
    geo: GeoRow | None
    user: UserRow | None

    def row(self, table: TableName) -> Row | None:
        """The post's row of one table, by the table's name."""
        return {"pin": self.pin, "geo": self.geo, "user": self.user}[table]


def as_values(row: Row) -> tuple[Any, ...]:
    """The row's values in column order."""
    return tuple(getattr(row, name) for name in _COLUMNS[type(row)])


def as_record(row: Row) -> dict[str, Any]:
    """The row as a JSON object: columns in order, datetimes as ISO text (``2020-08-28T03:52:47``)."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in zip(_COLUMNS[type(row)], as_values(row), strict=True)
    }


def key_of(row: Row) -> int:
    """The post's number: ``index`` of a pin row, ``ind`` of the others."""
    return row.index if isinstance(row, PinRow) else row.ind
