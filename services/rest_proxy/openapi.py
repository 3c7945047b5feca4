"""The API's own description, OpenAPI 3.1: every route, every body, every answer."""

from collections.abc import Mapping
from typing import Any

import msgspec

from services.rest_proxy import metrics
from services.rest_proxy.media import API, JSON, RECORDS
from services.rest_proxy.topic_names import MAX_PATTERN, PATTERN

Schema = dict[str, Any]

_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_STRING: Schema = {"type": "string"}
_INT32: Schema = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
_OFFSET: Schema = {"type": "integer", "minimum": 0, "maximum": 2**63 - 2}
_TOPIC: Schema = {"type": "string", "pattern": "^[a-zA-Z0-9._-]{1,249}$", "not": {"enum": [".", ".."]}}
_PATTERN: Schema = {"type": "string", "pattern": PATTERN, "maxLength": MAX_PATTERN}
_NAME: Schema = {"type": "string", "pattern": "^[^\\x00-\\x1f\\x7f/]{1,249}$"}


def _object(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


def _array(items: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": items, "minItems": least}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_BASE64_OR_NULL: Schema = {"type": ["string", "null"], "contentEncoding": "base64", "pattern": _BASE64}


def _records(value: Schema) -> Schema:
    record = _object(key=value, value=value, partition=_or_null(_INT32))
    return _object(("records",), records=_array(record, least=1))


def _read(value: Schema) -> Schema:
    fields = ("topic", "key", "value", "partition", "offset")
    return _array(_object(fields, topic=_STRING, key=value, value=value, partition=_INT32, offset=_OFFSET))


_POSITION = {"topic": _TOPIC, "partition": _INT32, "offset": _OFFSET}

_SCHEMAS: dict[str, Schema] = {
    "Error": _object(("error_code", "message"), error_code={"type": "integer"}, message=_STRING),
    "JsonRecords": _records({}),
    "BinaryRecords": _records(_BASE64_OR_NULL),
    "ProduceAnswer": _object(
        ("offsets", "key_schema_id", "value_schema_id"),
        offsets=_array(
            _object(
                ("partition", "offset", "error_code", "error"),
                partition=_or_null(_INT32),
                offset=_or_null(_OFFSET),
                error_code={"type": ["integer", "null"]},
                error={"type": ["string", "null"]},
            ),
            least=1,
        ),
        key_schema_id={"type": "null"},
        value_schema_id={"type": "null"},
    ),
    "Partition": _object(
        ("partition", "leader", "replicas"),
        partition=_INT32,
        leader={"type": "integer"},
        replicas=_array(
            _object(
                ("broker", "leader", "in_sync"),
                broker={"type": "integer"},
                leader={"type": "boolean"},
                in_sync={"type": "boolean"},
            )
        ),
    ),
    "Topic": _object(
        ("name", "configs", "partitions"),
        name=_STRING,
        configs={"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        partitions=_array(_ref("Partition"), least=1),
    ),
    "NewConsumer": {
        "type": "object",
        "properties": {
            "name": _or_null(_NAME),
            "format": {"enum": ["json", "binary", None], "default": "binary"},
            "auto.offset.reset": {"enum": ["earliest", "latest", "none", None], "default": "latest"},
            "auto.commit.enable": {"enum": [True, False, "true", "false", None], "default": True},
        },
    },
    "Consumer": _object(("instance_id", "base_uri"), instance_id=_STRING, base_uri=_STRING),
    "Subscription": {
        "oneOf": [
            {
                **_object(("topics",), topics={**_array(_TOPIC, least=1), "maxItems": 1000}),
                "not": {"required": ["topic_pattern"]},
            },
            {
                **_object(("topic_pattern",), topic_pattern=_PATTERN),
                "not": {"required": ["topics"]},
            },
        ]
    },
    "JsonRead": _read({}),
    "BinaryRead": _read(_BASE64_OR_NULL),
    "Offsets": _object(
        ("offsets",),
        offsets=_array(_object(("topic", "partition", "offset"), **_POSITION, metadata={"type": ["string", "null"]})),
    ),
    "Partitions": _object(
        ("partitions",),
        partitions=_array(_object(("topic", "partition"), topic=_TOPIC, partition=_INT32)),
    ),
    "Health": _object(("status",), status={"enum": ["ready", "unavailable"]}, reason=_STRING),
}

_MEANINGS = {
    400: "The body is not UTF-8 or not JSON, or a parameter is malformed.",
    404: "No such topic (40401), partition (40402), consumer instance (40403) or path (404).",
    406: "Nothing in Accept can be answered; 40601: the instance has another format.",
    408: "The body did not arrive in time.",
    409: "40901: subscription conflict; 40902: the instance exists; 40903: not possible in this state.",
    413: "The body is too large.",
    415: "The body's content type is not one of API v2's, or needs a schema registry, or it is compressed.",
    422: "The body is JSON, but does not say what is needed.",
    429: "The bound on consumer instances is reached.",
    500: "Kafka refused (50002).",
    503: "No broker answers (50302), or too many requests at once.",
}
_BODY_ERRORS = (400, 408, 413, 415, 422, 503)


def _content(schema: Schema, *types: str) -> Schema:
    return {media_type: {"schema": schema} for media_type in types}


def _answers(status: int, meaning: str, content: Schema | None, errors: tuple[int, ...]) -> Schema:
    success: Schema = {"description": meaning}
    if content is not None:
        success["content"] = content
    failures = {
        str(code): {"description": _MEANINGS[code], "content": _content(_ref("Error"), JSON)} for code in sorted(errors)
    }
    return {str(status): success, **failures}


def _path(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(name: str, meaning: str) -> Schema:
    schema = {"type": "integer", "minimum": -(10**17), "maximum": 10**17}
    return {"name": name, "in": "query", "required": False, "description": meaning, "schema": schema}


def _body(content: Schema, required: bool = True) -> Schema:
    return {"required": required, "content": content}


_COMMAND_TYPES = (API, *RECORDS.values())
_ANY_TOPIC: Schema = {"type": "string", "minLength": 1}


def _topics() -> Mapping[str, Any]:
    produce = {
        "operationId": "produce",
        "summary": "Send records to a topic; each is answered for on its own.",
        "requestBody": _body(
            {
                RECORDS["json"]: {"schema": _ref("JsonRecords")},
                RECORDS["binary"]: {"schema": _ref("BinaryRecords")},
            }
        ),
        "responses": _answers(
            200,
            "One entry a record, in order; a record that failed has error_code and error.",
            _content(_ref("ProduceAnswer"), API, JSON),
            (*_BODY_ERRORS, 406),
        ),
    }

    def get(name: str, meaning: str, schema: Schema, errors: tuple[int, ...] = (404, 406, 500, 503)) -> Schema:
        return {
            "get": {
                "operationId": name,
                "summary": meaning,
                "responses": _answers(200, meaning, _content(schema, API, JSON), errors),
            }
        }

    topic, number = _path("topic", _ANY_TOPIC), _path("partition", _INT32)
    one = get("getTopic", "One topic: configuration and partitions.", _ref("Topic"))
    partitions = get("listPartitions", "A topic's partitions.", _array(_ref("Partition"), least=1))
    brokers = _object(("brokers",), brokers=_array({"type": "integer"}))
    return {
        "/topics": get("listTopics", "All topics' names.", _array(_STRING), (406, 500, 503)),
        "/topics/{topic}": {"parameters": [topic], **one, "post": produce},
        "/topics/{topic}/partitions": {"parameters": [topic], **partitions},
        "/topics/{topic}/partitions/{partition}": {
            "parameters": [topic, number],
            **get("getPartition", "One partition.", _ref("Partition")),
        },
        "/brokers": get("listBrokers", "All brokers' ids.", brokers, (406, 500, 503)),
    }


def _consumers() -> Mapping[str, Any]:
    def operation(name: str, meaning: str, answers: Schema, body: Schema | None = None) -> Schema:
        found: Schema = {"operationId": name, "summary": meaning, "responses": answers}
        return found if body is None else {**found, "requestBody": body}

    group = _path("group", _NAME)
    instance = [group, _path("instance", _NAME)]
    base = "/consumers/{group}/instances/{instance}"
    commands = (*_BODY_ERRORS, 404, 406, 409, 500)
    asks = (404, 406, 500, 503)
    reads = {
        **_content(_ref("JsonRead"), RECORDS["json"], API, JSON),
        **_content(_ref("BinaryRead"), RECORDS["binary"]),
    }
    records = operation(
        "readRecords",
        "Read on; the first read may be empty while the group forms.",
        _answers(200, "The records, none when none came in time.", reads, (400, 404, 406, 409, 422, 500, 503)),
    )
    records["parameters"] = [
        _query("timeout", "Milliseconds to wait for a first record; 0 or less: the proxy's own setting."),
        _query("max_bytes", "Bytes of keys and values to stop at; 0 or less: the proxy's own setting."),
    ]
    return {
        "/consumers/{group}": {
            "parameters": [group],
            "post": operation(
                "createConsumer",
                "Make a consumer instance.",
                _answers(200, "It is there.", _content(_ref("Consumer"), API, JSON), (*_BODY_ERRORS, 406, 409, 429)),
                _body(_content(_ref("NewConsumer"), *_COMMAND_TYPES), required=False),
            ),
        },
        base: {
            "parameters": instance,
            "delete": operation("deleteConsumer", "Close it.", _answers(204, "It is gone.", None, (404,))),
        },
        f"{base}/subscription": {
            "parameters": instance,
            "post": operation(
                "subscribe",
                "Subscribe it to topics, or to a pattern of their names.",
                _answers(204, "It is subscribed.", None, (*_BODY_ERRORS, 404, 409, 500)),
                _body(_content(_ref("Subscription"), *_COMMAND_TYPES)),
            ),
            "get": operation(
                "getSubscription",
                "The topics it is subscribed to.",
                _answers(200, "Their names.", _content(_object(("topics",), topics=_array(_STRING)), API, JSON), asks),
            ),
            "delete": operation(
                "unsubscribe", "End its subscription.", _answers(204, "It has none.", None, (404, 500, 503))
            ),
        },
        f"{base}/records": {"parameters": instance, "get": records},
        f"{base}/offsets": {
            "parameters": instance,
            "post": operation(
                "commitOffsets",
                "Commit the offsets of the last records dealt with; without a body, of all that were read.",
                _answers(200, "An empty list.", _content(_array({}), API, JSON), commands),
                _body(_content(_ref("Offsets"), *_COMMAND_TYPES), required=False),
            ),
            "get": operation(
                "getOffsets",
                "The committed offsets of the partitions in the body: of the next record to read.",
                _answers(200, "Those that have one.", _content(_ref("Offsets"), API, JSON), commands),
                _body(_content(_ref("Partitions"), *_COMMAND_TYPES)),
            ),
        },
    }


def _service() -> Mapping[str, Any]:
    def get(name: str, meaning: str, responses: Schema) -> Schema:
        return {"get": {"operationId": name, "summary": meaning, "responses": responses}}

    health = {
        "200": {"description": "A broker answers.", "content": _content(_ref("Health"), JSON)},
        "503": {"description": "No broker answers.", "content": _content(_ref("Health"), JSON)},
    }
    text = {"description": "Prometheus' text form.", "content": _content(_STRING, metrics.CONTENT_TYPE)}
    described = {"description": "This document.", "content": _content({"type": "object"}, JSON)}
    return {
        "/": get("root", "Nothing.", _answers(200, "Nothing.", _content({"type": "object"}, API, JSON), (406,))),
        "/healthz": get("health", "Whether records can be sent.", health),
        "/metrics": get("metrics", "Counters.", {"200": text}),
        "/openapi.json": get("openapi", "This document.", {"200": described}),
    }


def document() -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Kafka REST proxy",
                "version": "2",
                "description": "API v2 of Confluent's REST Proxy: produce, metadata and consumers.",
            },
            "paths": {**_topics(), **_consumers(), **_service()},
            "components": {"schemas": _SCHEMAS},
        }
    )
