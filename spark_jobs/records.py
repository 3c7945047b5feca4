"""From a message's bytes to its fields: strict JSON (RFC 8259), one object, or the reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, StringType, StructField, StructType

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Spark's JSON reader is lenient by default.
STRICT = {
    "mode": "PERMISSIVE",  # what cannot be read is NULL, not an error
    "allowSingleQuotes": "false",
    "allowNonNumericNumbers": "false",
    "allowUnquotedControlChars": "false",
    "columnNameOfCorruptRecord": "_corrupt",
}
TEXT = StringType()


def read(messages: DataFrame, fields: Sequence[str]) -> DataFrame:
    """Messages with a column for each of ``fields``, and two more: ``_problem`` and ``_nested``.

    ``_problem`` is ``record:empty`` (no bytes), ``record:not_json``, ``record:not_an_object`` or NULL. A field's column
    is its text: a string's content; a number by its value (JSON's ``1e3`` reads ``1000.0``); ``true`` or ``false``; the
    JSON of an object or array; NULL where it is missing, null, or there is a problem. ``_nested`` is a struct of the
    fields' names that says which of them are objects or arrays, NULL where none is.

    Of a repeated key the last one counts. Bytes that are no UTF-8, a byte order mark, nesting deeper than 1,000 and
    numbers longer than 1,000 digits are not read: ``record:not_json`` (RFC 8259, sections 8.1 and 9).
    """
    # A column for each step and no structs: the optimizer would repeat the parsing at each use of an expression.
    text = messages.withColumn("_text", F.try_validate_utf8(F.col("raw").cast("string")))
    # The reader stops after the first value and ignores what follows. In an array, a text of more than one value makes
    # more than one element or breaks it, unless it closes the array itself; then it breaks an object around it. So what
    # is one element of an array and fits in an object is exactly one value.
    wrapped = text.withColumns({"_in_array": _around("[", "]"), "_in_object": _around('{"value":', "}")})
    parsed = wrapped.withColumns(
        {
            "_objects": F.from_json("_in_array", ArrayType(_struct(fields, TEXT)), STRICT),
            "_value": F.from_json("_in_object", _struct(["value", "_corrupt"], TEXT), STRICT),
        }
    )
    judged = parsed.withColumn("_problem", _problem())
    texts = {name: F.when(F.col("_problem").isNull(), F.get("_objects", F.lit(0))[name]) for name in fields}
    return judged.withColumns({**texts, "_nested": _nested(fields)}).drop(
        "_text", "_in_array", "_in_object", "_objects", "_value"
    )


def _around(before: str, after: str) -> Column:
    return F.concat(F.lit(before), F.col("_text"), F.lit(after))


def _problem() -> Column:
    objects, text = F.col("_objects"), F.col("_text")
    whole = F.col("_value._corrupt").isNull() & F.col("_value.value").isNotNull()
    one_object = (F.size(objects) == 1) & F.get(objects, F.lit(0)).isNotNull() & whole & text.rlike(r"^\s*\{")
    values = F.from_json("_in_array", ArrayType(TEXT), STRICT)
    # null is a value too, and the only one that reads as NULL
    one_value = (F.size(values) == 1) & (whole | text.rlike(r"^\s*null\s*$")) & ~text.rlike(r"^\s*(\{|$)")
    return (
        F.when(F.coalesce(F.length("raw"), F.lit(0)) == 0, "record:empty")
        .when(F.coalesce(one_object, F.lit(False)), F.lit(None).cast("string"))
        .when(F.coalesce(one_value, F.lit(False)), "record:not_an_object")
        .otherwise("record:not_json")
    )


def _nested(fields: Sequence[str]) -> Column:
    def kind(of: DataType) -> Column:
        return F.get(F.from_json("_in_array", ArrayType(_struct(fields, of)), STRICT), F.lit(0))

    arrays, objects = kind(ArrayType(TEXT)), kind(_struct(["_"], TEXT))
    either = F.struct(*((arrays[name].isNotNull() | objects[name].isNotNull()).alias(name) for name in fields))
    # rare, and costs two more readings
    return F.when(F.col("_problem").isNull() & F.col("_text").rlike(r":\s*[\[{]"), either)


def _struct(names: Sequence[str], kind: DataType) -> StructType:
    return StructType([StructField(name, kind) for name in names])
