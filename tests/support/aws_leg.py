"""The tests' leg on AWS, ``PIN_AWS_ACCOUNT=123456789012 pytest -m aws``: what keeps it from starting by mistake."""

from __future__ import annotations

import os

import boto3
import pytest

from pinpipe import settings
from pinpipe.aws import AwsAccess
from pinpipe.errors import PinpipeError


def chosen(config: pytest.Config) -> bool:
    """Whether the tests run on AWS: only by these very words. Any other choice runs them on the local stack."""
    return bool(config.getoption("markexpr") == "aws")


def refusal() -> str | None:
    """Why the leg must not start with the settings in force; None when it may."""
    account = os.environ.get("PIN_AWS_ACCOUNT")
    if not account:
        return "name the account that the tests may make things in and pay with: PIN_AWS_ACCOUNT=123456789012"
    try:
        in_force = settings.load()
    except PinpipeError as error:
        return str(error)
    if in_force.local:
        return f"AWS_ENDPOINT_URL is {in_force.aws_endpoint_url}: on AWS it is empty (docs/aws.md)"
    return other_account(AwsAccess.of(in_force), account)


def other_account(access: AwsAccess, account: str) -> str | None:
    """What is wrong when the credentials are not of this account, as AWS's STS tells; None when they are."""
    found = access.credentials()
    if found is None:
        return "no AWS credentials: set AWS_ACCESS_KEY_ID and so on, or a profile or role"
    keys = found.get_frozen_credentials()
    sts = boto3.client(
        "sts",
        endpoint_url=access.endpoint,
        region_name=access.region,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
    )
    theirs = sts.get_caller_identity()["Account"]
    return None if theirs == account else f"the credentials are of account {theirs}, PIN_AWS_ACCOUNT names {account}"
