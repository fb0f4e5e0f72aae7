"""``python -m smsgw``: the same as the ``smsgw`` command."""

from smsgw.cli.main import main

if __name__ == "__main__":
    main()
