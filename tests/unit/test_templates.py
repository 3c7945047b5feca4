"""What the CloudFormation templates say that no linter asks for: who may call the API, and what the bucket forbids."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
from typer.testing import CliRunner

from pinpipe import deprovision
from pinpipe.aws import AwsAccess
from pinpipe.cli.main import app
from pinpipe.errors import SettingsError
from pinpipe.provision import api_parameters, connector_properties
from services.rest_proxy import settings as rest_proxy
from tests.support.targets import LOCAL, ON_AWS, made, without_settings
from tests.support.templates import ROOT, template

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    without_settings(monkeypatch)


def test_every_method_of_the_api_asks_for_the_chosen_authorization_but_the_browsers_preflight() -> None:
    paths = template("localstack/api.yaml")["Resources"]["Api"]["Properties"]["Body"]["paths"]
    methods = {(path, name): method for path, of_path in paths.items() for name, method in of_path.items()}
    open_ones = {at for at, method in methods.items() if "x-amazon-apigateway-auth" not in method}
    assert open_ones == {("/{proxy+}", "options")}
    assert len(methods) == 8
    for at in methods.keys() - open_ones:
        assert methods[at]["x-amazon-apigateway-auth"] == {"type": {"Ref": "ApiAuth"}}, at


def test_what_comes_from_elsewhere_is_denied_whatever_else_allows_it() -> None:
    api = template("localstack/api.yaml")
    denied = [
        statement
        for statement in api["Resources"]["Api"]["Properties"]["Policy"]["Statement"]
        if statement["Effect"] == "Deny"
    ]
    assert denied == [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "execute-api:Invoke",
            "Resource": "execute-api:/*",
            "Condition": {"NotIpAddress": {"aws:SourceIp": {"Ref": "AllowedCidr"}}},
        }
    ]
    assert api["Parameters"]["ApiAuth"]["Default"] == "AWS_IAM"
    assert {name for name, parameter in api["Parameters"].items() if "Default" not in parameter} == {
        "UserId",
        "RestProxyUrl",
        "AllowedCidr",
        "AllowedOrigin",
    }


def test_no_page_but_the_named_one_may_read_the_apis_answers() -> None:
    paths = template("localstack/api.yaml")["Resources"]["Api"]["Properties"]["Body"]["paths"]
    preflight = paths["/{proxy+}"]["options"]["x-amazon-apigateway-integration"]["responses"]["default"]
    origin = preflight["responseParameters"]["method.response.header.Access-Control-Allow-Origin"]
    assert origin == {"Fn::Sub": "'${AllowedOrigin}'"}
    with pytest.raises(ValueError, match="api_allowed_origin"):
        made(**LOCAL, api_allowed_origin="*")


@pytest.mark.parametrize(
    ("target", "given", "auth", "cidr"),
    [
        (LOCAL, {}, "NONE", "127.0.0.0/8"),
        (LOCAL, {"api_auth": "AWS_IAM"}, "AWS_IAM", "127.0.0.0/8"),
        (ON_AWS, {"api_allowed_cidr": "203.0.113.7/32"}, "AWS_IAM", "203.0.113.7/32"),
        (ON_AWS, {"api_allowed_cidr": "203.0.113.7/32", "api_auth": "NONE"}, "NONE", "203.0.113.7/32"),
    ],
)
def test_the_api_is_signed_on_aws_unless_told_otherwise(
    target: dict[str, Any], given: dict[str, str], auth: str, cidr: str
) -> None:
    parameters = api_parameters(made(**target, **given))
    assert (parameters["ApiAuth"], parameters["AllowedCidr"]) == (auth, cidr)
    assert parameters.keys() == template("localstack/api.yaml")["Parameters"].keys()


def test_on_aws_the_apis_callers_must_be_named_and_be_some() -> None:
    with pytest.raises(SettingsError, match="API_ALLOWED_CIDR: say where"):
        api_parameters(made(**ON_AWS))
    for wrong in ("0.0.0.0/0", "everywhere", "10.0.0.1/8"):
        with pytest.raises(ValueError, match="api_allowed_cidr"):
            made(**ON_AWS, api_allowed_cidr=wrong)


def test_the_bucket_is_encrypted_closed_and_kept_and_the_streams_are_encrypted() -> None:
    resources = template("localstack/storage.yaml")["Resources"]
    bucket = resources["Bucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["Properties"]["PublicAccessBlockConfiguration"]) == 4
    [rule] = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert not any(key.startswith("Expiration") for key in rule)  # the lake is kept
    streams = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Kinesis::Stream"]
    assert [one["StreamEncryption"]["KeyId"] for one in streams] == ["alias/aws/kinesis"] * 3


def test_deprovisioning_aws_only_names_what_would_go_until_it_is_told_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is given, because there is no AWS to ask; on LocalStack it is asked for in tests/stack."""
    removed = []
    found = [deprovision.Removal(what, lambda what=what: removed.append(what)) for what in ("API a", "streams b")]
    monkeypatch.setattr(deprovision, "removals", lambda settings: found)
    monkeypatch.setenv("PIN_ENV_FILE", "/dev/null")
    for name, value in ON_AWS.items():
        monkeypatch.setenv(name.upper(), value)
    told = CliRunner().invoke(app, ["deprovision"])
    stays = "bucket user-ada-bucket; topics ada.pin, ada.geo, ada.user, dlq.ada.s3-sink"
    assert told.output.splitlines() == ["would go: API a", "would go: streams b", f"would stay: {stays}"]
    assert str(told.exception) == "this is AWS, user ada in us-east-1: say --yes to remove it"
    assert removed == []
    told = CliRunner().invoke(app, ["deprovision", "--yes"])
    assert told.output.splitlines() == ["removed: API a", "removed: streams b", f"stays: {stays}"]
    assert removed == ["API a", "streams b"]


