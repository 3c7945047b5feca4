"""The way into the streams: CloudFormation's streams and role, the API's six methods, the emulator, on LocalStack."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from itertools import islice

import pytest
import requests

from pinpipe import provision
from pinpipe.aws import AwsAccess, invoke_url
from pinpipe.deprovision import removals
from pinpipe.settings import ROOT, TABLES, Settings
from producer.database import Database
from producer.kinesis_sender import kinesis_senders
from producer.order import course_order
from producer.senders import Record, Sent
from producer.tables import as_record, key_of
from tests.support.aws_leg import other_account
from tests.support.generated import tables
from tests.support.localstack import LocalStack
from tests.support.mysql import Mysql

pytestmark = pytest.mark.stack

HEADERS = {"Content-Type": "application/json"}
ODD = {
    "index": 1,
    "title": 'a\n"b" \\ 😍 …\u00a0é\u2028',
    "description": "$elem.data #if($x) #end ${y} $util.base64Encode('z') </s>",
    "at": "2020-08-28T03:52:47",
    "list": [1, -2.5, None, True, {"a": "{b=c}"}],
}


@pytest.fixture(scope="module")
def localstack(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENABLE_CONFIG_UPDATES", "1")
        with LocalStack(tmp_path_factory.mktemp("localstack"), ROOT / ".pinpipe") as running:
            yield running


@pytest.fixture(scope="module")
def settings_of(localstack):
    """The settings of a user, with others in force if given."""

    def make(user, **others):
        aws = {"aws_endpoint_url": localstack.url, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return Settings(_env_file=None, pin_user_id=user, **aws, **others)

    return make


@pytest.fixture(scope="module")
def user(settings_of):
    """A user whose storage and API are deployed, as ``pinpipe provision`` does."""
    in_force = settings_of("demo")
    access = AwsAccess.of(in_force)
    assert provision.storage(in_force, access) == ["bucket user-demo-bucket, streams and role"]
    assert provision.streams(in_force, access) == []
    assert provision.api(in_force, access)
    return in_force


@pytest.fixture(scope="module")
def kinesis(user):
    return AwsAccess.of(user).kinesis()


@pytest.fixture(scope="module")
def api(user):
    """Sends a request to the API's stage, as curl would; returns status and JSON."""
    base = invoke_url(user)

    def call(method, path, body=None):
        data = body if isinstance(body, str) or body is None else json.dumps(body)
        answer = requests.request(method, base + path, data=data, headers=HEADERS, timeout=60)
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status_code, answer.json()

    return call


@pytest.fixture
def stream(api):
    """A stream of the test's own, with one shard."""
    name = f"streaming-demo-{uuid.uuid4().hex[:8]}"
    assert api("POST", f"/streams/{name}", {"ShardCount": 1})[0] == 200
    yield name
    api("DELETE", f"/streams/{name}")


def read(kinesis, name):
    """Everything in a stream, shard by shard: partition keys and bytes."""
    found = []
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        start = {"StreamName": name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**start)["ShardIterator"]
        while page := kinesis.get_records(ShardIterator=iterator, Limit=10_000):
            found += [(record["PartitionKey"], record["Data"]) for record in page["Records"]]
            iterator = page["NextShardIterator"]
            if not page["Records"] and page["MillisBehindLatest"] == 0:
                break
    return found


def summary(kinesis, name):
    found = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    return found["StreamStatus"], found["StreamModeDetails"]["StreamMode"], found["OpenShardCount"]


# the six methods


def test_get_streams_lists_the_users_three(api):
    status, body = api("GET", "/streams")
    assert status == 200
    assert {f"streaming-demo-{table}" for table in TABLES} <= set(body["StreamNames"])
    assert body["HasMoreStreams"] is False


@pytest.mark.parametrize(("body", "shards"), [(None, 5), ({}, 5), ({"ShardCount": 2}, 2)])
def test_post_makes_a_stream_of_five_shards_unless_told_otherwise(api, kinesis, body, shards):
    name = f"streaming-demo-new-{shards}-{body is None}"
    assert api("POST", f"/streams/{name}", body)[0] == 200
    assert summary(kinesis, name) == ("ACTIVE", "PROVISIONED", shards)
    assert api("DELETE", f"/streams/{name}")[0] == 200


