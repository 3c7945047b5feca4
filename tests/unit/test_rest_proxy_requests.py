"""What a request's headers, names and patterns mean, and where its caller finds the proxy."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rest_proxy import media, topic_names
from services.rest_proxy.addresses import caller_base
from services.rest_proxy.errors import NotAcceptable, Unprocessable, UnsupportedMediaType

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("application/vnd.kafka.json.v2+json", "json"),
        ("application/vnd.kafka.binary.v2+json; charset=utf-8", "binary"),
        ("Application/Vnd.Kafka.JSON.v2+json ;a=b", "json"),
    ],
)
def test_the_content_type_names_the_format(header: str, form: str) -> None:
    assert media.record_format(header) == form


@pytest.mark.parametrize("name", ["avro", "jsonschema", "protobuf"])
def test_a_schema_format_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=f"{name} needs a schema registry"):
        media.record_format(f"application/vnd.kafka.{name}.v2+json")


@pytest.mark.parametrize("header", ["", "application/json", "text/plain", "application/vnd.kafka.json.v1+json"])
def test_any_other_content_type_is_unsupported(header: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        media.record_format(header)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("*/*", media.API),
        ("application/*;q=0.2", media.API),
        ("application/json", media.JSON),
        ("application/json, */*;q=0.1", media.JSON),
        (f"{media.API};q=0, */*", media.JSON),
        (f"text/html;q=0.9,{media.API};q=0.3,application/json;q=0.3", media.API),
        ("application/json;q=nonsense, */*;q=0.5", media.API),
    ],
)
def test_accept_weighs_the_offers(accept: str, chosen: str) -> None:
    assert media.negotiate(accept) == chosen


@pytest.mark.parametrize("accept", ["", "text/html", "application/json;q=0", "*/*;q=0", ",;,", "q=1"])
def test_an_accept_that_takes_nothing_is_an_error(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        media.negotiate(accept)


@pytest.mark.parametrize("name", ["a", "demo.pin", "A_b-9", "...", "x" * 249])
def test_kafkas_names_are_valid(name: str) -> None:
    assert topic_names.is_valid(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "é", "a\n", "x" * 250, "a:b"])
def test_other_names_are_not(name: str) -> None:
    assert not topic_names.is_valid(name)


@pytest.mark.parametrize(
    ("pattern", "posix"),
    [
        ("demo.*", "^(demo.*)$"),
        ("^demo$", "^(demo)$"),
        (r"demo\.(pin|geo)", r"^(demo\.(pin|geo))$"),
        (r"a\d+\w?\-[0-9_]*", "^(a[0-9]+[a-zA-Z0-9_]?-[0-9_]*)$"),
        ("a|b", "^(a|b)$"),
    ],
)
def test_a_pattern_becomes_one_that_matches_whole_names(pattern: str, posix: str) -> None:
    assert topic_names.subscription_pattern(pattern) == posix


@pytest.mark.parametrize(
    "pattern",
    ["", "(", "((a))", "a{2}", r"\1", "[z-a]", "[[:alpha:]]", "a**", "*", "|a", "a||b", "(?i)a", "é", "a b", "x" * 250],
)
def test_a_pattern_outside_the_common_part_is_refused(pattern: str) -> None:
    with pytest.raises(Unprocessable):
        topic_names.subscription_pattern(pattern)


atoms = st.builds(
    lambda atom, times: atom + times,
    st.sampled_from(["a", "Z", "0", "_", ".", "-", r"\d", r"\w", r"\.", r"\-", "[a-z]", "[^0-9_]", "[.x]"]),
    st.sampled_from(["", "", "*", "+", "?"]),
)
branches = st.lists(st.lists(atoms, min_size=1, max_size=4).map("".join), min_size=1, max_size=3).map("|".join)
groups = branches.map(lambda inner: f"({inner})")


@given(st.lists(atoms | groups, min_size=1, max_size=6).map("".join))
def test_every_pattern_of_the_grammar_is_taken_and_means_the_same_in_python(pattern: str) -> None:
    if len(pattern) <= topic_names.MAX_PATTERN:
        posix = topic_names.subscription_pattern(pattern)
        name = "aZ0_.-x"
        assert bool(re.search(posix, name)) == bool(re.fullmatch(pattern, name, re.ASCII))


@pytest.mark.parametrize("piece", ["a", "a*", "(a", "(a|a)*", "[a", "[a-z]", "\\", "a|", "(a)|", "()"])
def test_no_pattern_takes_long_to_refuse(piece: str) -> None:
    pattern = (piece * 249)[:247] + "é"
    started = time.monotonic()
    with pytest.raises(Unprocessable):
        topic_names.subscription_pattern(pattern)
    assert time.monotonic() - started < 0.5


OWN = "127.0.0.1:8082"


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"Host": "localhost:8082"}, "http://localhost:8082"),
        ({"Host": "[::1]:8082"}, "http://[::1]:8082"),
        ({}, f"http://{OWN}"),
        ({"Host": 'x"><script>'}, f"http://{OWN}"),
        ({"Host": "in", "X-Forwarded-Host": "out.example"}, "http://out.example"),
        ({"X-Forwarded-Host": "out.example, in.example"}, "http://out.example"),
        ({"X-Forwarded-Host": "out.example", "X-Forwarded-Proto": "https"}, "https://out.example"),
        (
            {"X-Forwarded-Host": "out.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "8443"},
            "https://out.example:8443",
        ),
        ({"X-Forwarded-Host": "out.example:99", "X-Forwarded-Port": "8443"}, "http://out.example:99"),
        ({"X-Forwarded-Host": "out.example", "X-Forwarded-Proto": "javascript"}, "http://out.example"),
        ({"X-Forwarded-Host": "out.example", "X-Forwarded-Prefix": "/dev/"}, "http://out.example/dev"),
        ({"X-Forwarded-Host": "out.example", "X-Forwarded-Prefix": "//evil"}, "http://out.example"),
        ({"Host": "in:1", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443"}, "http://in:1"),
    ],
)
def test_the_callers_address_is_read_from_its_headers(headers: dict[str, str], base: str) -> None:
    assert caller_base(headers, OWN) == base
