"""The errors a caller can be answered with, and their numbers in API v2.

::

    RestProxyError
    ├── SettingsError          the environment is wrong; the proxy does not start
    └── ApiError               becomes {"error_code": ..., "message": ...} with its HTTP status
        ├── BadRequest             400  not HTTP or not JSON
        ├── NotFound               404  no such path
        ├── TopicNotFound          404  40401
        ├── PartitionNotFound      404  40402
        ├── ConsumerNotFound       404  40403
        ├── MethodNotAllowed       405
        ├── NotAcceptable          406
        ├── FormatMismatch         406  40601
        ├── SlowRequest            408
        ├── SubscriptionConflict   409  40901
        ├── ConsumerExists         409  40902
        ├── NotSubscribed          409  40903
        ├── TooLarge               413
        ├── UnsupportedMediaType   415
        ├── Unprocessable          422  JSON, but not what is asked for
        │   ├── NotJson                 42203
        │   ├── InvalidConsumer         42204
        │   └── InvalidPayload          42206
        ├── TooManyConsumers       429
        ├── KafkaFailure           500  50002
        ├── Overloaded             503
        └── BrokerUnavailable      503  50302

Numbers and texts follow Confluent's proxy: https://docs.confluent.io/platform/current/kafka-rest/api.html
"""

from collections.abc import Sequence
from http import HTTPStatus

KAFKA_ERROR = 50002
"""A record failed, and sending it again as it is will fail again."""
KAFKA_RETRIABLE_ERROR = 50003
"""A record was not acknowledged; it may be sent again."""


class RestProxyError(Exception):
    """Every error of this package."""


class SettingsError(RestProxyError):
    """The environment is wrong; ``lines`` has one line for each variable."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


class ApiError(RestProxyError):
    """An answer other than 200: its HTTP ``status``, its ``error_code`` and its ``message``."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code: int | None = None
    text = ""

    def __init__(self, detail: str = "") -> None:
        standard = self.text or f"HTTP {self.status.value} {self.status.phrase}"
        self.message = f"{standard}{self.joint}{detail}" if detail else standard
        self.error_code = self.code if self.code is not None else self.status.value
        super().__init__(self.message)

    joint = ": "


class BadRequest(ApiError):
    """The request is not HTTP, not UTF-8 or not JSON, or its JSON has another shape."""

    status = HTTPStatus.BAD_REQUEST


class NotFound(ApiError):
    """No route has this path."""

    status = HTTPStatus.NOT_FOUND


class TopicNotFound(ApiError):
    """The broker has no such topic."""

    status = HTTPStatus.NOT_FOUND
    code = 40401
    text = "Topic not found."
    joint = " "


class PartitionNotFound(ApiError):
    """The topic has no such partition."""

    status = HTTPStatus.NOT_FOUND
    code = 40402
    text = "Partition not found."
    joint = " "


class ConsumerNotFound(ApiError):
    """The instance was never created, was deleted, or was idle for too long."""

    status = HTTPStatus.NOT_FOUND
    code = 40403
    text = "Consumer instance not found."
    joint = " "


class MethodNotAllowed(ApiError):
    """The path exists, but not with this method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


class NotAcceptable(ApiError):
    """Nothing in ``Accept`` is a type that can be answered."""

    status = HTTPStatus.NOT_ACCEPTABLE


class FormatMismatch(ApiError):
    """``Accept`` asks for another format than the consumer instance was made with."""

    status = HTTPStatus.NOT_ACCEPTABLE
    code = 40601
    text = "The requested embedded data format does not match the deserializer for this consumer instance"


class SlowRequest(ApiError):
    """The body did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT


class SubscriptionConflict(ApiError):
    """Topics and a pattern exclude each other."""

    status = HTTPStatus.CONFLICT
    code = 40901
    text = "Subscription to topics and to a pattern are mutually exclusive."


class ConsumerExists(ApiError):
    """An instance of this name is there already."""

    status = HTTPStatus.CONFLICT
    code = 40902
    text = "Consumer with specified consumer ID already exists in the specified consumer group."


class NotSubscribed(ApiError):
    """A read before any subscription."""

    status = HTTPStatus.CONFLICT
    code = 40903
    text = "Illegal state: Consumer is not subscribed to any topics or assigned any partitions"


class TooLarge(ApiError):
    """The body has more bytes than allowed."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaType(ApiError):
    """The body's ``Content-Type`` or ``Content-Encoding`` is none that can be read."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(ApiError):
    """The body is JSON, but what it asks for makes no sense."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class NotJson(Unprocessable):
    """A record cannot be read as JSON."""

    code = 42203
    text = "Conversion of JSON to Object failed"


class InvalidConsumer(Unprocessable):
    """A consumer's configuration is wrong."""

    code = 42204
    text = "Invalid consumer configuration"


class InvalidPayload(Unprocessable):
    """A body is missing where one is needed."""

    code = 42206
    text = "Payload error. Null input provided. Data is required."


class TooManyConsumers(ApiError):
    """The bound on consumer instances is reached."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class KafkaFailure(ApiError):
    """Kafka refused, for a reason that has no number of its own."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = KAFKA_ERROR
    text = "Kafka error"


class Overloaded(ApiError):
    """Too many bodies in memory at once; try again."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class BrokerUnavailable(ApiError):
    """No broker answers."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = 50302
    text = "Kafka broker not available"
