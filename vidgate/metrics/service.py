"""The service's own work: requests answered, errors logged, how long its certificate holds."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


class Answers(Protocol):
    """What was answered; see `vidgate.web.tally`."""

    @property
    def requests(self) -> Mapping[tuple[str, str], int]:
        """Numbers by method and class of status, such as `("GET", "2xx")`."""
        ...

    @property
    def seconds(self) -> float:
        """All their time together."""
        ...

    def buckets(self) -> list[tuple[str, float]]:
        """Numbers that took at most so many seconds, the last `+Inf`."""
        ...


class Server(Protocol):
    """The HTTP server; see `vidgate.web.server`."""

    @property
    def tally(self) -> Answers: ...

    @property
    def connections(self) -> int: ...

    @property
    def refused(self) -> int: ...

    @property
    def certificate_expiry(self) -> float | None:
        """Unix seconds; None where HTTPS is not served."""
        ...


class WebCollector(Collector):
    """`vidgate_http_*` and `vidgate_tls_certificate_expiry_timestamp_seconds`."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def collect(self) -> Iterator[Metric]:
        """The families."""
        tally = self._server.tally
        requests = CounterMetricFamily(
            "vidgate_http_requests", "Requests answered.", labels=("method", "status")
        )
        for labels, number in sorted(tally.requests.items()):
            requests.add_metric(labels, number)
        yield requests
        yield HistogramMetricFamily(
            "vidgate_http_request_duration_seconds",
            "From a request's head to its answer; events and pictures under way are not counted.",
            buckets=tally.buckets(),
            sum_value=tally.seconds,
        )
        yield GaugeMetricFamily(
            "vidgate_http_connections",
            "Connections of clients now.",
            value=self._server.connections,
        )
        yield CounterMetricFamily(
            "vidgate_http_connections_refused",
            "Connections turned away, for there were too many.",
            value=self._server.refused,
        )
        expiry = self._server.certificate_expiry
        if expiry is not None:
            yield GaugeMetricFamily(
                "vidgate_tls_certificate_expiry_timestamp_seconds",
                "Until when the server's certificate holds.",
                value=expiry,
            )


class ErrorCollector(Collector):
    """`vidgate_task_errors_total{component}`: errors of tasks and parts, as the log tells them."""

    def __init__(self, errors: Mapping[str, int]) -> None:
        self._errors = errors

    def collect(self) -> Iterator[Metric]:
        """The family."""
        family = CounterMetricFamily(
            "vidgate_task_errors", "Errors that were logged.", labels=("component",)
        )
        for component, number in sorted(self._errors.items()):
            family.add_metric((component,), number)
        yield family
