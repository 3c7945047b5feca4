"""The eight questions about the cleaned tables, in ten tables: each is one function of ``pin``, ``geo`` and ``user``.

The three arguments are the cleaned tables (see :mod:`spark_jobs.schemas`) with one row per ``ind``; they may hold more
columns. Joins are inner joins on ``ind``. Rows with a NULL in a column that is grouped by are left out. "Most" keeps
ties. Questions 1 to 4 count posts; 5 to 8 count users, each once with the highest count that any of their posts shows,
or, with ``per="post"``, count each post as many published solutions do.

>>> for answer in ANSWERS:
...     answer.compute(pin, geo, user).show()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.schemas import ANSWERED

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Per = Literal["user", "post"]
Row = TypeVar("Row", bound=Mapping[str, Any])

AGE_GROUPS = {"18-24": (18, 24), "25-35": (25, 35), "36-50": (36, 50), "+50": (51, None)}
"""Age group to its first and last year of age, in the order of the answers; who is younger belongs to none."""
POST_YEARS = (2018, 2022)
JOINING_YEARS = (2015, 2020)
USER = ("user_name", "age", "date_joined")
"""What makes a user: two users may share a name."""


@dataclass(frozen=True)
class Answer:
    """One answer: what is asked, how it is computed, and in which order its rows are shown.

    ``name`` is its table below ``answers/``. ``order`` names columns, with a minus where the highest comes first.
    ``has_readings`` says whether ``per`` makes a difference.
    """

    number: str
    name: str
    question: str
    function: Callable[..., DataFrame]
    order: tuple[str, ...]
    has_readings: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns, in order; their types are in :data:`spark_jobs.schemas.ANSWERED`."""
        return tuple(ANSWERED[self.number].names)

    @property
    def definition(self) -> str:
        """What exactly the question means: its function's docstring."""
        return cleandoc(self.function.__doc__ or "")

    def compute(self, pin: DataFrame, geo: DataFrame, user: DataFrame, per: Per = "user") -> DataFrame:
        """The answer's rows, in its order."""
        rows = self.function(pin, geo, user, per) if self.has_readings else self.function(pin, geo, user)
        return rows.select(*self.columns).orderBy(*map(_in_order, self.order))


def sort_rows(answer: Answer, rows: Iterable[Row]) -> list[Row]:
    """Rows of an answer's table, which has no order of its own, in the answer's order."""
    return sorted(rows, key=lambda row: [_rank(column, row) for column in answer.order])


def category_by_country(pin: DataFrame, geo: DataFrame, user: DataFrame) -> DataFrame:
    """The category with the most posts in each country; every category with that many."""
    return _most(_posts(_join(pin, geo), "country", "category"), "category_count", "country")


def categories_by_year(pin: DataFrame, geo: DataFrame, user: DataFrame) -> DataFrame:
    """The posts of each category in each year (UTC) of `timestamp`."""
    posts = _join(pin, geo).withColumn("post_year", year(F.col("timestamp")))
    return _posts(posts.where(F.col("post_year").between(*POST_YEARS)), "post_year", "category")


def category_by_year(pin: DataFrame, geo: DataFrame, user: DataFrame) -> DataFrame:
    """The category with the most posts in each year (UTC) of `timestamp`; every category with that many."""
    return _most(categories_by_year(pin, geo, user), "category_count", "post_year")


def most_followed_by_country(pin: DataFrame, geo: DataFrame, user: DataFrame) -> DataFrame:
    """The `poster_name` with the highest follower count in each country, once; every one with that count. Posts
    without a name or a count are left out.
    """
    known = _join(pin, geo).dropna(subset=["country", "poster_name", "follower_count"])
    users = known.groupBy("country", "poster_name").agg(F.max("follower_count").alias("follower_count"))
    return _most(users, "follower_count", "country")


def country_of_most_followed(pin: DataFrame, geo: DataFrame, user: DataFrame) -> DataFrame:
    """The country whose most followed user (3a) has the highest count of all, once; every country with that count."""
    countries = most_followed_by_country(pin, geo, user).select("country", "follower_count").distinct()
    return countries.join(countries.agg(F.max("follower_count").alias("follower_count")), "follower_count")


def category_by_age_group(pin: DataFrame, geo: DataFrame, user: DataFrame) -> DataFrame:
    """The category with the most posts in each age group; every category with that many."""
    posts = _join(pin, user).withColumn("age_group", age_group(F.col("age")))
    return _most(_posts(posts, "age_group", "category"), "category_count", "age_group")


def median_by_age_group(pin: DataFrame, geo: DataFrame, user: DataFrame, per: Per = "user") -> DataFrame:
    """The exact median over users (`user_name`, `age`, `date_joined`), each once with the highest count of their
    posts. Users without a known count are left out.
    """
    return _median_followers(pin, user, per, "age_group")


def users_by_joining_year(pin: DataFrame, geo: DataFrame, user: DataFrame, per: Per = "user") -> DataFrame:
    """The users (`user_name`, `age`, `date_joined`) by year (UTC) of `date_joined`; needs the user table alone."""
    users = user.select(*USER).distinct() if per == "user" else user
    joined = users.withColumn("post_year", year(F.col("date_joined")))
    counted = joined.where(F.col("post_year").between(*JOINING_YEARS)).groupBy("post_year")
    return counted.agg(F.count("*").alias("number_users_joined"))


