"""The database room against a real MySQL 8: what is loaded comes back, and a load is seen whole or not at all."""

import ast
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest

from producer import user_posting_emulation
from producer.database import Database
from producer.errors import DatabaseError
from producer.tables import TABLES, Tables, as_record
from tests.support.generated import tables
from tests.support.mysql import Mysql
from tests.support.rest_faults import acknowledge, faulty_proxy

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Mysql(tmp_path_factory.mktemp("mysql")) as running:
        yield running


@pytest.fixture
def database(server):
    with Database(server.url) as opened:
        yield opened


def sql(server, statement):
    """A statement over a connection of its own, as any other client would send it."""
    url = server.url.removeprefix("mysql://pinpipe:pinpipe@127.0.0.1:").partition("/")[0]
    connection = pymysql.connect(
        host="127.0.0.1", port=int(url), user="pinpipe", password="pinpipe", database="pinterest_data", autocommit=True
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def content(database):
    posts = [post for page in database.read_posts(page=300) for post in page]
    return Tables([p.pin for p in posts], [p.geo for p in posts], [p.user for p in posts])


def test_the_generated_tables_come_back_value_for_value(database):
    database.load(tables())
    assert database.counts() == {"pin": 11_154, "geo": 11_154, "user": 11_154}
    assert content(database) == tables()


def test_a_bare_select_gives_columns_and_rows_in_the_courses_order(server, database):
    shuffled = Tables(tables(400).pin[::-1], tables(400).geo[::-1], tables(400).user[::-1])
    database.load(shuffled)
    for table in TABLES.values():
        rows = sql(server, f"SELECT * FROM {table.mysql_name}")
        assert [row[0] for row in rows] == list(range(400))
        columns = sql(server, f"SHOW COLUMNS FROM {table.mysql_name}")
        assert [column[0] for column in columns] == list(table.columns)
    types = {name: kind for name, kind, *_ in sql(server, "SHOW COLUMNS FROM geolocation_data")}
    # 8.0.15 shows the width that 8.4 leaves out
    assert {name: kind.partition("(")[0] for name, kind in types.items()} == {
        "ind": "int", "timestamp": "datetime", "latitude": "float", "longitude": "float", "country": "text"
    }  # fmt: skip
    [(_, created)] = sql(server, "SHOW CREATE TABLE pinterest_data")
    assert "CHARSET=utf8mb4" in created


def test_single_posts_come_in_the_order_asked_for(database):
    database.load(replace(tables(400), geo=tables(400).geo[:10]))
    assert database.fetch_post(7).user == tables(400).user[7]
    assert database.fetch_post(11).geo is None
    assert database.fetch_post(400) is None
    assert [post.ind for post in database.fetch_posts([9, 3, 400, 9])] == [9, 3, 9]
    assert database.fetch_posts([]) == []
    assert database.keys() == list(range(400))


def test_a_reader_sees_the_old_rows_or_the_new_never_half(server, database):
    database.load(tables(100))
    seen, done = set(), threading.Event()

    def watch():
        counts = ", ".join(f"(SELECT COUNT(*) FROM {table.mysql_name})" for table in TABLES.values())
        while not done.is_set():
            seen.update(sql(server, f"SELECT {counts}"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    steps = []
    try:
        for rows in (2500, 100, 2500):
            database.load(tables(rows), on_progress=steps.append)
    finally:
        done.set()
        watcher.join()
    assert seen == {(100, 100, 100), (2500, 2500, 2500)}
    assert sum(steps) == 3 * (2500 + 100 + 2500)


def test_a_load_that_is_killed_in_the_middle_leaves_the_old_rows(server, database):
    database.load(tables(100))
    code = (
        "import os, signal, sys\n"
        "from producer.database import Database\n"
        "from producer.generate import generate\n"
        "rows = 0\n"
        "def die_later(step):\n"
        "    global rows\n"
        "    rows += step\n"
        "    if rows > 3000:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "Database(sys.argv[1]).load(generate(2500), on_progress=die_later)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, server.url], cwd=ROOT, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert content(database) == tables(100)
    database.load(tables(400))
    assert content(database) == tables(400)
    assert {name for (name,) in sql(server, "SHOW TABLES")} == {table.mysql_name for table in TABLES.values()}


def test_a_second_load_at_the_same_time_is_refused(server, database):
    database.load(tables(100))
    with Database(server.url) as other:

        def load_too(step):
            with pytest.raises(DatabaseError, match="is being seeded already"):
                other.load(tables(400))

        database.load(tables(100), on_progress=load_too)
        other.load(tables(400))
    assert content(database) == tables(400)


def test_reading_goes_on_after_the_server_was_killed(server, database):
    database.load(tables(400))
    before = database.fetch_posts(range(10))
    server.stop(signal.SIGKILL)
    starter = threading.Thread(target=server.start)
    starter.start()
    try:
        assert database.fetch_posts(range(10)) == before
    finally:
        starter.join()


def test_a_server_that_is_down_is_told_with_its_address_and_no_password(server, tmp_path):
    down = server.url.replace(str(server.port), "9")
    with pytest.raises(DatabaseError, match=r"^MySQL at 127\.0\.0\.1:9 does not answer \(.*\): start it with") as told:
        Database(down.replace(":pinpipe@", ":secret@"))
    assert "secret" not in str(told.value)


def test_a_wrong_password_and_a_missing_schema_name_the_setting(server):
    with pytest.raises(DatabaseError, match=r"refuses the user 'pinpipe': correct the user and password in MYSQL_URL"):
        Database(server.url.replace(":pinpipe@", ":other@"))
    with pytest.raises(DatabaseError, match=r"has no schema 'nothing' for us: correct MYSQL_URL"):
        Database(server.url.replace("/pinterest_data", "/nothing"))


def test_a_schema_without_the_tables_says_what_fills_it(server, database):
    sql(server, "DROP TABLE IF EXISTS pinterest_data, geolocation_data, user_data")
    with pytest.raises(DatabaseError, match="run 'pinpipe seed'"):
        database.counts()
    database.create_schema()
    assert database.counts() == {"pin": 0, "geo": 0, "user": 0}


def test_the_courses_entry_point_posts_in_the_courses_order_until_it_is_asked_to_stop(
    server, database, monkeypatch, capsys
):
    """Against a proxy that only acknowledges; the whole real path is the end-to-end tests' part."""
    database.load(tables())
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with faulty_proxy() as proxy:

        def interrupt_at_the_third_post(records):
            os.kill(os.getpid(), signal.SIGINT)
            return acknowledge(records)

        proxy.faults = [acknowledge] * 6 + [interrupt_at_the_third_post]
        monkeypatch.setattr("pinpipe.aws.invoke_url", lambda settings: proxy.address)
        for name, value in {
            "PIN_ENV_FILE": os.devnull, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "MYSQL_URL": server.url,
            "PIN_USER_ID": "someone", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        try:
            assert user_posting_emulation.main() == 0
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    printed = capsys.readouterr().out.splitlines()
    rows = [as_record(tables().rows(name)[i]) for i in (7528, 2863, 5730) for name in TABLES]
    assert [ast.literal_eval(line) for line in printed[:-1]] == rows
    assert printed[-1] == "3 posts: 9 records sent, 9 acknowledged, 0 failed, 0 possibly repeated"
    assert {path for path, _, _ in proxy.requests} == {f"/topics/someone.{name}" for name in TABLES}
