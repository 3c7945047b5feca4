"""The generated tables: of the size and shape of the course's data, and nobody's data.

The original database is gone and its copies may not be copied. What is made here has the same sizes, groups, skew,
dirty values and longest texts (:mod:`producer.shape` holds the numbers), and every answer of the course has the same
order on it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from producer import shape
from producer.errors import ProducerError
from producer.posters import Poster, make_posters
from producer.tables import GeoRow, PinRow, Tables, UserRow
from producer.texts import Texts

SEED = 100
"""The seed of the tables that everybody gets."""

_OLDER_COUNT_SHARE = 0.1
"""Share of posts that show a slightly smaller follower count than the poster's newest one."""


def generate(rows: int = shape.ROWS, seed: int = SEED) -> Tables:
    """Make the three tables, ``rows`` rows each; row ``i`` of the three is one post, with key ``i``.

    The same ``rows``, ``seed`` and version of Faker give the same tables. Categories keep their proportions. A share of
    a small table is rounded, so that the rarest values may be missing below some hundred rows.

    Raises :class:`~producer.errors.ProducerError` for less than one row.
    """
    if rows < 1:
        raise ProducerError(f"rows is {rows}: a table has at least 1 row")
    plan = _plan(rows, seed)
    texts = Texts(seed)
    pins: list[PinRow] = []
    for i in range(rows):
        if i in plan.repeats:
            pins.append(replace(pins[plan.repeats[i]], index=i, unique_id=texts.unique_id()))
        else:
            pins.append(_pin(i, plan, texts))
    rng = random.Random(f"{seed}/timestamps")
    span = int((shape.LAST_POSTED - shape.FIRST_POSTED).total_seconds())
    return Tables(
        pin=pins,
        geo=[
            GeoRow(
                ind=i,
                timestamp=shape.FIRST_POSTED + timedelta(seconds=rng.randint(0, span)),
                latitude=poster.latitude,
                longitude=poster.longitude,
                country=poster.country,
            )
            for i, poster in enumerate(plan.posters)
        ],
        user=[
            UserRow(
                ind=i,
                first_name=poster.first_name,
                last_name=poster.last_name,
                age=poster.age,
                date_joined=poster.date_joined,
            )
            for i, poster in enumerate(plan.posters)
        ],
    )


@dataclass(frozen=True)
class _Plan:
    """What each row is to hold, before any text is drawn: by row, or as the set of rows that have it."""

    posters: list[Poster]
    categories: list[str]
    follower_counts: list[str]
    repeats: dict[int, int]
    """Row to the earlier row whose content it repeats."""
    lost: frozenset[int]
    """Rows whose every text is a placeholder."""
    story: frozenset[int]
    video: frozenset[int]
    no_description: frozenset[int]
    untitled: frozenset[int]
    no_tags: frozenset[int]
    image_error: frozenset[int]
    cut: frozenset[int]
    two_lines: frozenset[int]
    longest_title: int | None
    longest_description: int | None
    longest_tag_list: int | None


