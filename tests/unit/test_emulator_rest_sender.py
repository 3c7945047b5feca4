"""Records reach a REST proxy once each, whatever fails on the way; what may be there twice is counted.

The proxy here is a fake that fails on demand (``tests.support.rest_faults``): 500s, hangs, cut connections and
single refused records can't be had from the real one at will. The real path is tested end to end.
"""

import socket
import threading
import time

import pytest

from producer.rest_sender import RestSender, rest_senders
from producer.senders import Record, SendFailed, Sent
from producer.tables import as_record
from tests.support.generated import tables
from tests.support.rest_faults import acknowledge, answer, cut, cut_off, faulty_proxy, hang, refuse

pytestmark = pytest.mark.unit


@pytest.fixture
def proxy():
    with faulty_proxy() as running:
        yield running


@pytest.fixture
def sender(proxy):
    made = RestSender(proxy.address, "demo.pin", "pin", patience=5, timeout=(1, 0.5), longest_wait=0.1)
    yield made
    made.close()


def records(*keys):
    return [Record(key, {"index": key}) for key in keys]


def unused_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_a_batch_is_one_v2_request_keyed_by_ind(proxy, sender):
    rows = tables(100).geo[:2]
    assert sender.send([Record(row.ind, as_record(row)) for row in rows]) == Sent(acknowledged=2)
    [(path, headers, sent)] = proxy.requests
    assert path == "/topics/demo.pin"
    assert headers["Content-Type"] == "application/vnd.kafka.json.v2+json"
    assert sent == [{"key": row.ind, "value": as_record(row)} for row in rows]
    assert sent[0]["value"]["timestamp"] == rows[0].timestamp.strftime("%Y-%m-%dT%H:%M:%S")


def test_texts_arrive_as_they_are(proxy, sender):
    value = {"title": 'a\n"b" 😍 …\u00a0', "poster_name": " Niña "}
    sender.send([Record(1, value)])
    assert proxy.requests[0][2] == [{"key": 1, "value": value}]


def test_many_batches_share_one_connection(proxy, sender):
    for _ in range(5):
        sender.send(records(1, 2, 3))
    assert (len(proxy.requests), proxy.connections) == (5, 1)


def test_nothing_to_send_is_no_request(proxy, sender):
    assert sender.send([]) == Sent()
    assert proxy.requests == []


def test_only_the_refused_records_go_again(proxy, sender):
    proxy.faults = [refuse(2, 4), refuse(4)]
    assert sender.send(records(1, 2, 3, 4)) == Sent(acknowledged=4)
    assert proxy.keys() == [[1, 2, 3, 4], [2, 4], [4]]


def test_a_record_that_timed_out_in_the_broker_may_be_there_twice(proxy, sender):
    proxy.faults = [refuse(2, error="Local: Message timed out")]
    assert sender.send(records(1, 2)) == Sent(acknowledged=2, uncertain=1)


def test_a_record_refused_for_ever_is_counted_and_its_neighbours_are_not_sent_again(proxy, sender):
    proxy.faults = [refuse(2)] * 50
    counts = sender.send(records(1, 2, 3))
    assert (counts.sent, counts.acknowledged, counts.failed, counts.uncertain) == (3, 2, 1, 0)
    assert "50002 broker says no" in counts.error
    assert proxy.keys()[0] == [1, 2, 3]
    assert set(map(tuple, proxy.keys()[1:])) == {(2,)}


def test_a_topic_that_takes_nothing_fails_with_its_address_and_reason(proxy, sender):
    sender = RestSender(proxy.address, "bad topic", "pin", patience=0.5)
    proxy.faults = [refuse(1, 2, error="Invalid topics: [bad topic]")] * 50
    with pytest.raises(SendFailed, match=r"/topics/bad topic: a record was answered 50002 Invalid topics") as failed:
        sender.send(records(1, 2))
    assert failed.value.counts.failed == 2
    sender.close()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_again_and_counted_as_a_possible_repeat(proxy, sender, status):
    proxy.faults = [answer(status, "down"), answer(status)]
    assert sender.send(records(1, 2)) == Sent(acknowledged=2, uncertain=2)
    assert proxy.keys() == [[1, 2]] * 3


def test_being_throttled_is_tried_again_and_repeats_nothing(proxy, sender):
    proxy.faults = [answer(429, {"message": "Too Many Requests"})]
    assert sender.send(records(1)) == Sent(acknowledged=1)


def test_a_time_out_is_sent_again_and_counted_as_a_possible_repeat(proxy, sender):
    proxy.faults = [hang(1.5)]
    assert sender.send(records(1, 2, 3)) == Sent(acknowledged=3, uncertain=3)
    assert proxy.keys() == [[1, 2, 3]] * 2


