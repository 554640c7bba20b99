"""vidgate: the video and convergence-communication gateway of a command centre."""

__version__ = "0.1.0"
