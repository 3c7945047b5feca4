"""Section 2 of the data's description: groups, functions of the poster, skew, shares, and the orders of its end."""

import random
import statistics
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import groupby

import pytest
from faker import Faker
from faker.providers.address.en_US import Provider as Address

from producer.generate import generate
from producer.shape import CATEGORY_SIZES, category_sizes
from tests.support.generated import age_group, followers, share, tables, user_of

pytestmark = pytest.mark.unit

SIZES = {
    "art": 893, "beauty": 746, "christmas": 995, "diy-and-crafts": 832, "education": 862, "event-planning": 747,
    "finance": 789, "home-decor": 863, "mens-fashion": 852, "quotes": 902, "tattoos": 973, "travel": 856,
    "vehicles": 844,
}  # fmt: skip


def posts_of_posters():
    """Row numbers by poster."""
    rows = defaultdict(list)
    for row in tables().pin:
        rows[row.poster_name].append(row.index)
    return rows


def test_posts_lie_in_13_categories_of_exact_size_alphabetically():
    groups = [(name, len(list(rows))) for name, rows in groupby(row.category for row in tables().pin)]
    assert groups == sorted(SIZES.items())


def test_country_and_coordinates_are_functions_of_poster_name():
    places = defaultdict(set)
    for pin, geo in zip(tables().pin, tables().geo, strict=True):
        places[pin.poster_name].add((geo.country, geo.latitude, geo.longitude))
    assert {len(found) for found in places.values()} == {1}


def test_names_age_and_joining_are_functions_of_poster_name():
    users = defaultdict(set)
    for pin, user in zip(tables().pin, tables().user, strict=True):
        users[pin.poster_name].add(user_of(user))
    assert {len(found) for found in users.values()} == {1}


def test_a_user_is_name_age_and_joining_and_names_are_shared():
    names = {(row.first_name, row.last_name) for row in tables().user}
    users = {user_of(row) for row in tables().user}
    assert len(users) == len(posts_of_posters()) > len(names)


def test_the_whole_table_has_about_5080_names():
    assert len({(row.first_name, row.last_name) for row in tables().user}) == pytest.approx(5080, rel=0.01)


def test_random_samples_of_3559_rows_have_about_2195_users_and_2136_names():
    rng = random.Random(5)
    samples = [rng.sample(tables().user, 3559) for _ in range(30)]
    users = statistics.mean(len({user_of(row) for row in sample}) for sample in samples)
    names = statistics.mean(len({(row.first_name, row.last_name) for row in sample}) for sample in samples)
    assert users == pytest.approx(2195, rel=0.01)
    assert names == pytest.approx(2136, rel=0.01)


