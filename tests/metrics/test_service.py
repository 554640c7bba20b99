"""The service's own work on the small page."""

from collections import Counter
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from vidgate.metrics.service import ErrorCollector, WebCollector


class Server:
    """A server that has answered three times."""

    requests: Mapping[tuple[str, str], int] = {("GET", "2xx"): 2, ("POST", "4xx"): 1}
    seconds = 1.25
    connections = 7
    refused = 2
    certificate_expiry: float | None = None

    @property
    def tally(self) -> "Server":
        return self

    def buckets(self) -> list[tuple[str, float]]:
        return [("0.1", 1), ("+Inf", 3)]


def samples(registry: CollectorRegistry) -> dict[tuple[str, tuple[str, ...]], float]:
    """Values by name and labels, read by Prometheus' own parser."""
    page = generate_latest(registry).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_requests_and_their_time() -> None:
    registry = CollectorRegistry()
    registry.register(WebCollector(Server()))
    found = samples(registry)
    assert found["vidgate_http_requests_total", ("GET", "2xx")] == 2
    assert found["vidgate_http_request_duration_seconds_count", ()] == 3
    assert found["vidgate_http_request_duration_seconds_bucket", ("0.1",)] == 1
    assert found["vidgate_http_request_duration_seconds_sum", ()] == 1.25
    assert found["vidgate_http_connections", ()] == 7
    assert found["vidgate_http_connections_refused_total", ()] == 2
    assert ("vidgate_tls_certificate_expiry_timestamp_seconds", ()) not in found


def test_the_certificate_where_there_is_one() -> None:
    registry, server = CollectorRegistry(), Server()
    server.certificate_expiry = 2e9
    registry.register(WebCollector(server))
    assert samples(registry)["vidgate_tls_certificate_expiry_timestamp_seconds", ()] == 2e9


def test_errors_by_part() -> None:
    registry, errors = CollectorRegistry(), Counter({"hub": 2})
    registry.register(ErrorCollector(errors))
    errors["web"] += 1
    found = samples(registry)
    assert found["vidgate_task_errors_total", ("hub",)] == 2
    assert found["vidgate_task_errors_total", ("web",)] == 1
