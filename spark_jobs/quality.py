"""Rules for single values, the newest of several messages, and whether the counts add up.

A rule is a pure function of a text column: :func:`whole`, :func:`number`, :func:`followers` and :func:`utc` return the
value, NULL where the text is not of that form, and :class:`Limits` say which values are in range. Texts are NULL where
they are missing (:func:`known`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType

BLANK = r"(?U)^\s*$"
"""Nothing, or nothing but white space of any kind: NO-BREAK SPACE and line feeds too."""
NUMBER = r"^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$"
TOO_LARGE = ('"Infinity"', '"-Infinity"')
"""How Spark's JSON reader gives a number such as 1e400 as a text."""
COUNT = r"^\s*([+-]?\d+(?:\.\d+)?)\s*([kKmMbB]?)\s*$"
MULTIPLIERS = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
TIME = r"^\s*(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2}(?:\.\d+)?) ?(?:[zZ]|([+-]\d{2})(?::?(\d{2}))?)?\s*$"
INT_MAX = 2**31 - 1


@dataclass(frozen=True)
class Rule:
    """What a text must be: ``parse`` it, then it is ``least`` to ``most``, and of the SQL type ``kind``."""

    parse: Callable[[Column], Column]
    least: float | str
    most: float | str
    kind: str

    def holds(self, parsed: Column) -> Column:
        """Whether a parsed value is in range."""
        return parsed.between(*(F.lit(end).try_cast(self.kind) for end in (self.least, self.most)))


def is_blank(text: Column) -> Column:
    """Whether a text is missing, empty, or nothing but white space."""
    return text.isNull() | text.rlike(BLANK)


def known(text: Column, *placeholders: str) -> Column:
    """A text as it is; NULL when it is blank or one of the placeholders."""
    return F.when(~is_blank(text) & ~text.isin(*placeholders), text)


def number(text: Column) -> Column:
    """A number as a double. ``NaN`` and ``Infinity`` are no numbers; ``1e400`` is one, and infinite."""
    return F.when(text.rlike(NUMBER), text.try_cast("double")).when(text.isin(*TOO_LARGE), F.lit(float("inf")))


def whole(text: Column) -> Column:
    """A number without a fraction, as a double: ``5``, ``" 5 "``, ``5.0`` and ``5e0`` are the integer 5."""
    value = number(text)
    return F.when(F.rint(value) == value, value)


def followers(text: Column) -> Column:
    """``940``, ``124k``, ``1.2k``, ``2M``, ``1B``, in either case, as a decimal without a fraction; half up."""
    suffix = F.lower(F.regexp_extract(text, COUNT, 2))
    times = F.lit(1)
    for letter, multiplier in MULTIPLIERS.items():
        times = F.when(suffix == letter, multiplier).otherwise(times)
    digits = F.regexp_extract(text, COUNT, 1).try_cast("decimal(20,9)")
    too_many = F.lit(INT_MAX + 1).cast("decimal(20,9)")
    value = F.round(F.coalesce(digits, too_many) * times.cast("decimal(10,0)"), 0)
    return F.when(text.rlike(COUNT), value)


def utc(text: Column) -> Column:
    """A time: date, ``T`` or a blank, time, perhaps a fraction, perhaps ``Z`` or an offset; UTC where it names none.

    NULL for a day that does not exist.
    """
    hours, minutes = F.regexp_extract(text, TIME, 3), F.regexp_extract(text, TIME, 4)
    zone = F.when(hours == "", "Z").otherwise(F.concat(hours, F.lit(":"), F.rpad(minutes, 2, "0")))
    # with a zone in the text the session's time zone has no say
    iso = F.concat(F.regexp_extract(text, TIME, 1), F.lit("T"), F.regexp_extract(text, TIME, 2), zone)
    return F.when(text.rlike(TIME), iso.try_cast("timestamp"))


KEY = Rule(whole, 0, INT_MAX, "int")
FOLLOWERS = Rule(followers, 0, INT_MAX, "int")
AGE = Rule(whole, 0, 150, "int")
LATITUDE = Rule(number, -90, 90, "double")
LONGITUDE = Rule(number, -180, 180, "double")
# what a Python datetime can hold, too
MOMENT = Rule(utc, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "timestamp")


def recency(source: StructType) -> list[Column]:
    """What to sort messages of one key by, the newest first, by their coordinate.

    Kafka: the highest offset, then partition. Kinesis: the highest sequence number, as the integer that it is; a child
    shard's are higher than its parent's.
    """
    if "offset" in source.names:
        return [F.col("_source.offset").desc(), F.col("_source.partition").desc(), F.col("_source.topic").desc()]
    sequence = F.col("_source.sequence")
    return [F.length(sequence).desc(), sequence.desc(), F.col("_source.shard").desc()]


def ranks(rows: DataFrame, key: str) -> DataFrame:
    """Rows with a ``_source``, and one more column: ``_rank``, 1 for the newest of each key."""
    source = rows.schema["_source"].dataType
    order = Window.partitionBy(key).orderBy(*recency(source))  # type: ignore[arg-type]
    return rows.withColumn("_rank", F.row_number().over(order))


@dataclass(frozen=True)
class Conservation:
    """A table's messages by where they are, each counted on its own from source coordinates.

    ``repeats`` are messages whose bytes equal an earlier one's; they are among the others, too.
    """

    table: str
    read: int
    clean: int
    superseded: int
    quarantined: int
    repeats: int

    @property
    def holds(self) -> bool:
        """Whether nothing vanished and nothing was made up."""
        return self.read == self.clean + self.superseded + self.quarantined

    def __str__(self) -> str:
        sign = "=" if self.holds else "is NOT"
        return (
            f"{self.read} read {sign} {self.clean} clean + {self.superseded} superseded + {self.quarantined} "
            f"quarantined; {self.repeats} are repeats"
        )
