"""Looks into the lake: which records the sink's objects hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from pinpipe.aws import AwsAccess
from pinpipe.settings import Settings

NAME = re.compile(r"([^/]+)\+(\d+)\+(\d+)\.json$")
READERS = 8


def objects(settings: Settings, table: str) -> Iterator[str]:
    """The keys of a table's objects."""
    pages = AwsAccess.of(settings).s3().get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=settings.bucket, Prefix=f"topics/{settings.topic(table)}/"):
        for entry in page.get("Contents", []):
            if NAME.search(entry["Key"]):
                yield entry["Key"]


def offsets(settings: Settings, table: str) -> list[tuple[int, int]]:
    """The (partition, offset) of every record in a table's objects, by reading all of them; sorted, with repeats."""
    s3 = AwsAccess.of(settings).s3()

    def read(key: str) -> list[tuple[int, int]]:
        match = NAME.search(key)
        assert match is not None  # objects() yields no other
        partition, first = int(match[2]), int(match[3])
        body = s3.get_object(Bucket=settings.bucket, Key=key)["Body"].read()
        return [(partition, first + n) for n in range(body.count(b"\n"))]

    with ThreadPoolExecutor(max_workers=READERS) as pool:
        return sorted(coordinate for part in pool.map(read, objects(settings, table)) for coordinate in part)
