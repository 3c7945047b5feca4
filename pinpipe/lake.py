"""Looks into the lake: which records the sink's objects hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pinpipe.aws import AwsAccess
from pinpipe.settings import OBJECT_NAME, Settings

if TYPE_CHECKING:
    from obstore.store import ObjectStore

NAME = re.compile(OBJECT_NAME)
READERS = 8


@dataclass(frozen=True)
class LakeObject:
    """An object of the sink: its key, its partition, and the offset of its first record."""

    key: str
    partition: int
    first: int


def bucket(settings: Settings) -> ObjectStore:
    """The user's bucket."""
    from obstore.store import S3Store

    # the options that the deltalake package takes: both are made of the same object store client
    return S3Store(settings.bucket, config=AwsAccess.of(settings).delta_rs())  # type: ignore[arg-type]


def objects(store: ObjectStore, topic: str) -> list[LakeObject]:
    """The objects of a topic."""
    listed = (entry["path"] for page in store.list(f"topics/{topic}") for entry in page)
    return [LakeObject(key, int(named[2]), int(named[3])) for key in listed if (named := NAME.search(key))]


def read(store: ObjectStore, wanted: Iterable[LakeObject]) -> list[tuple[int, int]]:
    """The (partition, offset) of every record in objects, by reading them; sorted, with repeats."""

    def coordinates(one: LakeObject) -> list[tuple[int, int]]:
        body = bytes(store.get(one.key).bytes())
        return [(one.partition, one.first + n) for n in range(body.count(b"\n"))]

    with ThreadPoolExecutor(max_workers=READERS) as pool:
        return sorted(coordinate for part in pool.map(coordinates, wanted) for coordinate in part)


def offsets(settings: Settings, table: str) -> list[tuple[int, int]]:
    """The (partition, offset) of every record in a table's objects, by reading all of them; sorted, with repeats."""
    store = bucket(settings)
    return read(store, objects(store, settings.topic(table)))


def not_loaded(present: Iterable[LakeObject], loaded: Mapping[int, int]) -> list[LakeObject]:
    """The objects that the batch has not loaded: it loads a partition's objects in their order, and has come to the
    offsets ``loaded``, by partition.
    """
    return [one for one in present if one.first > loaded.get(one.partition, -1)]
