"""The options of ``format("kinesis")``: Databricks' names and defaults, and what is refused."""

from __future__ import annotations

import pytest

from pyspark_kinesis import units
from pyspark_kinesis.errors import OptionError
from pyspark_kinesis.options import WITHOUT_EFFECT, Connection, Options, parse
from pyspark_kinesis.position import AtTimestamp, Latest, TrimHorizon

pytestmark = pytest.mark.kinesis

ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/pins"


def of(**given: str) -> Options:
    return parse({"streamName": "pins", **given}, {})


def test_a_stream_name_is_enough_and_the_rest_are_databricks_defaults() -> None:
    assert of() == Options(
        streams=("pins",),
        initial=None,
        connection=Connection(),
        max_records_per_fetch=10_000,
        max_fetch_rate=None,
        min_fetch_period=0.4,
        fetch_buffer_size=20 * 1024**3,
        shard_fetch_interval=1.0,
        max_shards_per_describe=100,
        fail_on_data_loss=True,
    )


def test_names_are_read_in_any_case_and_values_with_their_units() -> None:
    found = of(
        MAXRECORDSPERFETCH="500", maxfetchrate="1.5", minFetchPeriod="250ms", fetchBufferSize="64mb",
        shardFetchInterval="5s", maxShardsPerDescribe="1000", shardsPerTask="3", maxBytesPerTrigger="10m",
        failOnDataLoss="FALSE", planMode="inline", spoolDir="/data/spool",
    )  # fmt: skip
    assert found == Options(
        streams=("pins",),
        initial=None,
        connection=Connection(),
        max_records_per_fetch=500,
        max_fetch_rate=1_500_000.0,
        min_fetch_period=0.25,
        fetch_buffer_size=64 << 20,
        shards_per_task=3,
        shard_fetch_interval=5.0,
        max_shards_per_describe=1000,
        max_bytes_per_trigger=10 << 20,
        fail_on_data_loss=False,
        inline=True,
        spool_dir="/data/spool",
    )


def test_several_streams_are_read_once_each_in_the_order_they_were_named() -> None:
    assert of(streamName="pins, geo,users ,geo").streams == ("pins", "geo", "users")


def test_an_arn_names_the_stream_and_its_region() -> None:
    found = parse({"streamARN": ARN}, {"AWS_REGION": "us-east-1"})
    assert (found.streams, found.connection.region) == ((ARN,), "eu-west-1")


def test_keys_and_role_are_taken_as_given_and_secrets_stay_out_of_what_is_printed() -> None:
    found = of(
        awsAccessKey="AKIA", awsSecretKey="s3cr3t", awsSessionToken="t0k3n", roleArn="arn:aws:iam::1:role/r",
        roleExternalId="x", roleSessionName="n", stsEndpoint="http://sts", region="us-east-1", endpoint="http://k",
    ).connection  # fmt: skip
    assert found == Connection(
        "us-east-1", "http://k", "AKIA", "s3cr3t", "t0k3n", "arn:aws:iam::1:role/r", "x", "n", "http://sts"
    )
    assert "s3cr3t" not in repr(found)
    assert "t0k3n" not in repr(found)


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({"AWS_ENDPOINT_URL": "http://all"}, "http://all"),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_KINESIS": "http://kinesis"}, "http://kinesis"),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
        ({}, None),
    ],
)
def test_the_environment_says_the_endpoint_where_no_option_does(
    environment: dict[str, str], endpoint: str | None
) -> None:
    assert parse({"streamName": "pins"}, environment).connection.endpoint == endpoint
    assert parse({"streamName": "pins", "endpoint": "http://mine"}, environment).connection.endpoint == "http://mine"


def test_the_environment_says_the_region_and_may_switch_cbor_off() -> None:
    assert parse({"streamName": "s"}, {"AWS_DEFAULT_REGION": "a-b-1"}).connection == Connection("a-b-1")
    assert parse({"streamName": "s"}, {"AWS_CBOR_DISABLE": "true"}).connection == Connection(cbor=False)
    assert of(wireFormat="json").connection == Connection(cbor=False)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("latest", Latest()),
        ("TRIM_HORIZON", TrimHorizon()),
        ("earliest", TrimHorizon()),
        (
            '{"at_timestamp": "06/25/2020 10:23:45 PDT", "format": "MM/dd/yyyy HH:mm:ss ZZZ"}',
            AtTimestamp(1593105825000),
        ),
        ('{"at_timestamp": "2020-06-25T17:23:45.678Z"}', AtTimestamp(1593105825678)),
        ('{"at_timestamp": "2020-06-25 17:23:45"}', AtTimestamp(1593105825000)),
    ],
)
def test_the_initial_position_is_read(text: str, position: object) -> None:
    assert of(initialPosition=text).initial == position


