"""Produce bodies to records and results to answers."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rest_proxy import records
from services.rest_proxy.errors import ApiError, BadRequest, InvalidPayload, TooLarge, Unprocessable
from services.rest_proxy.records import Record, Result

pytestmark = pytest.mark.unit

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def parse(value: Any, form: Any = "json", most: int = 100) -> list[Record]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return records.parse(body, form, most)


def test_a_json_value_keeps_its_bytes() -> None:
    assert parse(b'{"records":[{"value": {"b": 1.50,\n "a":1e2} }]}') == [Record(None, b'{"b": 1.50,\n "a":1e2}', None)]


def test_a_null_or_absent_key_or_value_is_none() -> None:
    assert parse({"records": [{}, {"key": None, "value": None, "partition": None}]}) == [
        Record(None, None, None),
        Record(None, None, None),
    ]


def test_a_string_that_says_null_is_not_null() -> None:
    assert parse({"records": [{"value": "null"}]}) == [Record(None, b'"null"', None)]


@given(st.lists(json_values, min_size=1, max_size=5))
def test_any_json_value_comes_out_as_it_went_in(values: list[Any]) -> None:
    texts = [json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") for value in values]
    body = b'{"records":[' + b",".join(b'{"value":' + text + b"}" for text in texts) + b"]}"
    assert [record.value for record in parse(body)] == [None if text == b"null" else text for text in texts]


@given(st.lists(st.tuples(st.none() | st.binary(), st.none() | st.binary()), min_size=1, max_size=5))
def test_any_bytes_come_out_of_base64(pairs: list[tuple[bytes | None, bytes | None]]) -> None:
    def text(data: bytes | None) -> str | None:
        return None if data is None else base64.b64encode(data).decode()

    body = {"records": [{"key": text(key), "value": text(value)} for key, value in pairs]}
    assert parse(body, "binary") == [Record(key, value, None) for key, value in pairs]


@given(st.binary(max_size=200))
def test_no_bytes_at_all_get_past_as_anything_but_records_or_a_callers_error(body: bytes) -> None:
    for form in ("json", "binary"):
        assert _outcome(body, form) in ("records", 400, 413, 422)


def _outcome(body: bytes, form: str) -> str | int:
    try:
        return "records" if parse(body, form) else "nothing"
    except ApiError as error:
        return int(error.status)


@pytest.mark.parametrize("text", ["%%%%", "YQ", "YQ=", "YQ==YQ==", "Y Q==", "YQ==\n", "é", "-_-_"])
def test_what_is_not_strict_base64_is_named(text: str) -> None:
    with pytest.raises(BadRequest, match=r"records\[1\]\.key is not base64"):
        parse({"records": [{}, {"key": text}]}, "binary")


@pytest.mark.parametrize("number", [0, 7, 2**31 - 1])
def test_a_partition_may_be_written_as_a_whole_float(number: int) -> None:
    for text in (str(number), f"{number}.0"):
        body = b'{"records":[{"partition":' + text.encode() + b"}]}"
        assert parse(body) == [Record(None, None, number)]


@pytest.mark.parametrize("number", [b"-1", b"2147483648", b"1.5", b"1e400", b"-0.5"])
def test_a_partition_that_cannot_be_is_a_callers_error(number: bytes) -> None:
    with pytest.raises((Unprocessable, BadRequest)):
        parse(b'{"records":[{"partition":' + number + b"}]}")


@pytest.mark.parametrize("body", [b"", b"  \n", b"null", b" null "])
def test_an_absent_body_has_a_number_of_its_own(body: bytes) -> None:
    with pytest.raises(InvalidPayload) as caught:
        parse(body)
    assert (caught.value.status, caught.value.error_code) == (422, 42206)


def test_the_bound_on_records_is_inclusive() -> None:
    assert len(parse({"records": [{}] * 3}, most=3)) == 3
    with pytest.raises(TooLarge):
        parse({"records": [{}] * 4}, most=3)


def test_deep_nesting_is_a_bad_request_and_no_crash() -> None:
    with pytest.raises(BadRequest, match="nested too deeply"):
        parse(b'{"records":[{"value":' + b"[" * 200_000 + b"]" * 200_000 + b"}]}")


def test_invalid_utf8_inside_a_value_is_found() -> None:
    with pytest.raises(BadRequest, match="not UTF-8"):
        parse(b'{"records":[{"value":"\xff"}]}')


def test_an_answer_has_an_entry_for_each_result() -> None:
    results = [Result(2, 17), Result(error_code=50002, error="why")]
    assert json.loads(records.answer(results)) == {
        "offsets": [
            {"partition": 2, "offset": 17, "error_code": None, "error": None},
            {"partition": None, "offset": None, "error_code": 50002, "error": "why"},
        ],
        "key_schema_id": None,
        "value_schema_id": None,
    }
