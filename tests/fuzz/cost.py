"""What one input costs its target: `python -m tests.fuzz.cost TARGET FILE` prints seconds.

In a process of its own, for guidance makes all code some times slower, and a library may abort.
"""

import sys
from pathlib import Path

from tests.effort import effort
from tests.fuzz.targets import TARGETS


def main() -> None:
    """Print the processor time."""
    target, data = TARGETS[sys.argv[1]], Path(sys.argv[2]).read_bytes()
    print(effort(lambda: target.run(data)))


if __name__ == "__main__":
    main()
