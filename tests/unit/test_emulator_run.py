"""The emulator pairs an order with senders, counts what became of each record, and ends cleanly.

Posts come from the generated rows in memory; the proxy is the fake that fails on demand. The database and the real
proxy have tests of their own.
"""

import json
import os
import subprocess
import sys
import threading
import time
from itertools import chain
from pathlib import Path

import pytest

from producer.emulator import Pace, PostingFailed, post
from producer.errors import DatabaseError, ProducerError
from producer.order import Draw, course_order, key_order
from producer.rest_sender import rest_senders
from producer.senders import Sent
from producer.tables import TABLES, Post, as_record
from tests.support.generated import tables
from tests.support.rest_faults import acknowledge, answer, faulty_proxy, refuse

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]


class Rows:
    """Posts of a generated table of 400 rows; ``without`` lists (table, ind) that are not there."""

    def __init__(self, without=()):
        self.without = set(without)
        self.asked = []

    def fetch_posts(self, inds):
        self.asked.append(list(inds))
        rows = {name: tables(400).rows(name) for name in TABLES}
        posts = [
            Post(i, *(rows[name][i] if i < 400 and (name, i) not in self.without else None for name in TABLES))
            for i in inds
        ]
        return [found for found in posts if found.pin or found.geo or found.user]


@pytest.fixture
def proxy():
    with faulty_proxy() as running:
        yield running


@pytest.fixture
def stop():
    return threading.Event()


@pytest.fixture
def senders(proxy, stop):
    made = rest_senders(proxy.address, "demo", stop=stop, patience=1)
    yield made
    for sender in made:
        sender.close()


def sent_to(proxy, table):
    return [record for path, _, records in proxy.requests if path == f"/topics/demo.{table}" for record in records]


def test_every_row_of_every_table_arrives_in_order(proxy, senders):
    report = post(Rows(), senders, key_order(range(400)), batch_size=150)
    for name in TABLES:
        assert sent_to(proxy, name) == [
            {"key": i, "value": json.loads(json.dumps(as_record(row)))} for i, row in enumerate(tables(400).rows(name))
        ]
    assert sorted(map(len, proxy.keys())) == [100] * 3 + [150] * 6
    assert report.totals == Sent(acknowledged=1200)
    assert (report.posts, report.absent, report.stopped) == (400, 0, False)


def test_the_report_tells_of_each_table(senders):
    report = post(Rows(), senders, key_order(range(10)))
    assert [(t.table, t.address, t.counts) for t in report.targets] == [
        (sender.table, sender.address, Sent(acknowledged=10)) for sender in senders
    ]


def test_the_courses_order_repeats_posts_and_sends_each_repeat(proxy, senders):
    rows = Rows()
    report = post(rows, senders, course_order(range(400), count=1000), batch_size=500)
    assert [len(asked) for asked in rows.asked] == [500, 500]
    assert [record["key"] for record in sent_to(proxy, "geo")] == list(chain(*rows.asked))
    assert (report.posts, report.totals.acknowledged) == (1000, 3000)


def test_a_table_that_lacks_a_post_sends_nothing_for_it(proxy, senders):
    report = post(Rows(without=[("geo", 1), ("geo", 2), ("user", 2)]), senders, key_order(range(4)))
    assert [[r["key"] for r in sent_to(proxy, name)] for name in TABLES] == [[0, 1, 2, 3], [0, 3], [0, 1, 3]]
    assert report.totals == Sent(acknowledged=9)


def test_posts_that_are_in_no_table_are_counted_as_absent(senders):
    report = post(Rows(), senders, key_order([398, 399, 400, 401]))
    assert (report.posts, report.absent, report.totals.sent) == (2, 2, 6)


def test_the_three_tables_are_sent_side_by_side(proxy, senders):
    all_three = threading.Barrier(3, timeout=10)

    def meet(records):
        all_three.wait()
        return acknowledge(records)

    proxy.faults = [meet] * 3
    assert post(Rows(), senders, key_order(range(5))).totals == Sent(acknowledged=15)


def test_at_the_courses_pace_each_request_is_one_record_after_its_pause(proxy, senders):
    order = [Draw(0, 7), Draw(1, 3), Draw(0, 5)]
    start = time.monotonic()
    report = post(Rows(), senders, order, pace=Pace.COURSE, batch_size=500)
    assert 1 <= time.monotonic() - start < 3
    assert [[r["key"] for r in sent_to(proxy, name)] for name in TABLES] == [[7, 3, 5]] * 3
    assert {len(records) for _, _, records in proxy.requests} == {1}
    assert report.totals == Sent(acknowledged=9)


def test_at_the_fast_pace_pauses_are_not_kept(senders):
    start = time.monotonic()
    post(Rows(), senders, [Draw(1, i) for i in range(100)])
    assert time.monotonic() - start < 20


def test_progress_is_told_after_each_batch_with_its_posts(senders):
    told = []
    post(
        Rows(),
        senders,
        key_order(range(25)),
        batch_size=10,
        on_progress=lambda posts, report: told.append(([one.ind for one in posts], report.totals.acknowledged)),
    )
    assert told == [(list(range(10)), 30), (list(range(10, 20)), 60), (list(range(20, 25)), 75)]


