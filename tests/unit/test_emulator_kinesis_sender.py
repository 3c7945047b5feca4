"""Records reach a stream once each, whatever fails on the way; what may be there twice is counted.

The gateway here is a fake that fails on demand (``tests.support.kinesis_faults``): single throttled records, wrong
counts, cut connections and hangs can't be had from the real one at will. The real path is tested in ``tests/stack``.
"""

import json
import threading
import time

import pytest

from producer.kinesis_sender import KinesisSender, kinesis_senders
from producer.senders import Record, SendFailed, Sent
from producer.tables import as_record
from tests.support.generated import tables
from tests.support.kinesis_faults import THROTTLED, error, faulty_gateway, keys, put, refuse
from tests.support.rest_faults import answer, cut, cut_off

pytestmark = pytest.mark.unit

STREAM = "streaming-demo-pin"


@pytest.fixture
def gateway():
    with faulty_gateway() as running:
        yield running


@pytest.fixture
def sender(gateway):
    made = KinesisSender(gateway.address, STREAM, "pin", patience=5, timeout=(1, 0.5), longest_wait=0.1)
    yield made
    made.close()


def records(*wanted):
    return [Record(key, {"index": key}) for key in wanted]


def hang(seconds):
    def fault(records):
        time.sleep(seconds)
        return put(records)

    return fault


def test_one_record_goes_as_the_course_sends_it(gateway, sender):
    row = tables(100).geo[0]
    assert sender.send([Record(row.ind, as_record(row))]) == Sent(acknowledged=1)
    [(path, headers, sent)] = gateway.requests
    assert path == f"/streams/{STREAM}/record"
    assert headers["Content-Type"] == "application/json"
    assert sent == [{"StreamName": STREAM, "Data": as_record(row), "PartitionKey": str(row.ind)}]


def test_several_records_are_one_request_of_json_texts_keyed_by_ind(gateway, sender):
    value = {"title": 'a\n"b" 😍 …\u00a0', "poster_name": " Niña "}
    assert sender.send([Record(7, value), Record(8, {"index": 8})]) == Sent(acknowledged=2)
    [(path, _, sent)] = gateway.requests
    assert path == f"/streams/{STREAM}/records"
    assert [record["partition-key"] for record in sent] == ["7", "8"]
    assert [json.loads(record["data"]) for record in sent] == [value, {"index": 8}]


def test_more_than_500_records_are_several_requests(gateway, sender):
    assert sender.send(records(*range(1100))) == Sent(acknowledged=1100)
    assert [len(sent) for sent in keys(gateway)] == [500, 500, 100]
    assert [key for sent in keys(gateway) for key in sent] == [str(key) for key in range(1100)]


def test_many_batches_share_one_connection(gateway, sender):
    for _ in range(5):
        sender.send(records(1, 2, 3))
    assert (len(gateway.requests), gateway.connections) == (5, 1)


def test_nothing_to_send_is_no_request(gateway, sender):
    assert sender.send([]) == Sent()
    assert gateway.requests == []


@pytest.mark.parametrize("claimed", [0, 1, 3])
def test_only_the_failed_records_go_again_whatever_count_the_answer_claims(gateway, sender, claimed):
    gateway.faults = [refuse("2", "4", count=claimed), refuse("4", count=claimed)]
    assert sender.send(records(1, 2, 3, 4)) == Sent(acknowledged=4)
    assert keys(gateway) == [["1", "2", "3", "4"], ["2", "4"], ["4"]]


def test_a_record_left_over_from_several_goes_again_as_the_same_text(gateway, sender):
    gateway.faults = [refuse("2")]
    sender.send(records(1, 2))
    (_, _, first), (path, _, again) = gateway.requests
    assert path == f"/streams/{STREAM}/records"
    assert again == first[1:]


def test_a_claimed_failure_without_a_failed_record_sends_nothing_again(gateway, sender):
    gateway.faults = [refuse(count=1)]
    assert sender.send(records(1, 2)) == Sent(acknowledged=2)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("status", [400, 200])  # 200: the course's API does not map the status of an error
@pytest.mark.parametrize("wanted", [(1,), (1, 2)])
def test_being_throttled_is_tried_again_and_repeats_nothing(gateway, sender, status, wanted):
    gateway.faults = [error(THROTTLED, status), error(f"com.amazonaws.kinesis.v20131202#{THROTTLED}", status)]
    assert sender.send(records(*wanted)) == Sent(acknowledged=len(wanted))
    assert keys(gateway) == [[str(key) for key in wanted]] * 3


def test_the_gateways_own_limit_is_tried_again_and_repeats_nothing(gateway, sender):
    gateway.faults = [answer(429, {"message": "Too Many Requests"})]
    assert sender.send(records(1, 2)) == Sent(acknowledged=2)


