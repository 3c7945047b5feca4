"""The ten answers a second time: DuckDB, and SQL written from the definitions alone, to compare whole results with.

It does its own cleaning. The rows are what MySQL holds, or what arrived: dictionaries with the columns of the three
tables, in the order of arrival, so that a later row replaces an earlier one of the same key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import duckdb
import pyarrow as pa

Rows = Mapping[str, Iterable[Mapping[str, Any]]]

CLEANED = """
create macro is_blank(t) as t is null or not regexp_matches(t, '[^\\s\\x{00A0}]');
create macro known(t, placeholders) as case when not is_blank(t) and not list_contains(placeholders, t) then t end;
create macro whole(t) as
    case when regexp_full_match(trim(t), '[+-]?[0-9]+(\\.0*)?') then try_cast(t as decimal(38, 1)) end;
create macro utc(t) as case when regexp_full_match(
    t, '\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?([Zz]|[+-]\\d\\d:?\\d\\d)?'
) then try_cast(regexp_replace(t, '([+-]\\d\\d):?(\\d\\d)$', '\\1:\\2') as timestamptz) end;

create table pin as
with texts as (
    select arrival, post->>'unique_id' as unique_id, post->>'category' as category, whole(post->>'index') as ind,
        known(post->>'title', ['No Title Data Available']) as title,
        known(post->>'description', [
            'No description available Story format', 'No description available', 'Untitled'
        ]) as description,
        known(post->>'poster_name', ['User Info Error']) as poster_name,
        known(post->>'follower_count', ['User Info Error']) as followers,
        known(post->>'tag_list', ['N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e']) as tag_list,
        known(post->>'is_image_or_video', []) as is_image_or_video,
        known(post->>'image_src', ['Image src error.']) as image_src,
        known(post->>'save_location', []) as saved
    from arrived_pin
), counted as (
    select *,
        case when starts_with(saved, 'Local save in ') then saved[15:] else saved end as save_location,
        round(
            try_cast(regexp_extract(followers, '^([0-9]+(\\.[0-9]+)?)[kKmMbB]?$', 1) as decimal(28, 9))
            * case upper(right(followers, 1)) when 'K' then 1e3 when 'M' then 1e6 when 'B' then 1e9 else 1 end
        ) as follower_count
    from texts
)
select ind::int as ind, unique_id, title, description, follower_count::int as follower_count, poster_name, tag_list,
    is_image_or_video, image_src, save_location, category
from counted
where ind between 0 and 2147483647 and not is_blank(unique_id) and not is_blank(category)
    and (followers is null or follower_count <= 2147483647)
qualify row_number() over (partition by ind order by arrival desc) = 1;

create table geo as
with texts as (
    select arrival, whole(post->>'ind') as ind, post->>'country' as country, utc(post->>'timestamp') as posted,
        try_cast(post->>'latitude' as double) as latitude, try_cast(post->>'longitude' as double) as longitude
    from arrived_geo
)
select ind::int as ind, country, [latitude, longitude] as coordinates, posted as timestamp
from texts
where ind between 0 and 2147483647 and not is_blank(country) and posted is not null
    and latitude between -90 and 90 and longitude between -180 and 180
qualify row_number() over (partition by ind order by arrival desc) = 1;

create table user_ as
with texts as (
    select arrival, whole(post->>'ind') as ind, post->>'first_name' as first_name, post->>'last_name' as last_name,
        whole(post->>'age') as age, utc(post->>'date_joined') as date_joined
    from arrived_user
)
select ind::int as ind, first_name || ' ' || last_name as user_name, age::int as age, date_joined
from texts
where ind between 0 and 2147483647 and not is_blank(first_name) and not is_blank(last_name)
    and age between 0 and 150 and date_joined is not null
qualify row_number() over (partition by ind order by arrival desc) = 1;

create view places as select ind, country, year(timestamp) as year from geo;
create view users as
select *, year(date_joined) as year,
    case when age >= 51 then 4 when age >= 36 then 3 when age >= 25 then 2 when age >= 18 then 1 end as age_group
