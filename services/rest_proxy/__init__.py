"""A Kafka REST proxy that answers like Confluent's, API v2: produce, metadata and consumers over HTTP.

Started as ``python -m services.rest_proxy``; everything it is told comes from the environment (``settings``).

One producer serves every request, because callers such as API Gateway open a new connection for each request, so
nothing may hang on a connection. Consumer instances do live in this process: a second proxy beside it does not know
them, and a restart forgets them.

``base_uri`` and gateways: the answer to ``POST /consumers/{group}`` names an address to go on with. It is built from
what the caller used, as far as the request tells: ``X-Forwarded-Host``, ``-Proto``, ``-Port`` and ``-Prefix`` where a
gateway sends them, else ``Host``. API Gateway's HTTP proxy integration sends neither its own host name nor the
stage's path unless the integration maps them, so behind it ``base_uri`` names this proxy and is of no use to the
caller (Confluent's proxy has the same trap). Such a caller goes on with the address it called itself, followed by
``/consumers/{group}/instances/{instance_id}``, or the gateway is told to send ``X-Forwarded-Host`` and
``X-Forwarded-Prefix``.
"""
