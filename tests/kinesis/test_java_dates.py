"""Dates in Java's patterns, as ``at_timestamp`` takes them; the expected moments are worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pyspark_kinesis.java_dates import parse

pytestmark = pytest.mark.kinesis

MOMENT = datetime(2020, 6, 25, 17, 23, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("06/25/2020 10:23:45 PDT", "MM/dd/yyyy HH:mm:ss ZZZ"),
        ("2020-06-25T17:23:45Z", "yyyy-MM-dd'T'HH:mm:ssX"),
        ("2020-06-25T19:23:45+02:00", "yyyy-MM-dd'T'HH:mm:ssXXX"),
        ("2020-06-25 12:23:45 -0500", "uuuu-MM-dd HH:mm:ss xx"),
        ("25 Jun 2020 06:23:45 PM Europe/London", "d MMM yyyy hh:mm:ss a VV"),
        ("Thursday, June 25, 2020 at 5:23:45 pm", "EEEE, MMMM d, yyyy 'at' h:mm:ss a"),
        ("6/25/20 17:23:45 GMT+00:00", "M/d/yy H:m:s z"),
        ("12 o'clock 25.6.2020 12:23:45 EST", "'12 o''clock' d.M.yyyy HH:mm:ss z"),
    ],
)
def test_spellings_of_one_moment(text: str, pattern: str) -> None:
    assert parse(text, pattern) == MOMENT


def test_fractions_of_a_second_and_the_two_twelves_of_a_day() -> None:
    assert parse("2020-06-25 00:00:00.1234", "yyyy-MM-dd HH:mm:ss.SSSS").microsecond == 123400
    assert parse("2020-06-25 12:05 AM", "yyyy-MM-dd hh:mm a").hour == 0
    assert parse("2020-06-25 12:05 PM", "yyyy-MM-dd hh:mm a").hour == 12


@pytest.mark.parametrize(
    ("text", "pattern", "told"),
    [
        ("2020-06-25", "yyyy-MM-dd HH", "does not fit the format"),
        ("25 17", "dd HH", "needs a year, a month and a day"),
        ("2020-02-30", "yyyy-MM-dd", "day"),
        ("2020-06-25 25", "yyyy-MM-dd HH", "is no time: hour must be in"),
        ("2020-06-25 13 PM", "yyyy-MM-dd hh a", "hour 13 of a half day"),
        ("2020-W26-4", "YYYY-'W'ww-e", "'YYYY' in the format .* is not supported: use a d E H h M m"),
        ("2020-06-25", "yyyy-MM-dd'", "a quote without its end"),
        ("2020-06-25", "yyyy-MM[-dd]", r"'\[' in the format"),
        ("2020-06-25 20", "yyyy-MM-dd yy", "gives the year twice"),
        ("2020-06-25 XYZ", "yyyy-MM-dd z", "the time zone 'XYZ' is not known"),
        ("2020-06-25 Mars/Base", "yyyy-MM-dd VV", "the time zone 'Mars/Base' is not known"),
    ],
)
def test_what_is_no_date_is_told(text: str, pattern: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse(text, pattern)
