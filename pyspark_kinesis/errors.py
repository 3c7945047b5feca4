"""Everything this source raises.

* KinesisSourceError
  * OptionError: an option is missing, malformed, or asks for what is not there
  * CredentialsError: no credentials, or none that could be refreshed
  * ServiceError: Kinesis answered with an error, or not at all
  * DataLossError: records that a query still needs are gone
  * StreamRecreatedError: the stream is another one than that of the checkpoint
  * OffsetError: a checkpoint's offset can't be understood
  * SpoolError: the local disk can't take what was read
"""

from __future__ import annotations


class KinesisSourceError(Exception):
    """The root: ``except KinesisSourceError`` catches all of them."""


class OptionError(KinesisSourceError, ValueError):
    """An option is missing, malformed, or asks for what is not there. Told at ``load()``."""


class CredentialsError(KinesisSourceError):
    """No credentials were found, or they could not be refreshed."""


class ServiceError(KinesisSourceError):
    """Kinesis answered with an error, or not at all: ``code`` is its name for it, ``status`` HTTP's, or 0."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.status = status

    @property
    def throttled(self) -> bool:
        """More was asked for than Kinesis grants: right again after a while."""
        return self.code in _THROTTLED

    @property
    def transient(self) -> bool:
        """Worth asking again, as it is."""
        return self.throttled or self.status == 0 or self.status >= 500 or self.code in _TRANSIENT


_THROTTLED = frozenset({
    "KMSThrottlingException", "LimitExceededException", "ProvisionedThroughputExceededException",
    "RequestLimitExceeded", "Throttling", "ThrottlingException",
})  # fmt: skip
_TRANSIENT = frozenset({"InternalFailure", "InternalFailureException", "RequestTimeout", "ServiceUnavailable"})


class DataLossError(KinesisSourceError):
    """Records that a query still needs are gone; ``failOnDataLoss=false`` goes on without them."""


class StreamRecreatedError(KinesisSourceError):
    """The stream was deleted and created again: the sequence numbers of the checkpoint mean nothing there."""


class OffsetError(KinesisSourceError):
    """The offset in a checkpoint can't be understood."""


class SpoolError(KinesisSourceError):
    """The local disk can't take what was read."""
