"""Settings of either target, made of values alone."""

from __future__ import annotations

from typing import Any

import pytest

from pinpipe.settings import Settings

LOCAL = {"aws_endpoint_url": "http://127.0.0.1:4566", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
ON_AWS = {
    "pin_user_id": "ada",
    "kafka_auth": "msk_iam",
    "mysql_url": "mysql://u:p@db.example.com/pinterest_data",
    "kafka_bootstrap_servers": "b-1.example.com:9098",
    "rest_proxy_url": "http://proxy.example.com:8082",
    "connect_url": "",
    "airflow_url": "",
}
REAL = {
    "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}


def made(**values: Any) -> Settings:
    """Settings of these values and the environment; no file is read."""
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


def without_settings(patch: pytest.MonkeyPatch) -> None:
    """Take every setting out of the environment."""
    for name in Settings.model_fields:
        patch.delenv(name.upper(), raising=False)
