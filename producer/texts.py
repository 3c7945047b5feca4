"""The texts of the generated posts: titles, descriptions, tags, image addresses and posters' names.

Each function draws from the ``random.Random`` it is given, so that the same seed gives the same texts.
"""

from __future__ import annotations

import random

from faker import Faker

from producer import shape
from producer.vocabulary import ADJECTIVES, BLOG_WORDS, EMOJI, OCCASIONS, SUBJECTS, TAGS

# the longest text of a column is made on purpose, for one row; the others stay below these
_USUAL_TITLE = 150
_USUAL_DESCRIPTION = (40, 179)
_USUAL_POSTER_NAME = 80

_EMOJI_SHARE = 0.07
_OUTER_BLANKS_SHARE = 0.015


class Texts:
    """Draws the texts of posts. ``seed`` fixes all of them."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"{seed}/texts")
        self._fake = Faker("en_US")
        self._fake.seed_instance(f"{seed}/sentences")

    def title(self, category: str) -> str:
        """A title of up to 150 characters, now and then with an emoji."""
        rng = self._rng
        subject, adjective = rng.choice(SUBJECTS[category]), rng.choice(ADJECTIVES)
        occasion, number = rng.choice(OCCASIONS), rng.randint(3, 101)
        text = rng.choice(
            (
                f"{number} {adjective} {subject} Ideas for {occasion}",
                f"{adjective} {subject}",
                f"{adjective} {subject} for {occasion}",
                f'The Best "{subject}" Ideas, Step by Step',
                f"{number} Tips for a Better {subject}",
                f"{subject} | {self._fake.catch_phrase()}",
                f"{subject} - {self._fake.sentence(nb_words=9)[:-1]}",
                f"{self._fake.first_name()}'s {adjective} {subject} & More",
            )
        )
        return self._with_emoji(text)[:_USUAL_TITLE].rstrip()

    def title_of_two_lines(self, category: str) -> str:
        """A title that holds a newline."""
        return f"{self.title(category)[:90].rstrip()}\n{self.title(category)[:90].rstrip()}"

    def longest_title(self, category: str) -> str:
        """A title of exactly the longest length, 199 characters."""
        return self._stretched(self.title(category), shape.LONGEST_TITLE)

    def description(self, category: str) -> str:
        """A whole description of 40 to 179 characters."""
        rng = self._rng
        least, most = _USUAL_DESCRIPTION
        start = f"{rng.choice(ADJECTIVES)} {rng.choice(SUBJECTS[category]).lower()} for {rng.choice(OCCASIONS)}."
        text = self._with_emoji(start)
        goal = rng.randint(least, most)
        while len(longer := f"{text} {self._fake.sentence()}") <= goal or len(text) < least:
            text = longer
        return text[:most].rstrip()

    def cut_description(self, category: str) -> str:
        """A description that the site cut short: it ends in ``…`` and a NO-BREAK SPACE."""
        return self._cut(category, self._rng.randint(60, shape.LONGEST_DESCRIPTION - 1))

    def longest_description(self, category: str) -> str:
        """A description of exactly the longest length, 180 characters, cut short."""
        return self._cut(category, shape.LONGEST_DESCRIPTION)

    def tag_list(self, category: str) -> str:
        """Nine different tags, joined by ``,`` without a blank."""
        return ",".join(self._rng.sample(TAGS[category], shape.TAGS_PER_POST))

    def longest_tag_list(self, category: str) -> str:
        """Nine tags of exactly the longest length together, 247 characters."""
        return self._stretched(self.tag_list(category), shape.LONGEST_TAG_LIST)

    def image_src(self, kind: str) -> str:
        """Where the picture lay; a video's is the longest there is, 102 characters."""
        name = f"{self._rng.getrandbits(128):032x}"
        folder = f"originals/{name[:2]}/{name[2:4]}/{name[4:6]}/{name}"
        if kind == shape.VIDEO:
            return f"https://i.pinimg.com/videos/thumbnails/{folder}.0000001.jpg"
        return f"https://i.pinimg.com/{folder}.jpg"

    def unique_id(self) -> str:
        """A UUID of version 4."""
        return str(self._fake.uuid4())

    def _cut(self, category: str, length: int) -> str:
        return self._stretched(self.description(category), length - len(shape.CUT_END)) + shape.CUT_END

    def _with_emoji(self, text: str) -> str:
        return f"{text} {self._rng.choice(EMOJI)}" if self._rng.random() < _EMOJI_SHARE else text

    def _stretched(self, text: str, length: int) -> str:
        return stretched(text, length, self._fake)


def poster_names(count: int, seed: int) -> list[str]:
    """``count`` different names of accounts: people, companies, handles and blogs.

    They differ even without their outer blanks and in lower case. A few hold an emoji, a few have outer blanks, one
    of them is as long as any, 268 characters.
    """
    rng = random.Random(f"{seed}/poster names")
    fake = Faker("en_US")
    fake.seed_instance(f"{seed}/poster names")
    names: list[str] = []
    seen = {shape.USER_ERROR.casefold()}
    longest = rng.randrange(count) if count else 0
    while len(names) < count:
        name = _poster_name(rng, fake)
        if len(names) == longest:
            name = stretched(f"{name} |", shape.LONGEST_POSTER_NAME, fake)
        if name.casefold() in seen:
            continue
        seen.add(name.casefold())
        blanks = rng.random() < _OUTER_BLANKS_SHARE and len(names) != longest
        names.append(rng.choice((f" {name}", f"{name} ", f" {name} ")) if blanks else name)
    return names


def _poster_name(rng: random.Random, fake: Faker) -> str:
    one, other, third = rng.sample(BLOG_WORDS, 3)
    name = rng.choice(
        (
            fake.name,
            fake.company,
            lambda: f"{fake.user_name()}{rng.randint(1, 9999)}",
            lambda: f"The {one} {other}",
            lambda: f"{one} & {other} by {fake.first_name()}",
            lambda: f"{fake.first_name()} | {one} {other} {third}",
        )
    )()
    if rng.random() < _EMOJI_SHARE:
        name = f"{name} {rng.choice(EMOJI)}"
    return name[:_USUAL_POSTER_NAME].rstrip()


def stretched(text: str, length: int, fake: Faker) -> str:
    """The text with words added or cut off until it has exactly ``length`` characters, the last one no blank."""
    while len(text) < length:
        text = f"{text} {fake.word()}"
    text = text[:length]
    return text if text[-1] != " " else f"{text[:-1]}s"
