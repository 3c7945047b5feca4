"""Each part may do what it was seen to do, or what is known for a reason, on the user's own resources; and no more."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.support.targets import ON_AWS, made, without_settings
from tests.support.templates import ROOT, granted, template

pytestmark = pytest.mark.unit

KNOWN: dict[str, Any] = yaml.safe_load((ROOT / "aws" / "actions.yaml").read_text())
WIDE: dict[str, dict[str, str]] = KNOWN.pop("wide")

# AWS's operations whose action has another name; https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html
OTHER_NAMES = {
    "s3.CopyObject": {"s3:GetObject", "s3:PutObject"},
    "s3.HeadBucket": {"s3:ListBucket"},
    "s3.HeadObject": {"s3:GetObject"},
    "s3.ListObjectsV2": {"s3:ListBucket"},
}


def needed(who: str) -> set[str]:
    """The actions that a part needs by what is known of it."""
    seen = [OTHER_NAMES.get(call, {call.replace(".", ":")}) for call in KNOWN[who]["seen"]]
    return set().union(KNOWN[who]["derived"], *seen)


def test_every_part_has_a_policy_and_every_policy_is_of_a_part() -> None:
    assert granted().keys() == KNOWN.keys()


@pytest.mark.parametrize("who", KNOWN)
def test_a_part_may_do_what_it_needs_and_nothing_else(who: str) -> None:
    given = granted()[who].keys()
    assert (sorted(given - needed(who)), sorted(needed(who) - given)) == ([], []), "too much, too little"


@pytest.mark.parametrize("who", KNOWN)
def test_what_was_seen_is_not_called_derived_too(who: str) -> None:
    seen = [OTHER_NAMES.get(call, {call.replace(".", ":")}) for call in KNOWN[who]["seen"]]
    assert not set().union(*seen) & set(KNOWN[who]["derived"])


@pytest.mark.parametrize("who", KNOWN)
def test_an_action_is_granted_on_the_users_own_resources_but_for_the_listed_ones(who: str) -> None:
    wide = {action for action, on in granted()[who].items() if not all("${UserId}" in resource for resource in on)}
    assert wide == WIDE.get(who, {}).keys()


@pytest.mark.parametrize("who", KNOWN)
def test_no_action_and_no_user_is_a_wildcard(who: str) -> None:
    for action, resources in granted()[who].items():
        assert "*" not in action
        for resource in resources:
            assert not re.search(r"[*]\$\{UserId\}(?!-connector_)", resource), resource


def test_the_spark_job_writes_where_its_tables_checkpoints_and_leases_are_and_not_over_the_lake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_settings(monkeypatch)
    settings = made(**ON_AWS)
    written = {path.removeprefix("s3a://") for path in (settings.tables_path, settings.checkpoint_path)}
    written.add(f"{settings.bucket}/leases")  # spark_jobs/lease.py
    granted_on = granted()["SparkJob"]["s3:PutObject"]
    assert {on.rpartition(":::")[2].replace("${UserId}", "ada") for on in granted_on} == {f"{at}/*" for at in written}


def test_api_gateway_may_do_what_the_apis_methods_do() -> None:
    methods = json.dumps(template("localstack/api.yaml")["Resources"]["Api"]["Properties"]["Body"])
    called = {f"kinesis:{action}" for action in re.findall(r"kinesis:action/(\w+)", methods)}
    assert called == granted()["KinesisRole"].keys()
