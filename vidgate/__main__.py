"""`python -m vidgate` and the console script `vidgate`."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line of this process and leave with its status."""
    try:
        # Imported here: Ctrl-C in the first half second meets an import, not a command.
        from vidgate.cli.main import run  # noqa: PLC0415

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = INTERRUPTED
    sys.exit(status)


if __name__ == "__main__":
    main()