@pytest.mark.parametrize("name", [*WITHOUT_EFFECT, "somethingNew"])
def test_an_option_that_changes_nothing_is_taken_and_said(name: str) -> None:
    found = of(**{name: "10s"})
    reason = WITHOUT_EFFECT.get(name, "this source does not know it")
    assert found.ignored == (f"option {name} has no effect: {reason}",)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"streamName": ""}, "give the stream by either streamName or streamARN"),
        ({"streamARN": ARN}, "give the stream by either streamName or streamARN"),
        ({"streamName": "a b"}, "streamName is 'a b': a b names no stream"),
        ({"consumerMode": "efo"}, "consumerMode=efo .* is not supported by this source: use polling"),
        ({"consumerMode": "push"}, "consumerMode is 'push': it may be polling"),
        ({"serviceCredential": "x"}, "serviceCredential exists on Databricks only"),
        ({"awsAccessKey": "x"}, "awsAccessKey and awsSecretKey are given together"),
        ({"awsSessionToken": "x"}, "awsAccessKey and awsSecretKey are given together"),
        ({"roleExternalId": "x"}, "roleExternalId is given without roleArn"),
        ({"shardsPerTask": "2", "maxPartitions": "2"}, "give either shardsPerTask or maxPartitions"),
        ({"maxRecordsPerTrigger": "2", "maxBytesPerTrigger": "2"}, "give either maxRecordsPerTrigger or"),
        ({"maxFetchRate": "2.5"}, "maxFetchRate is 2.5: it may be at most 2"),
        ({"maxFetchRate": "0"}, "maxFetchRate is 0: it may be at most 2 and must be above 0"),
        ({"minFetchPeriod": "100ms"}, "minFetchPeriod is 100ms: it must be 200ms or more"),
        ({"maxRecordsPerFetch": "10001"}, "maxRecordsPerFetch is 10001: it may be 1 to 10000"),
        ({"maxRecordsPerFetch": "many"}, "maxRecordsPerFetch: invalid literal"),
        ({"maxShardsPerDescribe": "0"}, "maxShardsPerDescribe is 0: it may be 1 to 10000"),
        ({"maxFetchDuration": "long"}, "maxFetchDuration: 'long' is not a number with a unit"),
        ({"fetchBufferSize": "20 parsecs"}, "fetchBufferSize: '20 parsecs' is no size"),
        ({"failOnDataLoss": "maybe"}, "failOnDataLoss is 'maybe': it may be true or false"),
        ({"planMode": "reread"}, "planMode is 'reread': it may be spool or inline"),
        ({"initialPosition": "yesterday"}, "initialPosition is 'yesterday': it may be latest, trim_horizon"),
        ({"initialPosition": '{"at_timestamp": 5}'}, "it may be latest, trim_horizon, earliest, or"),
        ({"initialPosition": '{"at_timestamp": "noon"}'}, "without a format it must be ISO 8601"),
    ],
)
def test_what_can_not_be_is_refused_with_the_reason(given: dict[str, str], told: str) -> None:
    with pytest.raises(OptionError, match=told) as raised:
        of(**given)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arns", "told"),
    [
        ("pins", "streamARN is 'pins': pins names no stream"),
        (f"{ARN},{ARN.replace('eu-west-1', 'us-east-1')}", "streamARN names 2 regions"),
    ],
)
def test_arns_that_do_not_go_together_are_refused(arns: str, told: str) -> None:
    with pytest.raises(OptionError, match=told):
        parse({"streamARN": arns}, {})
    with pytest.raises(OptionError, match="region is us-east-1, the streamARN's is eu-west-1"):
        parse({"streamARN": ARN, "region": "us-east-1"}, {})


@pytest.mark.parametrize(
    ("text", "seconds"), [("400ms", 0.4), ("10s", 10), ("5 minutes", 300), ("1.5h", 5400), ("250", 0.25)]
)
def test_durations(text: str, seconds: float) -> None:
    assert units.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"), [("20gb", 20 << 30), ("512K", 512 << 10), ("1.5m", 3 << 19), ("77", 77), ("8b", 8)]
)
def test_sizes(text: str, size: int) -> None:
    assert units.size(text) == size
