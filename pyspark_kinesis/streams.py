"""Streams as wholes: where a query on them begins, and whether they still are what a checkpoint says."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark_kinesis.client import KinesisClient
from pyspark_kinesis.errors import KinesisSourceError, OptionError, ServiceError, StreamRecreatedError
from pyspark_kinesis.offset import StreamOffset
from pyspark_kinesis.options import Options
from pyspark_kinesis.position import AtTimestamp, Initial, Latest, TrimHorizon

_SUSPICIOUS = ("ResourceNotFoundException", "InvalidArgumentException")


def begin(client: KinesisClient, stream: str, initial: Initial, options: Options) -> StreamOffset:
    """Where a query begins that has no checkpoint yet.

    ``latest`` becomes the moment of now, by Kinesis' clock, so that a restart before the first batch can't move it.
    ``OptionError`` when ``at_timestamp`` is in the future, ``ServiceError`` when there is no such stream.
    """
    try:
        created = client.describe(stream).created
        if created is None:  # not allowed: any answer tells the time
            client.list_shards(stream, options.max_shards_per_describe)
    except ServiceError as error:
        raise explained(error, client, {}, stream) from error
    match initial:
        case Latest():
            # before the stream there was nothing, and its first records must not be missed by a clock's second
            return StreamOffset(AtTimestamp(client.now_ms()), {}, created, pinned=False)
        case AtTimestamp(millis) if millis > client.now_ms() + 1000:
            raise OptionError(
                f"initialPosition: at_timestamp lies {(millis - client.now_ms()) // 1000} s in the future"
            )
        case AtTimestamp() | TrimHorizon():
            return StreamOffset(initial, {}, created)


def check_created(client: KinesisClient, stream: str, created: int | None) -> None:
    """``StreamRecreatedError`` when the stream is not the one that was ``created`` (milliseconds since 1970) then."""
    if created is None:
        return
    found = client.describe(stream).created
    if found is not None and found != created:
        raise StreamRecreatedError(
            f"stream {stream} was deleted and created again since the checkpoint was written: its records can't be "
            "told from the old ones; start with a new checkpointLocation"
        )


def explained(
    error: ServiceError, client: KinesisClient, created: Mapping[str, int | None], stream: str = ""
) -> KinesisSourceError:
    """The error to raise for an answer of Kinesis: what it means, where that can be told."""
    if error.code not in _SUSPICIOUS:
        return error
    for name, moment in created.items():
        try:
            check_created(client, name, moment)
        except StreamRecreatedError as recreated:
            return recreated
        except ServiceError as gone:
            if gone.code == "ResourceNotFoundException":
                return explained(gone, client, {}, name)
    if stream and error.code == "ResourceNotFoundException":
        why = f"there is no stream {stream} in this region and account: check streamName, region and endpoint"
        return ServiceError(error.code, f"{error.message}; {why}", error.status)
    return error