class Clock(threading.Event):
    """A stop that is never set and does not wait, but remembers how long it would have."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return False


@pytest.fixture
def clock(gateway):
    return Clock()


@pytest.fixture
def hasty(gateway, clock):
    made = KinesisSender(gateway.address, STREAM, "pin", patience=60, stop=clock)
    yield made
    made.close()


def test_waits_are_random_below_a_bound_that_doubles_to_five_seconds(gateway, hasty, clock):
    gateway.faults = [error(THROTTLED)] * 40
    assert hasty.send(records(1, 2)) == Sent(acknowledged=2)
    assert len(clock.waits) == 40
    assert all(0 <= wait <= min(0.2 * 2**tried, 5) for tried, wait in enumerate(clock.waits))
    late = clock.waits[8:]
    assert max(late) > 2 > min(late)  # 32 draws below 5 s
    assert len(set(late)) == len(late)


def test_a_throttled_record_is_not_given_up_while_its_neighbours_are_taken(gateway, hasty):
    gateway.faults = [refuse("2")] * 20
    assert hasty.send(records(1, 2, 3)) == Sent(acknowledged=3)
    assert keys(gateway) == [["1", "2", "3"], *[["2"]] * 20]


def test_a_record_refused_for_another_reason_is_given_up_and_counted(gateway, sender):
    gateway.faults = [refuse("2", code="KMSDisabledException")] * 50
    counts = sender.send(records(1, 2, 3))
    assert (counts.acknowledged, counts.failed, counts.uncertain) == (2, 1, 0)
    assert counts.error == "a record was answered KMSDisabledException Rate exceeded for shard"
    assert len(gateway.requests) == 9


def test_a_record_that_failed_inside_kinesis_may_be_there_twice(gateway, sender):
    gateway.faults = [refuse("2", code="InternalFailure")]
    assert sender.send(records(1, 2)) == Sent(acknowledged=2, uncertain=1)


@pytest.mark.parametrize("fault", [error("InternalFailure", 200), error("InternalFailure", 500), answer(504, "late")])
def test_a_server_error_is_tried_again_and_counted_as_a_possible_repeat(gateway, sender, fault):
    gateway.faults = [fault, fault]
    assert sender.send(records(1, 2)) == Sent(acknowledged=2, uncertain=2)
    assert keys(gateway) == [["1", "2"]] * 3


@pytest.mark.parametrize("wanted", [(1,), (1, 2)])
def test_a_cut_connection_or_answer_or_a_time_out_is_a_possible_repeat_once(gateway, sender, wanted):
    gateway.faults = [put, cut, cut_off(put), hang(1)]
    sender.send(records(9))
    assert sender.send(records(*wanted)) == Sent(acknowledged=len(wanted), uncertain=len(wanted))
    assert len(gateway.requests) == 5


def test_a_stream_that_is_not_there_fails_at_once_and_says_what_to_do(gateway, sender):
    gateway.faults = [error("ResourceNotFoundException")] * 2
    with pytest.raises(SendFailed) as failed:
        sender.send(records(1, 2))
    assert str(failed.value) == (
        f"{gateway.address}/streams/{STREAM}: answered ResourceNotFoundException no: run 'pinpipe provision'"
    )
    assert failed.value.counts == Sent(failed=2, error="answered ResourceNotFoundException no: run 'pinpipe provision'")
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (error("ValidationException"), "answered ValidationException no: see 'pinpipe status'"),
        (answer(403, {"message": "Missing Authentication Token"}), "answered 403 Missing Authentication Token"),
        (answer(302), "answered 302"),
    ],
)
def test_any_other_error_fails_at_once_with_what_it_said(gateway, sender, fault, told):
    gateway.faults = [fault] * 2
    with pytest.raises(SendFailed) as failed:
        sender.send(records(1))
    assert str(failed.value).startswith(f"{gateway.address}/streams/{STREAM}: {told}")
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    "body",
    ["no json", "[]", {}, {"Records": []}, {"Records": [1, 2]}, {"Records": None}, {"Records": [{}, {}]},
     {"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1"}]}],
)  # fmt: skip
@pytest.mark.parametrize("wanted", [(1,), (1, 2)])
def test_an_answer_that_does_not_tell_of_each_record_is_not_trusted(gateway, sender, body, wanted):
    gateway.faults = [answer(200, body)] * 2
    with pytest.raises(
        SendFailed, match=f"answered 200 without one result for each of {len(wanted)} records"
    ) as failed:
        sender.send(records(*wanted))
    counts = failed.value.counts
    assert (counts.acknowledged, counts.failed, counts.uncertain) == (0, len(wanted), len(wanted))


def test_what_a_broken_off_send_did_not_come_to_has_failed(gateway, sender):
    gateway.faults = [put, error("ResourceNotFoundException")]
    with pytest.raises(SendFailed) as failed:
        sender.send(records(*range(1300)))
    counts = failed.value.counts
    assert (counts.acknowledged, counts.failed, counts.uncertain) == (500, 800, 0)


def test_stop_ends_the_retries_and_says_what_is_not_acknowledged(gateway):
    stop = threading.Event()
    sender = KinesisSender(gateway.address, STREAM, "pin", patience=60, stop=stop)

    def throttle_and_stop(records):
        stop.set()
        return refuse("2")(records)

    gateway.faults = [throttle_and_stop, *[refuse("2")] * 50]
    counts = sender.send(records(1, 2))
    sender.close()
    assert (counts.acknowledged, counts.failed, counts.uncertain) == (1, 1, 0)
    assert len(gateway.requests) == 1


def test_the_three_senders_go_to_the_users_streams():
    made = kinesis_senders("http://127.0.0.1:1/dev/", "demo")
    assert [(sender.table, sender.address) for sender in made] == [
        ("pin", "http://127.0.0.1:1/dev/streams/streaming-demo-pin"),
        ("geo", "http://127.0.0.1:1/dev/streams/streaming-demo-geo"),
        ("user", "http://127.0.0.1:1/dev/streams/streaming-demo-user"),
    ]
    for sender in made:
        sender.close()