def test_stop_ends_after_the_requests_in_flight_and_loses_no_count(proxy, senders, stop):
    def answer_late(records):
        stop.set()
        time.sleep(0.2)
        return acknowledge(records)

    proxy.faults = [acknowledge] * 3 + [answer_late] * 3
    report = post(Rows(), senders, key_order(range(400)), batch_size=10, stop=stop)
    assert (report.stopped, report.posts) == (True, 20)
    assert report.totals == Sent(acknowledged=60)
    assert sum(map(len, proxy.keys())) == 60


def test_stop_ends_a_pause_at_once(senders, stop):
    threading.Timer(0.1, stop.set).start()
    start = time.monotonic()
    report = post(Rows(), senders, [Draw(30, 1)], pace=Pace.COURSE, stop=stop)
    assert time.monotonic() - start < 15
    assert (report.stopped, report.totals.sent) == (True, 0)


def test_stop_ends_retries_and_what_is_not_acknowledged_is_failed(proxy, senders, stop):
    def throttle(records):
        stop.set()
        return answer(429)(records)

    proxy.faults = [acknowledge] * 3 + [throttle] * 1000
    report = post(Rows(), senders, key_order(range(20)), batch_size=10, stop=stop)
    assert report.stopped
    assert (report.totals.acknowledged, report.totals.failed) == (30, 30)
    assert len(proxy.requests) <= 9  # one try each, two where the stop came between


def test_a_place_that_fails_for_good_ends_with_its_address_and_the_acknowledged(proxy, senders):
    proxy.faults = [acknowledge] * 3 + [answer(503, "gone")] * 1000
    with pytest.raises(PostingFailed) as failed:
        post(Rows(), senders, key_order(range(400)), batch_size=100)
    message = str(failed.value)
    assert message.startswith(f"{senders[0].address}: answered 503 gone, ")
    assert message.endswith("; 300 of 600 records were acknowledged")
    assert "\n" not in message
    totals = failed.value.report.totals
    assert (totals.acknowledged, totals.failed, totals.uncertain) == (300, 300, 300)


def test_when_one_table_fails_the_others_counts_are_kept(proxy, senders):
    senders[1].address = senders[1].address.replace("demo.geo", "nothing/here")
    real = proxy.faults = []

    def by_table(records):
        return answer(404, "")(records) if "latitude" in records[0]["value"] else acknowledge(records)

    real.extend([by_table] * 3)
    with pytest.raises(PostingFailed, match=r"/topics/nothing/here: answered 404: .*; 20 of 30 records") as failed:
        post(Rows(), senders, key_order(range(10)))
    assert [target.counts.acknowledged for target in failed.value.report.targets] == [10, 0, 10]


def test_a_record_that_is_never_taken_is_counted_and_the_rest_goes_on(proxy, senders):
    def poison(records):
        return refuse(5)(records) if "title" in records[0]["value"] else acknowledge(records)

    proxy.faults = [poison] * 60
    report = post(Rows(), senders, key_order(range(20)), batch_size=10)
    pin = report.targets[0].counts
    assert (pin.acknowledged, pin.failed) == (19, 1)
    assert report.totals.acknowledged == 59
    assert "50002 broker says no" in report.totals.error


def test_a_database_that_fails_ends_with_one_line_and_the_counts(senders):
    class Failing(Rows):
        def fetch_posts(self, inds):
            if self.asked:
                raise DatabaseError("MySQL at 127.0.0.1:1 does not answer (x)")
            return super().fetch_posts(inds)

    with pytest.raises(PostingFailed) as failed:
        post(Failing(), senders, key_order(range(20)), batch_size=10)
    assert str(failed.value) == "MySQL at 127.0.0.1:1 does not answer (x); 30 of 30 records were acknowledged"


def test_an_interrupt_without_a_handler_ends_the_retries_too(proxy, senders, stop):
    def interrupted(posts, report):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        post(Rows(), senders, key_order(range(20)), batch_size=10, stop=stop, on_progress=interrupted)
    assert stop.is_set()


def test_a_batch_of_nothing_is_refused(senders):
    with pytest.raises(ProducerError, match="batch size is 0"):
        post(Rows(), senders, key_order(range(1)), batch_size=0)


def run_entry_point(**variables):
    """The course's entry point as the course starts it, from another folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PIN_", "MYSQL_"))}
    env |= {"PIN_ENV_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true", **variables}
    script = ROOT / "producer" / "user_posting_emulation.py"
    return subprocess.run(
        [sys.executable, str(script)], cwd="/", env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_courses_entry_point_tells_wrong_settings_without_a_traceback():
    ended = run_entry_point(AWS_ENDPOINT_URL="nonsense")
    assert ended.returncode == 1
    assert "AWS_ENDPOINT_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_courses_entry_point_tells_a_stack_that_is_down_in_one_line():
    ended = run_entry_point(
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_MAX_ATTEMPTS="1",
    )
    assert ended.returncode == 1
    assert "http://127.0.0.1:9" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
