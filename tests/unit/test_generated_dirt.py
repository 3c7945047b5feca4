"""Section 3 of the data's description: dirty values with their exact texts, shares and couplings."""

import re
from collections import Counter

import pytest

from producer.generate import generate
from producer.tables import PIN, TABLES
from tests.support.generated import share, tables

pytestmark = pytest.mark.unit

NO_TITLE = "No Title Data Available"
STORY_TEXT = "No description available Story format"
NO_TAGS = "N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e"
STORY = "multi-video(story page format)"


@pytest.mark.parametrize(
    ("column", "value", "percent"),
    [
        ("title", NO_TITLE, 0.87),
        ("description", STORY_TEXT, 6.60),
        ("description", "No description available", 1.52),
        ("description", "Untitled", 0.07),
        ("poster_name", "User Info Error", 0.87),
        ("follower_count", "User Info Error", 0.87),
        ("tag_list", NO_TAGS, 1.23),
        ("image_src", "Image src error.", 2.10),
    ],
)
def test_dirty_values_have_their_exact_text_and_share(column, value, percent):
    assert share(sum(getattr(row, column) == value for row in tables().pin)) == percent


def test_no_other_value_looks_like_a_placeholder():
    for row in tables().pin:
        assert row.title == NO_TITLE or "No Title" not in row.title
        assert row.description in (STORY_TEXT, "No description available") or "No desc" not in row.description
        assert row.image_src == "Image src error." or row.image_src.startswith("https://")


def test_kinds_of_posts_have_their_shares():
    kinds = Counter(row.is_image_or_video for row in tables().pin)
    assert {kind: round(share(count), 1) for kind, count in kinds.items()} == {
        "image": 90.6, STORY: 6.6, "video": 2.8
    }  # fmt: skip


@pytest.mark.parametrize("rows", [100, 500, 11_154])
def test_the_story_description_is_on_all_and_only_the_multi_video_rows(rows):
    pins = tables(rows).pin
    assert any(row.is_image_or_video == STORY for row in pins)
    assert all((row.description == STORY_TEXT) == (row.is_image_or_video == STORY) for row in pins)


@pytest.mark.parametrize("rows", [100, 500, 11_154])
def test_poster_and_followers_are_lost_together(rows):
    pins = tables(rows).pin
    assert any(row.poster_name == "User Info Error" for row in pins)
    assert all((row.poster_name == "User Info Error") == (row.follower_count == "User Info Error") for row in pins)


@pytest.mark.parametrize("rows", [100, 500, 11_154])
def test_the_image_error_is_exactly_on_the_rows_not_downloaded(rows):
    pins = tables(rows).pin
    assert any(row.downloaded == 0 for row in pins)
    assert all((row.image_src == "Image src error.") == (row.downloaded == 0) for row in pins)


def test_user_info_error_rows_hold_every_placeholder_at_once():
    lost = [row for row in tables().pin if row.poster_name == "User Info Error"]
    assert share(len(lost)) == 0.87
    for row in lost:
        assert (row.title, row.description, row.tag_list, row.image_src, row.downloaded) == (
            NO_TITLE, STORY_TEXT, NO_TAGS, "Image src error.", 0
        )  # fmt: skip
    assert all(row.poster_name == "User Info Error" for row in tables().pin if row.title == NO_TITLE)


def test_user_info_error_rows_are_one_user_20_years_old_in_albania():
    lost = [row.index for row in tables().pin if row.poster_name == "User Info Error"]
    users = {
        (user.first_name, user.last_name, user.age, user.date_joined) for user in map(tables().user.__getitem__, lost)
    }
    assert [user[2] for user in users] == [20]
    assert {tables().geo[i].country for i in lost} == {"Albania"}


def test_follower_counts_have_their_forms_shares_and_ranges():
    counts = [row.follower_count for row in tables().pin if row.follower_count != "User Info Error"]
    numbers = {
        form: [int(found[1]) for count in counts if (found := re.fullmatch(rf"(\d+){form}", count))]
        for form in ("k", "", "M")
    }
    assert {form: round(share(len(found))) for form, found in numbers.items()} == {"k": 75, "": 17, "M": 7}
    assert {form: (min(found), max(found)) for form, found in numbers.items()} == {
        "k": (1, 985), "": (0, 940), "M": (1, 15)
    }  # fmt: skip
    assert sum(map(len, numbers.values())) == len(counts)  # no decimals, no `B`, no other form


def test_tag_lists_are_nine_tags_joined_by_commas_without_a_blank():
    for row in tables().pin:
        if row.tag_list != NO_TAGS:
            tags = row.tag_list.split(",")
            assert len(set(tags)) == 9
            assert all(tag and tag == tag.strip() for tag in tags)


def test_save_location_names_the_category():
    assert all(row.save_location == f"Local save in /data/{row.category}" for row in tables().pin)


def test_a_third_of_the_descriptions_end_in_an_ellipsis_and_a_no_break_space():
    assert share(sum(row.description.endswith("…\u00a0") for row in tables().pin)) == 33.33


def test_a_few_titles_hold_a_newline():
    assert 5 <= sum("\n" in row.title for row in tables().pin) <= 50


def test_some_poster_names_have_outer_blanks_on_either_side():
    names = {row.poster_name for row in tables().pin}
    assert sum(name != name.strip() for name in names) > 30
    assert any(name.startswith(" ") for name in names)
    assert any(name.endswith(" ") for name in names)
    assert len({name.strip().casefold() for name in names}) == len(names)


def test_no_value_is_missing_empty_or_blank():
    for name in ("pin", "geo", "user"):
        for row in tables().rows(name):
            for column in TABLES[name].columns:
                value = getattr(row, column)
                assert value is not None
                assert not isinstance(value, str) or value.strip()


@pytest.mark.parametrize("rows", [500, 11_154])
def test_unique_ids_do_not_repeat(rows):
    assert len({row.unique_id for row in tables(rows).pin}) == rows


def content(row):
    """A post without its key and its id."""
    return tuple(getattr(row, column) for column in PIN.columns if column not in ("index", "unique_id"))


def test_about_one_percent_of_the_posts_repeat_another_under_a_new_key():
    """Counted with the rows that hold placeholders alone, and without them."""
    everything = [content(row) for row in tables().pin]
    told = [content(row) for row in tables().pin if row.poster_name != "User Info Error"]
    assert round(100 * (len(everything) - len(set(everything))) / 11_154) == 1
    assert round(100 * (len(told) - len(set(told))) / 11_154) == 1


@pytest.mark.parametrize("rows", [1, 7, 40])
def test_tiny_tables_have_no_row_half_dirty(rows):
    for row in generate(rows).pin:
        assert (row.poster_name == "User Info Error") == (row.title == NO_TITLE)
        assert (row.image_src == "Image src error.") == (row.downloaded == 0)
        assert (row.description == STORY_TEXT) == (row.is_image_or_video == STORY)
