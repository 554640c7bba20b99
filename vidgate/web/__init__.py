"""The HTTP API, the console and the event WebSocket; one module per noun."""
