"""The ``smsgw`` command, and ``python -m smsgw``: loading it takes a while, and Ctrl-C then is no traceback either."""

import sys


def main() -> None:
    """Load the command line, and run it; ends the process."""
    try:
        from smsgw.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