@pytest.mark.parametrize("fault", [cut, cut_off(acknowledge)])
def test_a_connection_cut_after_the_request_is_a_possible_repeat(proxy, sender, fault):
    proxy.faults = [acknowledge, fault]
    sender.send(records(1))
    assert sender.send(records(2, 3)) == Sent(acknowledged=2, uncertain=2)
    assert proxy.keys() == [[1], [2, 3], [2, 3]]


def test_a_record_is_a_possible_repeat_once_however_often_it_times_out(proxy, sender):
    proxy.faults = [answer(500), answer(500), refuse(2), answer(500)]
    assert sender.send(records(1, 2)) == Sent(acknowledged=2, uncertain=2)


def test_a_place_that_is_not_there_fails_with_one_line_and_nothing_uncertain():
    address = unused_address()
    sender = RestSender(address, "demo.geo", "geo", patience=0.5)
    with pytest.raises(SendFailed) as failed:
        sender.send(records(1, 2))
    assert str(failed.value).startswith(f"{address}/topics/demo.geo: refused the connection, ")
    assert "\n" not in str(failed.value)
    assert (failed.value.counts.acknowledged, failed.value.counts.failed, failed.value.counts.uncertain) == (0, 2, 0)
    sender.close()


def test_a_place_that_comes_up_late_gets_the_records():
    address, served = unused_address(), threading.Event()
    sender = RestSender(address, "demo.pin", "pin", patience=10)

    def start_late():
        time.sleep(0.5)
        with faulty_proxy(int(address.rsplit(":", 1)[1])):
            served.wait(10)

    thread = threading.Thread(target=start_late)
    thread.start()
    try:
        assert sender.send(records(1)) == Sent(acknowledged=1)
    finally:
        served.set()
        thread.join()
        sender.close()


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (404, {"error_code": 404, "message": "HTTP 404 Not Found"}, "answered 404 HTTP 404 Not Found"),
        (403, {"message": "Missing Authentication Token"}, "answered 403 Missing Authentication Token"),
        (415, "no\nsuch   thing", "answered 415 no such thing"),
        (302, "", "answered 302"),
    ],
)
def test_any_other_status_fails_at_once_with_what_it_said(proxy, sender, status, body, told):
    proxy.faults = [answer(status, body)] * 2
    with pytest.raises(SendFailed) as failed:
        sender.send(records(1))
    assert str(failed.value) == f"{proxy.address}/topics/demo.pin: {told}: check the address, and 'pinpipe status'"
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("body", ["no json", "[]", {}, {"offsets": []}, {"offsets": [1]}, {"offsets": None}])
def test_an_answer_that_does_not_tell_of_each_record_is_not_trusted(proxy, sender, body):
    proxy.faults = [answer(200, body)] * 2
    with pytest.raises(SendFailed, match="answered 200 without one offset for each of 1 records") as failed:
        sender.send(records(1))
    counts = failed.value.counts
    assert (counts.acknowledged, counts.failed, counts.uncertain) == (0, 1, 1)


def test_an_address_that_is_none_fails_at_once():
    sender = RestSender("nowhere", "demo.pin", "pin")
    with pytest.raises(SendFailed, match=r"^nowhere/topics/demo\.pin: Invalid URL"):
        sender.send(records(1))
    sender.close()


def test_stop_ends_the_retries_and_says_what_is_not_acknowledged(proxy):
    stop = threading.Event()
    sender = RestSender(proxy.address, "demo.pin", "pin", patience=60, stop=stop)

    def fail_and_stop(records):
        stop.set()
        return answer(500)(records)

    proxy.faults = [refuse(2), fail_and_stop, *[answer(500)] * 500]
    counts = sender.send(records(1, 2))
    assert len(proxy.requests) == 2
    assert (counts.acknowledged, counts.failed, counts.uncertain) == (1, 1, 1)
    sender.close()


def test_a_proxy_for_the_outside_does_not_get_requests_to_this_machine(proxy, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, unused_address())
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    sender = RestSender(proxy.address, "demo.pin", "pin", patience=1)
    assert sender.send(records(1)) == Sent(acknowledged=1)
    sender.close()


def test_the_three_senders_go_to_the_users_topics():
    made = rest_senders("http://127.0.0.1:1/dev/", "demo")
    assert [(sender.table, sender.address) for sender in made] == [
        ("pin", "http://127.0.0.1:1/dev/topics/demo.pin"),
        ("geo", "http://127.0.0.1:1/dev/topics/demo.geo"),
        ("user", "http://127.0.0.1:1/dev/topics/demo.user"),
    ]
    for sender in made:
        sender.close()
