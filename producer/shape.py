"""The shape of the course's data, as numbers: sizes, shares, spans, the dirty values' exact texts.

Measured on public copies of the course's data; the generator keeps every one of them, and
``tests/unit/test_generated_*.py`` holds a test for each.
"""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

ROWS = 11_154
"""Rows in each of the three tables."""

CATEGORY_SIZES = MappingProxyType(
    {
        "art": 893,
        "beauty": 746,
        "christmas": 995,
        "diy-and-crafts": 832,
        "education": 862,
        "event-planning": 747,
        "finance": 789,
        "home-decor": 863,
        "mens-fashion": 852,
        "quotes": 902,
        "tattoos": 973,
        "travel": 856,
        "vehicles": 844,
    }
)
"""Posts per category, alphabetically, which is also the order in which they lie in the tables."""

# placeholders, letter by letter
NO_TITLE = "No Title Data Available"
NO_DESCRIPTION = "No description available"
STORY_DESCRIPTION = "No description available Story format"
UNTITLED = "Untitled"
USER_ERROR = "User Info Error"
NO_TAGS = "N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e"
IMAGE_ERROR = "Image src error."

# kinds of posts
IMAGE = "image"
STORY = "multi-video(story page format)"
VIDEO = "video"

# shares of all rows; what is left over is `image`, a `k` follower count, a clean value
STORY_SHARE = 0.066
VIDEO_SHARE = 0.028
USER_ERROR_SHARE = 0.0087  # these rows are stories, and every other placeholder is on them too
NO_DESCRIPTION_SHARE = 0.0152
UNTITLED_SHARE = 0.0007
NO_TAGS_SHARE = 0.0123
IMAGE_ERROR_SHARE = 0.021
PLAIN_FOLLOWERS_SHARE = 0.17
MILLION_FOLLOWERS_SHARE = 0.07
CUT_DESCRIPTION_SHARE = 1 / 3
NEWLINE_TITLE_SHARE = 0.002
# The placeholder rows of one category equal each other too. Seven in a thousand besides makes it about one
# percent by either count, with them or without.
REPEAT_SHARE = 0.007

# follower counts, smallest and largest of each form
PLAIN_FOLLOWERS = (0, 940)
THOUSAND_FOLLOWERS = (1, 985)
MILLION_FOLLOWERS = (1, 15)

# the longest text of each column, in characters
LONGEST_TITLE = 199
LONGEST_DESCRIPTION = 180
LONGEST_TAG_LIST = 247
LONGEST_POSTER_NAME = 268
LONGEST_IMAGE_SRC = 102

CUT_END = "…\N{NO-BREAK SPACE}"
"""How the site ends a description that it cut short."""

TAGS_PER_POST = 9

# both spans in UTC; the last moment of joining is the first of posting, so nobody posts before joining
FIRST_JOINED = datetime(2015, 10, 21)
LAST_JOINED = datetime(2017, 10, 20)
FIRST_POSTED = datetime(2017, 10, 20)
LAST_POSTED = datetime(2022, 10, 20)

YOUNGEST, OLDEST = 20, 60
COUNTRIES = 243

# the one user behind all `User Info Error` rows
USER_ERROR_AGE = 20
USER_ERROR_COUNTRY = "Albania"


def category_sizes(rows: int) -> dict[str, int]:
    """Posts per category in tables of ``rows`` rows: in proportion, by largest remainder, summing to ``rows``."""
    exact = {name: size * rows / ROWS for name, size in CATEGORY_SIZES.items()}
    sizes = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: sizes[name] - exact[name])
    for name in by_remainder[: rows - sum(sizes.values())]:
        sizes[name] += 1
    return sizes