from user_;
"""

FOLLOWERS = {
    "user": """
        create table followers as
        select user_name, age, date_joined, any_value(year) as year, any_value(age_group) as age_group,
            max(follower_count) as followers
        from pin join users using (ind) group by user_name, age, date_joined
    """,
    "post": """
        create table followers as
        select year, age_group, follower_count as followers from pin join users using (ind)
    """,
}

AGE_GROUP = "['18-24', '25-35', '36-50', '+50'][age_group]"

ANSWERS = {
    "1": """
        with counts as (
            select country, category, count(*) as category_count from pin join places using (ind) group by all
        )
        select * from counts as c
        where category_count >= all (select category_count from counts as other where other.country = c.country)
        order by country, category
    """,
    "2a": """
        select year as post_year, category, count(*) as category_count from pin join places using (ind)
        where year in (2018, 2019, 2020, 2021, 2022) group by all order by post_year, category_count desc, category
    """,
    "2b": """
        with counts as (select year, category, count(*) as n from pin join places using (ind) group by all)
        select year as post_year, category, n as category_count from counts as c
        where year in (2018, 2019, 2020, 2021, 2022) and n = (select max(n) from counts as o where o.year = c.year)
        order by post_year, category
    """,
    "3a": """
        with posts as (
            select country, poster_name, follower_count from pin join places using (ind)
            where poster_name is not null and follower_count is not null
        )
        select distinct country, poster_name, follower_count from posts as p
        where follower_count = (select max(follower_count) from posts as o where o.country = p.country)
        order by country, poster_name
    """,
    "3b": """
        with posts as (
            select country, follower_count from pin join places using (ind)
            where poster_name is not null and follower_count is not null
        )
        select distinct country, follower_count from posts
        where follower_count = (select max(follower_count) from posts) order by country
    """,
    "4": f"""
        with counts as (
            select age_group, category, count(*) as n from pin join users using (ind)
            where age_group is not null group by all
        )
        select {AGE_GROUP} as age_group, category, n as category_count from counts as c
        where n = (select max(n) from counts as o where o.age_group = c.age_group)
        order by c.age_group, category
    """,
    "5": f"""
        select {AGE_GROUP} as age_group, median(followers) as median_follower_count from followers as f
        where f.age_group is not null and followers is not null group by f.age_group order by f.age_group
    """,
    "6": """
        select year as post_year, count({counted}) as number_users_joined from users
        where year between 2015 and 2020 group by year order by year
    """,
    "7": """
        select year as post_year, median(followers) as median_follower_count from followers
        where year between 2015 and 2020 and followers is not null group by year order by year
    """,
    "8": f"""
        select {AGE_GROUP} as age_group, year as post_year, median(followers) as median_follower_count
        from followers as f
        where f.age_group is not null and year between 2015 and 2020 and followers is not null
        group by f.age_group, year order by f.age_group, year
    """,
}
COUNTED = {"user": "distinct (user_name, age, date_joined)", "post": "*"}


def oracle_answers(rows: Rows, per: Literal["user", "post"] = "user") -> dict[str, list[dict[str, Any]]]:
    """Answer number to its rows, in the answer's order, as ``pinpipe answers --json`` prints them."""
    with _cleaned(rows) as db:
        db.execute(FOLLOWERS[per])
        return {
            number: db.sql(sql.replace("{counted}", COUNTED[per])).to_arrow_table().to_pylist()
            for number, sql in ANSWERS.items()
        }


def oracle_tables(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """The cleaned tables, in the order of their keys; times in UTC."""
    places = {"pin": "pin", "geo": "geo", "user": "user_"}
    with _cleaned(rows) as db:
        return {
            table: db.sql(f"from {place} order by ind").to_arrow_table().to_pylist() for table, place in places.items()
        }


def _cleaned(rows: Rows) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    db.execute("set TimeZone = 'UTC'")
    for table in ("pin", "geo", "user"):
        texts = [json.dumps(row) for row in rows[table]]
        posts = pa.table({"post": texts}, schema=pa.schema([("post", pa.string())]))
        db.register("posts", posts)
        db.execute(
            f"create table arrived_{table} as select row_number() over () as arrival, post::json as post from posts"
        )
        db.unregister("posts")
    db.execute(CLEANED)
    return db