def median_by_joining_year(pin: DataFrame, geo: DataFrame, user: DataFrame, per: Per = "user") -> DataFrame:
    """The median of 5 by year (UTC) of `date_joined`."""
    return _median_followers(pin, user, per, "post_year")


def median_by_age_group_and_joining_year(
    pin: DataFrame, geo: DataFrame, user: DataFrame, per: Per = "user"
) -> DataFrame:
    """The median of 5 by age group and year (UTC) of `date_joined`."""
    return _median_followers(pin, user, per, "age_group", "post_year")


def age_group(age: Column) -> Column:
    """The age group of an age in years; NULL for who is under 18 or of unknown age."""
    groups = F.lit(None).cast("string")
    for name, (first, last) in AGE_GROUPS.items():
        groups = F.when(age >= first if last is None else age.between(first, last), name).otherwise(groups)
    return groups


def year(time: Column) -> Column:
    """The year of a time in UTC. Spark's own ``year`` takes the session's time zone."""
    return F.year(F.date_from_unix_date(F.floor(F.unix_seconds(time) / 86_400).cast("int")))


def _join(left: DataFrame, right: DataFrame) -> DataFrame:
    # both tables have a _source of their own
    return left.drop("_source").join(right.drop("_source"), "ind")


def _posts(posts: DataFrame, *columns: str) -> DataFrame:
    """How many posts there are of each value of some columns; posts without a value are left out."""
    return posts.dropna(subset=list(columns)).groupBy(*columns).agg(F.count("*").alias("category_count"))


def _most(rows: DataFrame, measure: str, column: str) -> DataFrame:
    """The rows with the highest measure for each value of a column: several where they are equal."""
    top = F.max(measure).over(Window.partitionBy(column))
    return rows.withColumn("_top", top).where(F.col(measure) == F.col("_top")).drop("_top")


def _median_followers(pin: DataFrame, user: DataFrame, per: Per, *columns: str) -> DataFrame:
    """The exact median of the known follower counts for each value of some columns."""
    followers = _join(pin, user).dropna(subset=["follower_count"])
    if per == "user":
        followers = followers.groupBy(*USER).agg(F.max("follower_count").alias("follower_count"))
    by = {"age_group": age_group(F.col("age")), "post_year": year(F.col("date_joined"))}
    followers = followers.select("follower_count", *(by[column].alias(column) for column in columns))
    if "post_year" in columns:
        followers = followers.where(F.col("post_year").between(*JOINING_YEARS))
    medians = followers.dropna(subset=list(columns)).groupBy(*columns)
    # with an even number of values the mean of the middle two; percentile_approx would give one of them
    return medians.agg(F.median("follower_count").alias("median_follower_count"))


def _in_order(column: str) -> Column:
    name = column.removeprefix("-")
    if name == "age_group":
        return F.array_position(F.lit(list(AGE_GROUPS)), F.col(name)).asc()
    return F.col(name).desc() if column.startswith("-") else F.col(name).asc()


def _rank(column: str, row: Mapping[str, Any]) -> Any:
    name = column.removeprefix("-")
    if name == "age_group":
        return list(AGE_GROUPS).index(row[name])
    return -row[name] if column.startswith("-") else row[name]


ANSWERS = (
    Answer(
        "1", "1_category_by_country", "Most popular category per country",
        category_by_country, ("country", "-category_count", "category"),
    ),
    Answer(
        "2a", "2a_categories_by_year", "Posts per category and year, 2018-2022",
        categories_by_year, ("post_year", "-category_count", "category"),
    ),
    Answer(
        "2b", "2b_category_by_year", "Most popular category per year, 2018-2022",
        category_by_year, ("post_year", "-category_count", "category"),
    ),
    Answer(
        "3a", "3a_most_followed_by_country", "Most followed user per country",
        most_followed_by_country, ("country", "-follower_count", "poster_name"),
    ),
    Answer(
        "3b", "3b_country_of_most_followed", "Country of the most followed user",
        country_of_most_followed, ("country", "-follower_count"),
    ),
    Answer(
        "4", "4_category_by_age_group", "Most popular category per age group",
        category_by_age_group, ("age_group", "-category_count", "category"),
    ),
    Answer(
        "5", "5_median_by_age_group", "Median followers per age group",
        median_by_age_group, ("age_group",), has_readings=True,
    ),
    Answer(
        "6", "6_users_by_joining_year", "Users joined per year, 2015-2020",
        users_by_joining_year, ("post_year",), has_readings=True,
    ),
    Answer(
        "7", "7_median_by_joining_year", "Median followers per joining year, 2015-2020",
        median_by_joining_year, ("post_year",), has_readings=True,
    ),
    Answer(
        "8", "8_median_by_age_group_and_joining_year", "Median followers per age group and joining year, 2015-2020",
        median_by_age_group_and_joining_year, ("age_group", "post_year"), has_readings=True,
    ),
)  # fmt: skip
"""The ten tables, in the order of the questions."""
