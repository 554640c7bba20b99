"""Prometheus pages; offers `render() -> bytes` and `render_channels() -> bytes`."""

from vidgate.metrics.pages import Metrics

__all__ = ["Metrics"]