def test_get_describes_a_stream(api):
    status, body = api("GET", "/streams/streaming-demo-pin")
    assert status == 200
    described = body["StreamDescription"]
    assert (described["StreamName"], described["StreamStatus"]) == ("streaming-demo-pin", "ACTIVE")
    assert described["StreamARN"].endswith(":stream/streaming-demo-pin")
    assert [shard["ShardId"] for shard in described["Shards"]] == ["shardId-000000000000"]


def test_delete_removes_a_stream(api, kinesis):
    api("POST", "/streams/streaming-demo-gone", {"ShardCount": 1})
    assert api("DELETE", "/streams/streaming-demo-gone")[0] == 200
    assert "streaming-demo-gone" not in kinesis.list_streams()["StreamNames"]


def test_put_record_stores_an_object_as_its_json(api, kinesis, stream):
    status, body = api(
        "PUT", f"/streams/{stream}/record", {"StreamName": stream, "Data": ODD, "PartitionKey": "partition-1"}
    )
    assert (status, body["ShardId"]) == (200, "shardId-000000000000")
    assert int(body["SequenceNumber"]) > 0
    [(key, data)] = read(kinesis, stream)
    assert (key, json.loads(data)) == ("partition-1", ODD)


def test_put_records_stores_texts_byte_for_byte(api, kinesis, stream):
    texts = [
        json.dumps(ODD),
        json.dumps(ODD, ensure_ascii=False),
        json.dumps(ODD, indent=2),
        ' {"a" : 1.50}',
        "no json",
        "",
        '["x"]',
        "{a=b}",
    ]
    body = {"records": [{"data": text, "partition-key": str(i)} for i, text in enumerate(texts)]}
    status, answer = api("PUT", f"/streams/{stream}/records", body)
    assert (status, answer["FailedRecordCount"]) == (200, 0)
    assert all(record["SequenceNumber"] and record["ShardId"] for record in answer["Records"])
    assert sorted(read(kinesis, stream)) == [(str(i), text.encode()) for i, text in enumerate(texts)]


def test_put_records_stores_anything_else_as_its_json_each_from_its_own_record(api, kinesis, stream):
    values = [ODD, "a text between", {"index": 2}, [1, "a"], 5]
    body = {"records": [{"data": value, "partition-key": str(i)} for i, value in enumerate(values)]}
    assert api("PUT", f"/streams/{stream}/records", body)[0] == 200
    stored = [data for _, data in sorted(read(kinesis, stream))]
    assert stored.pop(1) == b"a text between"
    assert [json.loads(data) for data in stored] == [ODD, {"index": 2}, [1, "a"], 5]


def test_the_body_may_be_escaped_or_not(api, kinesis, stream):
    body = {"records": [{"data": json.dumps(ODD, ensure_ascii=False), "partition-key": "é😍"}]}
    for ascii_only in (True, False):
        assert api("PUT", f"/streams/{stream}/records", json.dumps(body, ensure_ascii=ascii_only))[0] == 200
    assert read(kinesis, stream) == [("é😍", json.dumps(ODD, ensure_ascii=False).encode())] * 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("DELETE", "", None),
        ("PUT", "/record", {"Data": {}, "PartitionKey": "1"}),
        ("PUT", "/records", {"records": [{"data": "x", "partition-key": "1"}]}),
    ],
)
def test_a_stream_that_is_not_there_is_told_as_kinesis_tells_it(api, method, path, body):
    status, answer = api(method, f"/streams/streaming-demo-nowhere{path}", body)
    assert (status, answer["__type"]) == (400, "ResourceNotFoundException")


def test_making_a_stream_twice_is_told_as_kinesis_tells_it(api):
    status, answer = api("POST", "/streams/streaming-demo-pin")
    assert (status, answer["__type"]) == (400, "ResourceInUseException")


# the emulator


def rows_of(table, count):
    return [Record(key_of(row), as_record(row)) for row in tables(count).rows(table)]


def values(found):
    return sorted((int(key), json.loads(data)) for key, data in found)