def properties(path: str, user: str, region: str) -> dict[str, str]:
    text = (ROOT / path).read_text().replace("<UserId>", user).replace("<Region>", region)
    return dict(line.split("=", 1) for line in text.splitlines())


def test_the_connector_is_the_same_on_msk_connect_by_template_or_by_hand_and_locally() -> None:
    connector = template("aws/msk-connect.yaml")["Resources"]["Connector"]["Properties"]
    by_template = {
        name: "us-east-1" if value == {"Ref": "AWS::Region"} else _substituted(value)
        for name, value in connector["ConnectorConfiguration"].items()
    }
    assert by_template == properties("aws/s3-sink.properties", "ada", "us-east-1")
    locally = connector_properties(settings := made(**ON_AWS), AwsAccess.of(settings))
    assert locally["topics.regex"].replace("\\.", "[.]") == by_template["topics.regex"]
    # one broker there, three and more on MSK
    other = {"topics.regex", "errors.deadletterqueue.topic.replication.factor"}
    assert {name: locally[name] for name in locally.keys() - other} == {
        name: by_template[name] for name in by_template.keys() - other
    }
    assert _substituted(connector["ConnectorName"]) == settings.connector


def _substituted(value: Any) -> str:
    return (value["Fn::Sub"] if isinstance(value, dict) else value).replace("${UserId}", "ada")


def test_confluents_connector_writes_the_same_objects_from_the_same_topics() -> None:
    ours, theirs = (
        properties(f"aws/{name}.properties", "ada", "us-east-1") for name in ("s3-sink", "s3-sink-confluent")
    )
    assert {name: theirs[name] for name in ("topics.regex", "s3.bucket.name", "s3.region")} == {
        name: ours[name] for name in ("topics.regex", "s3.bucket.name", "s3.region")
    }
    assert theirs["connector.class"] == "io.confluent.connect.s3.S3SinkConnector"
    assert theirs["flush.size"] == "1"


def test_the_rest_proxys_port_is_open_to_the_apis_link_alone() -> None:
    resources = template("aws/rest-proxy.yaml")["Resources"]
    machine, balancer = (resources[name]["Properties"] for name in ("MachineGroup", "BalancerGroup"))
    let_in = [
        (rule["FromPort"], rule["ToPort"], rule.get("CidrIp") or rule["SourceSecurityGroupId"])
        for rule in machine["SecurityGroupIngress"]
    ]
    assert let_in == [(22, 22, {"Ref": "AllowedCidr"}), (8082, 8082, {"Ref": "BalancerGroup"})]
    assert "SecurityGroupIngress" not in balancer
    assert resources["Balancer"]["Properties"]["SecurityGroups"] == [{"Ref": "BalancerGroup"}]
    assert resources["Balancer"]["Properties"]["Scheme"] == "internal"
    others = [one["Properties"]["GroupId"] for one in resources.values() if one["Type"].endswith("GroupIngress")]
    assert others == [{"Ref": "ClusterSecurityGroup"}]
    proxy = template("localstack/api.yaml")["Resources"]["Api"]["Properties"]["Body"]["paths"]["/{proxy+}"]
    to_proxy = proxy["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]
    assert to_proxy["connectionType"] == {"Fn::If": ["Linked", "VPC_LINK", "INTERNET"]}
    assert api_parameters(made(**LOCAL, api_vpc_link="abc123"))["VpcLink"] == "abc123"


def test_the_machines_rest_proxy_logs_in_to_the_cluster_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    script = template("aws/rest-proxy.yaml")["Resources"]["Machine"]["Properties"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    given = script.replace("${BootstrapServers}", "b-1.example.com:9098").replace("${AWS::Region}", "eu-west-1")
    assigned = dict(line.split("=", 1) for line in re.findall(r"^[A-Z_]+=.*$", given, re.M))
    for name, value in assigned.items():
        monkeypatch.setenv(name, value)
    loaded = rest_proxy.load()
    assert (loaded.host, loaded.port) == ("0.0.0.0", 8082)
    assert loaded.kafka_config()["bootstrap.servers"] == "b-1.example.com:9098"
    assert "oauth_cb" in loaded.kafka_config()
    assert assigned.keys() - {str(one.validation_alias) for one in rest_proxy.Settings.model_fields.values()} == {
        "PIN_PYTHON"
    }
    subprocess.run(["bash", "-n"], input=given, text=True, check=True)
