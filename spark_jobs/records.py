"""From a message's bytes to its fields: strict JSON (RFC 8259), one object, or the reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructField, StructType

if TYPE_CHECKING:
    from pyspark.sql import Column

# Spark's JSON reader is lenient by default
STRICT = {
    "allowSingleQuotes": "false",
    "allowNonNumericNumbers": "false",
    "allowUnquotedControlChars": "false",
    "columnNameOfCorruptRecord": "_corrupt",
}


def record(raw: Column, fields: Sequence[str]) -> Column:
    """A struct of ``problem`` and ``fields``.

    ``problem`` is ``record:empty`` (no bytes), ``record:not_json``, ``record:not_an_object``, or NULL; then
    ``fields`` holds the text of each field, NULL where it is missing or null. Of a repeated key the last one counts;
    a number keeps its value, a nested object or array its JSON text.
    """
    text = F.try_validate_utf8(raw.cast("string"))
    # The reader stops after the first value and ignores what follows. Wrapped in an array, a text that is more than
    # one value makes more than one element or breaks it, unless it closes the array itself; then it breaks the object
    # of the second wrapping. What passes both is exactly one value.
    in_array = F.concat(F.lit("["), text, F.lit("]"))
    in_object = F.concat(F.lit('{"value":'), text, F.lit("}"))
    objects = F.from_json(in_array, ArrayType(_texts(fields)), STRICT)
    first = F.get(objects, F.lit(0))  # NULL where there is none
    second = F.from_json(in_object, _texts(["value", "_corrupt"]), STRICT)
    closed = second["_corrupt"].isNull() & second["value"].isNotNull()
    one_object = (F.size(objects) == 1) & first.isNotNull() & closed & text.rlike(r"^\s*\{")
    values = F.from_json(in_array, ArrayType(StringType()), STRICT)
    # null is a value, and the only one that the second wrapping shows as missing
    one_value = (F.size(values) == 1) & (closed | text.rlike(r"^\s*null\s*$")) & ~text.rlike(r"^\s*(\{|$)")
    problem = (
        F.when(F.length(raw) == 0, "record:empty")
        .when(F.coalesce(one_object, F.lit(False)), F.lit(None).cast("string"))
        .when(F.coalesce(one_value, F.lit(False)), "record:not_an_object")
        .otherwise("record:not_json")
    )
    return F.struct(problem.alias("problem"), first.alias("fields"))


def _texts(names: Sequence[str]) -> StructType:
    return StructType([StructField(name, StringType()) for name in names])
