"""The generated tables, made once per test process, and small things that tests ask of them."""

from __future__ import annotations

from functools import cache

from producer.generate import generate
from producer.tables import Tables, UserRow


def tables(rows: int = 11_154) -> Tables:
    return _tables(rows)


@cache
def _tables(rows: int) -> Tables:
    return generate(rows)


def share(part: int, rows: int = 11_154) -> float:
    """A number of rows in percent, with the two decimals that the measured shares have."""
    return round(100 * part / rows, 2)


def user_of(row: UserRow) -> tuple[object, ...]:
    """What makes a user, for two may share a name."""
    return f"{row.first_name} {row.last_name}", row.age, row.date_joined


def age_group(age: int) -> str:
    return "18-24" if age <= 24 else "25-35" if age <= 35 else "36-50" if age <= 50 else "+50"


def followers(count: str) -> int | None:
    """A generated follower count as a number; None for the placeholder."""
    if count == "User Info Error":
        return None
    return int(count.rstrip("kM")) * {"k": 1000, "M": 1_000_000}.get(count[-1], 1)
