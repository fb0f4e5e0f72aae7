"""``people.toml``: who may use the console, and in which roles.

A person's token is ``<name>~<secret>``, as ``smsgw console token`` makes it; the file holds only its stored form, made
with scrypt as accounts' passwords are. Owns the roles' names. The file is optional: without it the console does not
start, and whoever may run commands on this machine may do everything there.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import BeforeValidator, Field

from smsgw.config.passwords import check_stored_form, hash_octets
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.documents.values import Listed, Name, Settings

Role = Literal["department", "market", "legal", "technical", "management", "compliance", "operations", "viewer"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

PEOPLE_FILE: Final = "people.toml"
#: Between a person's name and the secret: no name has it, and every HTTP client may send it in a header.
SEPARATOR: Final = "~"
_SECRET_CHARS: Final = 43
_MAX_TOKEN_CHARS: Final = 200
_ALPHABET: Final = string.ascii_letters + string.digits


def _stored_token(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected the text that `smsgw console token` prints")
    try:
        check_stored_form(value)
    except ValueError:
        raise ValueError("expected what `smsgw console token` prints, scrypt$n$r$p$salt$hash") from None
    return value


class PersonSettings(Settings):
    """``[[person]]``: one member of the staff, or a program of theirs. ``token`` is the stored form."""

    name: Name
    roles: Listed[Role] = Field(min_length=1)
    token: Annotated[str, BeforeValidator(_stored_token)] = Field(repr=False)
    enabled: bool = True


class PeopleFile(Settings):
    """The whole of ``people.toml``."""

    person: Annotated[tuple[PersonSettings, ...], Field(strict=False)] = ()


def load_people(directory: Path, problems: Problems) -> Mapping[str, PersonSettings]:
    """The people of a site by name, none without the file; what is wrong with it is left in ``problems``."""
    path = directory / PEOPLE_FILE
    if not path.is_file():
        return {}
    document = Document.read(path, problems)
    settings = document.build(PeopleFile, directory, problems) if document is not None else None
    if document is None or settings is None:
        return {}
    people: dict[str, PersonSettings] = {}
    names: dict[str, str] = {}
    tokens: dict[str, str] = {}
    for index, person in enumerate(settings.person):
        other = names.setdefault(person.name.casefold(), person.name)  # the four-eyes rule takes them for one
        if person.name in people or other != person.name:
            written = "" if other == person.name else f", also written {other!r}"
            document.error(problems, ("person", index, "name"), f"{person.name!r} is the name of two people{written}")
        elif person.token in tokens:
            why = f"is also the token of {tokens[person.token]!r}; everybody needs one of their own"
            document.error(problems, ("person", index, "token"), why)
        people[person.name] = person
        tokens[person.token] = person.name
    return people


def new_token(name: str) -> str:
    """A fresh token of a person: about 256 bits of chance behind the name."""
    return name + SEPARATOR + "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_CHARS))


def hash_token(token: str) -> str:
    """The stored form of a token, for the key ``token``."""
    return hash_octets(token.encode())


def name_in(token: str) -> str | None:
    """Whose token it claims to be; None when it has not the form of one."""
    name, separator, secret = token.partition(SEPARATOR)
    is_token = separator and name and secret and token.isascii() and len(token) <= _MAX_TOKEN_CHARS
    return name if is_token else None
