"""Options and arguments that several commands share, and how what was typed is checked against the site."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Annotated

import typer

from smsgw.cli.output import wrong_usage
from smsgw.config.account import AccountSettings
from smsgw.config.site import Site
from smsgw.documents.names import with_hint
from smsgw.policy.numbers import to_e164

SiteOption = Annotated[
    Path,
    typer.Option("--site", "-s", envvar="SMSGW_SITE", help="Directory with smsgw.toml.", show_default="this directory"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="The recipient: 13800138000, +86138…, 0086138….")]


def account_named(site: Site, name: str) -> AccountSettings:
    """The account that was typed; ends the command with exit code 2 when there is none."""
    return site.accounts[known(name, site.accounts, "account")]


def known(name: str, valid: Mapping[str, object] | frozenset[str], kind: str) -> str:
    """``name`` if the site has it; else one line with the nearest one, and exit code 2."""
    if name not in valid:
        wrong_usage(with_hint(f"no {kind} of this site is named {name!r}", name, valid))
    return name


def recipient(site: Site, number: str) -> str:
    """E.164 digits of the number that was typed; ends the command with exit code 2 when it can't be one."""
    digits = to_e164(number, site.country)
    if digits is None:
        wrong_usage(f"{number!r} is not a recipient's number, such as 13800138000 or +8613800138000")
    return digits


def zone_of(site: Site) -> tzinfo:
    """The zone that times are shown in: the profiles'; of several the first one's."""
    return next(iter(site.profiles.values())).zone
