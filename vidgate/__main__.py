"""`python -m vidgate` and the console script `vidgate`."""

import sys

from vidgate.cli.main import run


def main() -> None:
    """Run the command line of this process and leave with its status."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
