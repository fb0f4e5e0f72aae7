"""The command ``simctl``: looks at a running carrier simulator and steers it, over its control port."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    del argv
    print("simctl: not there yet", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