@pytest.fixture
def senders(user, settings_of):
    """The three senders, to streams that hold nothing yet."""
    access, kinesis = AwsAccess.of(user), AwsAccess.of(user).kinesis()
    for table in TABLES:
        kinesis.delete_stream(StreamName=user.stream(table))
    assert provision.streams(user, access) == [f"stream {user.stream(table)}" for table in TABLES]
    made = kinesis_senders(invoke_url(user), user.pin_user_id, patience=60)
    yield made
    for sender in made:
        sender.close()


def test_500_rows_of_each_table_at_once_arrive_as_they_were_sent(senders, kinesis, user):
    for sender in senders:
        rows = rows_of(sender.table, 500)
        assert sender.send(rows) == Sent(acknowledged=500)
        expected = sorted((row.key, dict(row.value)) for row in rows)
        assert values(read(kinesis, user.stream(sender.table))) == expected


@pytest.fixture
def throttle(localstack):
    """Sets the probability with which LocalStack throttles a put."""

    def to(probability):
        update = {"variable": "KINESIS_ERROR_PROBABILITY", "value": probability}
        answer = requests.post(f"{localstack.url}/_localstack/config", json=update, timeout=10)
        assert answer.json() == update

    yield to
    to(0)


def test_nothing_is_lost_or_repeated_when_a_fifth_of_the_puts_is_throttled(senders, kinesis, user, api, throttle):
    throttle(1)  # LocalStack marks every record of a request as failed then, but counts one
    body = {"records": [{"data": "x", "partition-key": "1"}] * 3}
    _, answer = api("PUT", f"/streams/{user.stream('pin')}/records", body)
    assert answer["FailedRecordCount"] == 1
    assert [record["ErrorCode"] for record in answer["Records"]] == ["ProvisionedThroughputExceededException"] * 3

    throttle(0.2)
    sender, rows = senders[0], rows_of("pin", 430)
    batches = [rows[start : start + 20] for start in range(0, 400, 20)] + [[row] for row in rows[400:]]
    assert sum((sender.send(batch) for batch in batches), Sent()) == Sent(acknowledged=430)
    assert values(read(kinesis, user.stream("pin"))) == [(row.key, dict(row.value)) for row in rows]


