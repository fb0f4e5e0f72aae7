"""The commands about captures, for both simulators' command lines.

Each ``add_…`` adds a sub-command and sets ``run`` on its arguments: a function of the Namespace that
does it and returns the exit status (0 done, 1 done but not as recorded, 2 wrong usage or file).
"""

from __future__ import annotations

import argparse
from argparse import Namespace


def add_replay_carrier(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``replay FILE``: play the carrier of a capture."""
    parser = subparsers.add_parser("replay", help="play the carrier of a capture")
    parser.set_defaults(run=run_replay_carrier)


def add_replay_application(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``replay FILE``: play the applications of a capture."""
    parser = subparsers.add_parser("replay", help="play the applications of a capture")
    parser.set_defaults(run=run_replay_application)


def add_convert(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``convert IN OUT``: from one capture format to the other."""
    parser = subparsers.add_parser("convert", help="convert a capture")
    parser.set_defaults(run=run_convert)


def add_show(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``show-capture FILE``: print a capture."""
    parser = subparsers.add_parser("show-capture", help="print a capture")
    parser.set_defaults(run=run_show)


def run_replay_carrier(arguments: Namespace) -> int:
    """Run ``replay`` as carrier; returns its exit status."""
    raise NotImplementedError


def run_replay_application(arguments: Namespace) -> int:
    """Run ``replay`` as application; returns its exit status."""
    raise NotImplementedError


def run_convert(arguments: Namespace) -> int:
    """Run ``convert``; returns its exit status."""
    raise NotImplementedError


def run_show(arguments: Namespace) -> int:
    """Run ``show-capture``; returns its exit status."""
    raise NotImplementedError
