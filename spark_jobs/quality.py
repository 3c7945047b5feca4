"""Rules for single values, the newest of several messages, and whether the counts add up.

A rule is a pure function of a text column that returns a :class:`Checked`: the value, and the problem if there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType

BLANK = r"(?U)^\s*$"
"""Nothing but white space of any kind, a NO-BREAK SPACE included."""
INTEGER = r"^\s*[+-]?\d+(\.0*)?\s*$"
NUMBER = r"^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$"
COUNT = r"^\s*(\d+(?:\.\d+)?)\s*([kKmMbB]?)\s*$"
TIME = r"^\s*(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(?:([zZ])|([+-]\d{2}):?(\d{2}))?\s*$"
MULTIPLIERS = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
INT_MAX = 2**31 - 1
FIRST_TIME, LAST_TIME = "0001-01-01 00:00:00Z", "9999-12-31 23:59:59.999999Z"
"""What a Python datetime can hold."""


@dataclass(frozen=True)
class Checked:
    """A rule's result: the value (NULL where there is a problem), and ``missing``, ``unparsable``, ``out_of_range``
    or NULL."""

    value: Column
    problem: Column

    def or_missing(self, text: Column) -> Checked:
        """The same for a column that must have a value."""
        return Checked(self.value, F.when(is_blank(text), "missing").otherwise(self.problem))


def is_blank(text: Column) -> Column:
    """Whether a text is missing, empty, or nothing but white space."""
    return text.isNull() | text.rlike(BLANK)


def text_or_null(text: Column, *placeholders: str) -> Column:
    """A text as it is; NULL when it is blank or one of the placeholders."""
    return F.when(is_blank(text) | text.isin(*placeholders), F.lit(None)).otherwise(text)


def required_text(text: Column) -> Checked:
    """A text that must be there."""
    return Checked(text_or_null(text), _nothing()).or_missing(text)


def integer(text: Column, least: int, most: int) -> Checked:
    """An integer in a range; ``5``, ``" 5 "`` and ``5.0`` are the integer 5."""
    digits = F.regexp_extract(text, r"([+-]?\d+)", 1)
    value = digits.try_cast("decimal(38,0)")  # more digits than that are out of any range
    return _checked(text, INTEGER, value, value.between(least, most), "int")


def number(text: Column, least: float, most: float) -> Checked:
    """A number in a range, as a double; ``NaN`` and ``Infinity`` are no numbers."""
    value = F.trim(text).try_cast("double")
    return _checked(text, NUMBER, value, value.between(least, most), "double")


def follower_count(text: Column) -> Checked:
    """``940``, ``124k``, ``1.2k``, ``2M``, ``1B``, in either case, to an int; half up where it is no integer."""
    factor = F.lower(F.regexp_extract(text, COUNT, 2))
    times = F.lit(1)
    for suffix, multiplier in MULTIPLIERS.items():
        times = F.when(factor == suffix, multiplier).otherwise(times)
    value = F.round(F.regexp_extract(text, COUNT, 1).try_cast("decimal(20,9)") * times.cast("decimal(10,0)"), 0)
    return _checked(text, COUNT, value, value.between(0, INT_MAX), "int")


def utc(text: Column) -> Checked:
    """A time: date, ``T`` or a blank, time, perhaps a fraction, perhaps ``Z`` or an offset; UTC where it names none."""
    offset = F.when(
        F.regexp_extract(text, TIME, 4) != "",
        F.concat(F.regexp_extract(text, TIME, 4), F.lit(":"), F.regexp_extract(text, TIME, 5)),
    ).otherwise("Z")
    iso = F.concat(F.regexp_extract(text, TIME, 1), F.lit("T"), F.regexp_extract(text, TIME, 2), offset)
    value = iso.try_cast("timestamp")
    held = value.between(F.lit(FIRST_TIME).cast("timestamp"), F.lit(LAST_TIME).cast("timestamp"))
    # a form that is right and a day that does not exist is no time either
    return _checked(text, TIME, value, held, "timestamp", missing_value="unparsable")


def _checked(
    text: Column, form: str, value: Column, in_range: Column, kind: str, missing_value: str = "out_of_range"
) -> Checked:
    """``unparsable`` where the text has not the form, ``out_of_range`` where the value is not in the range."""
    problem = (
        F.when(is_blank(text), _nothing())
        .when(~text.rlike(form), "unparsable")
        .when(value.isNull(), missing_value)
        .when(~in_range, "out_of_range")
    )
    # guarded, because a cast of what is out of range is an error in ANSI mode
    return Checked(F.when(problem.isNull() & ~is_blank(text), value.try_cast(kind)), problem)


def _nothing() -> Column:
    return F.lit(None).cast("string")


def recency(source: StructType) -> list[Column]:
    """What to sort messages of one key by, the newest first, by their coordinate.

    Kafka: the highest offset, then partition. Kinesis: the highest sequence number, as the integer that it is; a child
    shard's are higher than its parent's.
    """
    if "offset" in source.names:
        return [F.col("_source.offset").desc(), F.col("_source.partition").desc(), F.col("_source.topic").desc()]
    sequence = F.col("_source.sequence")
    return [F.length(sequence).desc(), sequence.desc(), F.col("_source.shard").desc()]


def newest(rows: DataFrame, key: str) -> tuple[DataFrame, DataFrame]:
    """Split rows with a ``_source`` into the newest of each key and the others."""
    source = rows.schema["_source"].dataType
    ranked = rows.withColumn("_rank", F.row_number().over(Window.partitionBy(key).orderBy(*recency(source))))  # type: ignore[arg-type]
    return ranked.where("_rank = 1").drop("_rank"), ranked.where("_rank > 1").drop("_rank")


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
