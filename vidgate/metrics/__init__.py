"""Prometheus pages; offers `render() -> bytes`."""
