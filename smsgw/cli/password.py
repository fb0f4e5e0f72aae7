"""``smsgw password``: the text for an account's ``password`` key. The password itself is never an argument,
or it would stand in the shell's history and in the process list."""

from __future__ import annotations

import secrets
import string
import sys
from typing import Annotated

import typer

from smsgw.config.passwords import MAX_PASSWORD_OCTETS, hash_password

# Without the letters and digits that look alike on paper.
_ALPHABET = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))


def password(
    generate: Annotated[bool, typer.Option("--generate", help="Make up a password and show it too.")] = False,
) -> None:
    """Print the stored form of a password, for accounts/*.toml.

    Asks for the password twice; with standard input from a pipe its first line is taken.
    """
    if generate:
        chosen = "".join(secrets.choice(_ALPHABET) for _ in range(MAX_PASSWORD_OCTETS))
        typer.echo(f"password: {chosen}", err=True)
    elif sys.stdin.isatty():
        chosen = typer.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True)
    else:
        chosen = sys.stdin.readline().rstrip("\r\n")
    try:
        stored = hash_password(chosen)
    except ValueError as error:
        typer.echo(f"smsgw: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(stored)