def test_the_courses_script_sends_its_posts_in_its_order_until_ctrl_c(senders, kinesis, user, localstack, tmp_path):
    with Mysql(tmp_path / "mysql") as mysql:
        with Database(mysql.url) as database:
            database.create_schema()
            database.load(tables(500))
        script = subprocess.Popen(
            [sys.executable, "producer/user_posting_emulation_streaming.py"],
            cwd=ROOT,
            env={**os.environ, "PIN_ENV_FILE": os.devnull, "AWS_ENDPOINT_URL": localstack.url, "MYSQL_URL": mysql.url,
                 "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "PIN_USER_ID": "demo"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 120
            while len(read(kinesis, user.stream("user"))) < 3 and time.monotonic() < deadline:
                time.sleep(0.2)
            script.send_signal(signal.SIGINT)
            out, err = script.communicate(timeout=60)
        finally:
            script.kill()
    assert (script.returncode, err) == (0, "")
    sent = {table: read(kinesis, user.stream(table)) for table in TABLES}
    posts = len(sent["pin"])
    assert posts >= 3
    assert f"{posts} posts: {3 * posts} records sent, {3 * posts} acknowledged, 0 failed, 0 possibly repeated" in out
    order = [draw.ind for draw in islice(course_order(range(500)), posts)]
    for table in TABLES:
        rows = tables(500).rows(table)
        assert [int(key) for key, _ in sent[table]] == order
        assert [json.loads(data) for _, data in sent[table]] == [as_record(rows[ind]) for ind in order]


# provisioning


def provisioned(in_force):
    access = AwsAccess.of(in_force)
    return [*provision.storage(in_force, access), *provision.streams(in_force, access)]


def test_provisioning_again_changes_nothing(settings_of):
    assert provisioned(settings_of("again")) == ["bucket user-again-bucket, streams and role"]
    assert provisioned(settings_of("again")) == []


def test_a_stream_that_was_deleted_is_made_again(settings_of, kinesis):
    provisioned(settings_of("deleted"))
    kinesis.delete_stream(StreamName="streaming-deleted-geo")
    assert provisioned(settings_of("deleted")) == ["stream streaming-deleted-geo"]
    assert summary(kinesis, "streaming-deleted-geo") == ("ACTIVE", "PROVISIONED", 1)


def test_the_mode_of_the_streams_can_change_and_bucket_and_records_stay(settings_of, kinesis):
    s3 = AwsAccess.of(settings_of("modes")).s3()
    provisioned(settings_of("modes"))
    s3.put_object(Bucket="user-modes-bucket", Key="kept", Body=b"1")
    kinesis.put_record(StreamName="streaming-modes-pin", Data=b"kept", PartitionKey="1")
    names = [f"streaming-modes-{table}" for table in TABLES]

    on_demand = settings_of("modes", pin_stream_mode="on-demand")
    assert provisioned(on_demand) == ["stack modes-pinpipe-storage", *(f"stream {n} is on-demand now" for n in names)]
    assert {summary(kinesis, name)[:2] for name in names} == {("ACTIVE", "ON_DEMAND")}
    assert provisioned(on_demand) == []
    assert read(kinesis, "streaming-modes-pin") == [("1", b"kept")]
    assert s3.get_object(Bucket="user-modes-bucket", Key="kept")["Body"].read() == b"1"


def test_streams_can_be_on_demand_from_the_start(settings_of, kinesis):
    provisioned(settings_of("demand", pin_stream_mode="on-demand"))
    assert {summary(kinesis, f"streaming-demand-{table}")[:2] for table in TABLES} == {("ACTIVE", "ON_DEMAND")}


def test_a_bucket_that_was_there_before_is_used_and_stays(settings_of, kinesis):
    s3 = AwsAccess.of(settings_of("own-bucket")).s3()
    s3.create_bucket(Bucket="user-own-bucket-bucket")
    s3.put_object(Bucket="user-own-bucket-bucket", Key="mine", Body=b"1")
    assert provisioned(settings_of("own-bucket")) == ["streams and role"]
    assert provisioned(settings_of("own-bucket", pin_stream_mode="on-demand"))[0] == "stack own-bucket-pinpipe-storage"
    assert s3.get_object(Bucket="user-own-bucket-bucket", Key="mine")["Body"].read() == b"1"
    assert "streaming-own-bucket-user" in kinesis.list_streams()["StreamNames"]


def test_deprovisioning_takes_api_streams_and_roles_and_leaves_the_bucket(settings_of, kinesis):
    in_force = settings_of("leaving", connect_url="")
    access = AwsAccess.of(in_force)
    provisioned(in_force)
    provision.api(in_force, access)
    s3 = access.s3()
    s3.put_object(Bucket="user-leaving-bucket", Key="kept", Body=b"1")

    found = removals(in_force)
    assert [removal.what.partition(" (")[2] for removal in found] == [
        "stack leaving-pinpipe-api)",
        "stack leaving-pinpipe-storage)",
    ]
    for removal in found:
        removal.remove()
    assert removals(in_force) == []
    assert not [name for name in kinesis.list_streams()["StreamNames"] if "leaving" in name]
    assert s3.get_object(Bucket="user-leaving-bucket", Key="kept")["Body"].read() == b"1"
    assert provisioned(in_force) == ["streams and role"]


def test_the_account_is_asked_for_and_must_be_the_named_one(settings_of):
    access = AwsAccess.of(settings_of("demo"))
    assert other_account(access, "000000000000") is None  # LocalStack's
    told = "the credentials are of account 000000000000, PIN_AWS_ACCOUNT names 123456789012"
    assert other_account(access, "123456789012") == told


def test_a_storage_stack_that_the_aws_command_deployed_is_taken_over(settings_of):
    """docs/aws.md makes it so, before there is a machine that reaches MSK."""
    in_force = settings_of("before")
    cloudformation = AwsAccess.of(in_force).cloudformation()
    cloudformation.create_stack(
        StackName="before-pinpipe-storage",
        TemplateBody=(ROOT / "localstack" / "storage.yaml").read_text(),
        Parameters=[{"ParameterKey": "UserId", "ParameterValue": "before"}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    done = cloudformation.get_waiter("stack_create_complete")
    done.wait(StackName="before-pinpipe-storage", WaiterConfig={"Delay": 1})
    assert provisioned(in_force) == ["stack before-pinpipe-storage"]
    assert provisioned(in_force) == []
