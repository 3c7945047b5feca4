"""Counters in Prometheus' text form: https://prometheus.io/docs/instrumenting/exposition_formats/"""

from bisect import bisect_left
from collections import Counter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds in seconds; one more bucket takes what is above."""


class Metrics:
    """What the proxy counts from its start on."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._latency: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()
        self.records_produced = 0
        self.records_failed = 0
        self.records_consumed = 0
        self.bytes_received = 0
        self.bytes_sent = 0

    def request(self, route: str, method: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Count one answered request; ``route`` is the path's template, never a path."""
        self._requests[route, method, status] += 1
        buckets = self._latency.get(route)
        if buckets is None:
            buckets = self._latency[route] = [0] * (len(_BUCKETS) + 1)
        buckets[bisect_left(_BUCKETS, seconds)] += 1
        self._seconds[route] += seconds  # type: ignore[assignment]  # a Counter adds floats as well
        self.bytes_received += received
        self.bytes_sent += sent

    def expose(self, gauges: dict[str, tuple[str, float]]) -> str:
        """The text of ``/metrics``; ``gauges`` maps a name to its meaning and its value of now."""
        lines: list[str] = []
        _head(lines, "requests_total", "counter", "Requests answered, by route, method and status.")
        for (route, method, status), count in sorted(self._requests.items()):
            labels = f'route="{route}",method="{method}",status="{status}"'
            lines.append(f"rest_proxy_requests_total{{{labels}}} {count}")
        _head(lines, "request_seconds", "histogram", "From a request's headers to its answer.")
        for route, buckets in sorted(self._latency.items()):
            total = 0
            for bound, count in zip((*_BUCKETS, "+Inf"), buckets, strict=True):
                total += count
                lines.append(f'rest_proxy_request_seconds_bucket{{route="{route}",le="{bound}"}} {total}')
            lines.append(f'rest_proxy_request_seconds_sum{{route="{route}"}} {self._seconds[route]:.6f}')
            lines.append(f'rest_proxy_request_seconds_count{{route="{route}"}} {total}')
        for name, meaning, value in (
            ("records_produced_total", "Records acknowledged by Kafka.", self.records_produced),
            ("records_failed_total", "Records answered with an error.", self.records_failed),
            ("records_consumed_total", "Records handed out to consumers.", self.records_consumed),
            ("received_bytes_total", "Bytes of request bodies.", self.bytes_received),
            ("sent_bytes_total", "Bytes of answer bodies.", self.bytes_sent),
        ):
            _head(lines, name, "counter", meaning)
            lines.append(f"rest_proxy_{name} {value}")
        for name, (meaning, gauge) in gauges.items():
            _head(lines, name, "gauge", meaning)
            lines.append(f"rest_proxy_{name} {gauge:g}")
        return "\n".join(lines) + "\n"


def _head(lines: list[str], name: str, kind: str, meaning: str) -> None:
    lines.append(f"# HELP rest_proxy_{name} {meaning}")
    lines.append(f"# TYPE rest_proxy_{name} {kind}")