def _plan(rows: int, seed: int) -> _Plan:
    rng = random.Random(f"{seed}/plan")

    def share(part: float) -> int:
        return round(part * rows)

    def some(count: int, among: Sequence[int]) -> frozenset[int]:
        return frozenset(rng.sample(among, min(count, len(among))))

    categories = [name for name, size in shape.category_sizes(rows).items() for _ in range(size)]
    lost_rows = share(shape.USER_ERROR_SHARE)
    posters = [poster for poster in make_posters(rows, lost_rows, seed) for _ in range(poster.posts)]
    rng.shuffle(posters)
    lost = frozenset(i for i, poster in enumerate(posters) if poster.name == shape.USER_ERROR)

    repeats = _repeats(posters, categories, share(shape.REPEAT_SHARE), rng)
    plain = [i for i in range(rows) if i not in lost and i not in repeats and i not in repeats.values()]
    story = lost | some(share(shape.STORY_SHARE) - len(lost), plain)
    unstoried = [i for i in plain if i not in story]
    video = some(share(shape.VIDEO_SHARE), unstoried)
    no_description = some(share(shape.NO_DESCRIPTION_SHARE), unstoried)
    untitled = some(share(shape.UNTITLED_SHARE), [i for i in unstoried if i not in no_description])
    no_tags = lost | some(share(shape.NO_TAGS_SHARE) - len(lost), plain)
    image_error = lost | some(share(shape.IMAGE_ERROR_SHARE) - len(lost), plain)
    described = [i for i in unstoried if i not in no_description and i not in untitled]
    cut = some(share(shape.CUT_DESCRIPTION_SHARE), described)
    two_lines = some(share(shape.NEWLINE_TITLE_SHARE), plain)
    return _Plan(
        posters=posters,
        categories=categories,
        follower_counts=[_shown_followers(poster, rng) for poster in posters],
        repeats=repeats,
        lost=lost,
        story=story,
        video=video,
        no_description=no_description,
        untitled=untitled,
        no_tags=no_tags,
        image_error=image_error,
        cut=cut,
        two_lines=two_lines,
        longest_title=min(some(1, [i for i in plain if i not in two_lines]), default=None),
        longest_description=min(some(1, sorted(cut)), default=None),
        longest_tag_list=min(some(1, [i for i in plain if i not in no_tags]), default=None),
    )


def _repeats(posters: list[Poster], categories: list[str], count: int, rng: random.Random) -> dict[int, int]:
    """Rows that repeat an earlier row of the same poster in the same category, no row in two such pairs."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, poster in enumerate(posters):
        if poster.name != shape.USER_ERROR:
            groups[categories[i], poster.name].append(i)
    pairs = [(rows[1], rows[0]) for rows in groups.values() if len(rows) > 1]
    return dict(rng.sample(pairs, min(count, len(pairs))))


def _shown_followers(poster: Poster, rng: random.Random) -> str:
    """The poster's followers as one post shows them: some posts were read when there were slightly fewer."""
    if poster.name == shape.USER_ERROR:
        return shape.USER_ERROR
    number, unit = poster.followers
    if poster.posts > 1 and rng.random() < _OLDER_COUNT_SHARE:
        least = {"": shape.PLAIN_FOLLOWERS, "k": shape.THOUSAND_FOLLOWERS, "M": shape.MILLION_FOLLOWERS}[unit][0]
        number = max(least, number - rng.randint(1, number // 20 + 1))
    return f"{number}{unit}"


def _pin(i: int, plan: _Plan, texts: Texts) -> PinRow:
    category = plan.categories[i]
    kind = shape.STORY if i in plan.story else shape.VIDEO if i in plan.video else shape.IMAGE
    return PinRow(
        index=i,
        unique_id=texts.unique_id(),
        title=_title(i, plan, texts),
        description=_description(i, plan, texts),
        poster_name=plan.posters[i].name,
        follower_count=plan.follower_counts[i],
        tag_list=_tag_list(i, plan, texts),
        is_image_or_video=kind,
        image_src=shape.IMAGE_ERROR if i in plan.image_error else texts.image_src(kind),
        downloaded=0 if i in plan.image_error else 1,
        save_location=f"Local save in /data/{category}",
        category=category,
    )


def _title(i: int, plan: _Plan, texts: Texts) -> str:
    category = plan.categories[i]
    if i in plan.lost:
        return shape.NO_TITLE
    if i == plan.longest_title:
        return texts.longest_title(category)
    if i in plan.two_lines:
        return texts.title_of_two_lines(category)
    return texts.title(category)


def _description(i: int, plan: _Plan, texts: Texts) -> str:
    category = plan.categories[i]
    if i in plan.story:
        return shape.STORY_DESCRIPTION
    if i in plan.no_description:
        return shape.NO_DESCRIPTION
    if i in plan.untitled:
        return shape.UNTITLED
    if i == plan.longest_description:
        return texts.longest_description(category)
    if i in plan.cut:
        return texts.cut_description(category)
    return texts.description(category)


def _tag_list(i: int, plan: _Plan, texts: Texts) -> str:
    category = plan.categories[i]
    if i in plan.no_tags:
        return shape.NO_TAGS
    if i == plan.longest_tag_list:
        return texts.longest_tag_list(category)
    return texts.tag_list(category)
