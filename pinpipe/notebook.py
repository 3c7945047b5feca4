"""What the notebooks begin with, here and on Databricks: the settings, Spark, and the bucket."""

from __future__ import annotations

import atexit
import csv
import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pinpipe import settings
from pinpipe.aws import AwsAccess
from pinpipe.errors import SettingsError
from pinpipe.settings import Settings
from pinpipe.stack import Stack

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CREDENTIALS = (Path("authentication_credentials.csv"), Path("/dbfs/FileStore/tables/authentication_credentials.csv"))
"""Where the course has the file that AWS gives with an access key: beside the notebook, or uploaded to Databricks."""


def load(credentials: Iterable[Path] = CREDENTIALS) -> Settings:
    """The settings in force; where one of the files is there, with its keys."""
    for file in credentials:
        if file.exists():
            os.environ.update(keys(file))
            break
    return settings.load()


def keys(file: Path) -> dict[str, str]:
    """The settings that AWS's file of an access key holds; raises :class:`SettingsError` where it holds none."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        row = next(csv.DictReader(lines), {})
    try:
        return {"AWS_ACCESS_KEY_ID": row["Access key ID"], "AWS_SECRET_ACCESS_KEY": row["Secret access key"]}
    except KeyError as column:
        raise SettingsError(f"{file} has no column {column}: take the file that AWS gave with the key") from None


def at_end() -> ExitStack:
    """What a notebook holds: it gives it back by ``close()``, and if it fails before that, when its program ends."""
    held = ExitStack()
    atexit.register(held.close)  # later, when Python itself ends, Spark's client waits for ever
    return held


def spark(in_force: Settings) -> SparkSession:
    """A Spark session: the stack's server, or this process; on Databricks the notebook's own."""
    from spark_jobs.session import session

    return session(in_force, Stack(in_force).spark_token_to_send())


def mount(dbutils: Any, in_force: Settings) -> str:
    """Mount the bucket on Databricks, as the course does, unless it is; return the path it is mounted at."""
    place = f"/mnt/{in_force.bucket}"
    if place not in {mounted.mountPoint for mounted in dbutils.fs.mounts()}:
        credentials = AwsAccess.of(in_force).credentials()
        if credentials is None:
            raise SettingsError(f"there are no keys to mount {in_force.bucket} with: upload {CREDENTIALS[0].name}")
        secret = quote(credentials.secret_key, safe="")
        dbutils.fs.mount(f"s3a://{credentials.access_key}:{secret}@{in_force.bucket}", place)
    return place