def test_posts_per_poster_are_skewed():
    counts = sorted((len(rows) for rows in posts_of_posters().values()), reverse=True)
    assert 100 <= counts[0] <= 400
    assert counts.count(1) > len(counts) * 0.7
    assert sum(counts[: len(counts) // 100]) > 11_154 * 0.15  # one percent of the posters


def test_big_accounts_are_young_early_and_in_few_countries_near_the_least_coordinates():
    big = [rows[0] for name, rows in posts_of_posters().items() if len(rows) >= 40]
    assert len(big) >= 10
    assert statistics.mean(tables().user[i].age for i in big) < 21
    assert all(tables().user[i].date_joined < datetime(2016, 1, 1) for i in big)
    assert statistics.mean(tables().geo[i].latitude for i in big) < -86
    assert statistics.mean(tables().geo[i].longitude for i in big) < -172
    assert all(tables().geo[i].country < "C" for i in big)


def test_posters_of_one_post_are_spread_evenly():
    single = [rows[0] for rows in posts_of_posters().values() if len(rows) == 1]
    assert statistics.mean(tables().user[i].age for i in single) == pytest.approx(40, abs=1.5)
    assert statistics.mean(tables().geo[i].latitude for i in single) == pytest.approx(0, abs=3)
    assert statistics.mean(tables().geo[i].longitude for i in single) == pytest.approx(0, abs=6)


def test_a_column_is_the_minimum_of_one_draw_per_post():
    """The mean of the least of k even draws lies at 1 / (k + 1) of the span."""
    by_count = defaultdict(list)
    for rows in posts_of_posters().values():
        by_count[len(rows)].append(rows[0])
    for count in (1, 2, 3, 4):
        rows = by_count[count]
        heights = [
            statistics.mean((tables().geo[i].latitude + 90) / 180 for i in rows),
            statistics.mean((tables().geo[i].longitude + 180) / 360 for i in rows),
            statistics.mean((tables().user[i].date_joined - datetime(2015, 10, 21)) / timedelta(730) for i in rows),
        ]
        assert heights == pytest.approx([1 / (count + 1)] * 3, abs=0.05)


def test_country_and_coordinates_are_unrelated_where_nothing_else_ties_them():
    single = [rows[0] for rows in posts_of_posters().values() if len(rows) == 1]
    countries = sorted({tables().geo[i].country for i in single})
    rank = {country: place for place, country in enumerate(countries)}
    for column in ("latitude", "longitude"):
        correlation = statistics.correlation(
            [rank[tables().geo[i].country] for i in single], [getattr(tables().geo[i], column) for i in single]
        )
        assert abs(correlation) < 0.05


def test_timestamps_are_per_post_and_even_from_2017_10_20_to_2022_10_20():
    moments = [row.timestamp for row in tables().geo]
    first, last = datetime(2017, 10, 20), datetime(2022, 10, 20)
    assert first <= min(moments) < first + timedelta(days=3)
    assert last - timedelta(days=3) < max(moments) <= last
    by_year = Counter((moment - first) // timedelta(days=365.25) for moment in moments)
    assert [by_year[year] for year in range(5)] == pytest.approx([11_154 / 5] * 5, rel=0.06)
    biggest = max(posts_of_posters().values(), key=len)
    assert len({moments[i] for i in biggest}) == len(biggest)


def test_users_joined_from_2015_10_21_to_2017_10_20():
    moments = [row.date_joined for row in tables().user]
    first, last = datetime(2015, 10, 21), datetime(2017, 10, 20)
    assert first <= min(moments) < first + timedelta(days=1)
    assert last - timedelta(days=3) < max(moments) <= last


def test_nobody_posts_before_joining():
    assert all(u.date_joined <= g.timestamp for u, g in zip(tables().user, tables().geo, strict=True))


def test_ages_are_20_to_60():
    assert {row.age for row in tables().user} == set(range(20, 61))


def test_rows_by_age_group_have_their_shares():
    counts = Counter(age_group(row.age) for row in tables().user)
    shares = {group: share(count) for group, count in counts.items()}
    assert shares == pytest.approx({"18-24": 45, "25-35": 27, "36-50": 20, "+50": 8}, abs=0.5)


def test_there_are_243_countries_in_fakers_spelling():
    countries = {row.country for row in tables().geo}
    assert len(countries) == 243
    assert countries == set(Address.countries)
    assert Faker("en_US").country() in countries


def medians(of_user, group):
    found = defaultdict(list)
    for user, count in of_user:
        found[group(user)].append(count)
    return {name: statistics.median(counts) for name, counts in found.items()}


def highest_counts():
    """Each user's highest follower count, once."""
    best = {}
    for pin, user in zip(tables().pin, tables().user, strict=True):
        if (count := followers(pin.follower_count)) is not None:
            best[user_of(user)] = max(best.get(user_of(user), 0), count)
    return list(best.items())


def counts_per_post():
    rows = zip(tables().pin, tables().user, strict=True)
    return [(user_of(u), count) for p, u in rows if (count := followers(p.follower_count)) is not None]


@pytest.mark.parametrize("counted", [highest_counts, counts_per_post])
def test_medians_of_the_young_are_far_above_those_of_the_older(counted):
    found = medians(counted(), lambda user: age_group(user[1]))
    assert found["18-24"] > 3 * found["25-35"]
    assert found["25-35"] > 2 * found["36-50"]
    assert found["36-50"] > 2 * found["+50"]


@pytest.mark.parametrize("counted", [highest_counts, counts_per_post])
def test_medians_of_2015_are_far_above_2016_above_2017(counted):
    found = medians(counted(), lambda user: user[2].year)
    assert set(found) == {2015, 2016, 2017}
    assert found[2015] > 3 * found[2016]
    assert found[2016] > 2 * found[2017]


def test_some_posts_show_a_smaller_count_than_their_posters_highest():
    highest = dict(highest_counts())
    smaller = [user for user, count in counts_per_post() if count < highest[user]]
    assert 0.02 < len(smaller) / 11_154 < 0.1


@pytest.mark.parametrize("rows", [1, 2, 13, 99, 100, 1000, 2500])
def test_smaller_tables_keep_categories_in_proportion_and_all_functions(rows):
    made = generate(rows)
    assert [len(made.rows(name)) for name in ("pin", "geo", "user")] == [rows] * 3
    assert [row.category for row in made.pin] == sorted(row.category for row in made.pin)
    for name, size in CATEGORY_SIZES.items():
        found = sum(row.category == name for row in made.pin)
        assert abs(found - size * rows / 11_154) < 1
    of_poster = defaultdict(set)
    for pin, geo, user in zip(made.pin, made.geo, made.user, strict=True):
        of_poster[pin.poster_name].add((geo.country, geo.latitude, geo.longitude, user_of(user)))
        assert user.date_joined <= geo.timestamp
    assert {len(found) for found in of_poster.values()} == {1}


def test_a_larger_table_has_the_sizes_in_proportion():
    assert category_sizes(22_308) == {name: 2 * size for name, size in SIZES.items()}
    assert sum(category_sizes(100_000).values()) == 100_000
