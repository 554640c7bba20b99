"""The camera fleet: used by the demo, the tests and the benches."""
