"""The command line: one module per noun, registered by name so that a client stays light."""
