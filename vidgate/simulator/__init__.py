"""The camera fleet: thousands of RTSP cameras in one process, for demo, tests and benches."""
