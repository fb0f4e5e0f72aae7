"""``people.toml``: who may use the console, and in which roles.

A program's token is ``<name>~<secret>``, as ``smsgw console token`` makes it; a person signs in with a password and, if
there is a ``totp``, a code, or by the company's identity provider, which calls them ``oidc``. The file holds only
stored forms: of token and password made with scrypt as accounts' passwords are, of the codes' secret sealed with the
site's key. Owns the roles' names.
The file is optional: without it the console does not start, and whoever may run commands on this machine may do
everything there.
"""

from __future__ import annotations

import re
import secrets
import string
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from smsgw.config.account import AccountSettings
from smsgw.config.passwords import check_stored_form, hash_octets
from smsgw.documents.document import Document
from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems
from smsgw.documents.values import Listed, Name, Settings, SystemId

Role = Literal[
    "application", "department", "market", "legal", "technical", "management", "compliance", "engineer", "viewer",
    "auditor", "admin",
]  # fmt: skip
ROLES: Final[tuple[Role, ...]] = get_args(Role)

PEOPLE_FILE: Final = "people.toml"
#: Between a person's name and the secret: no name has it, and every HTTP client may send it in a header.
SEPARATOR: Final = "~"
_SECRET_CHARS: Final = 43
_MAX_TOKEN_CHARS: Final = 200
_MAX_OIDC_CHARS: Final = 255
_ALPHABET: Final = string.ascii_letters + string.digits
FEWEST_PASSWORD_CHARS: Final = 12
MOST_PASSWORD_CHARS: Final = 200
TOTP_FORM: Final = "sealed$"
_TOTP: Final = re.compile(r"sealed\$[A-Za-z0-9_-]{40,300}={0,2}")


def _stored_token(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected the text that `smsgw console token` prints")
    try:
        check_stored_form(value)
    except ValueError:
        raise ValueError("expected what `smsgw console token` prints, scrypt$n$r$p$salt$hash") from None
    return value


def _stored_password(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected the text that `smsgw console password` prints")
    try:
        check_stored_form(value)
    except ValueError:
        raise ValueError("expected what `smsgw console password` prints, scrypt$n$r$p$salt$hash") from None
    return value


def _stored_totp(value: object) -> str:
    if not isinstance(value, str) or not _TOTP.fullmatch(value):
        raise ValueError(f"expected what `smsgw console totp NAME` prints, {TOTP_FORM}…")
    return value


class PersonSettings(Settings):
    """``[[person]]``: one member of the staff, or a program of theirs. Stored forms; empty for what they don't have."""

    name: Name
    roles: Listed[Role] = Field(min_length=1)
    accounts: Listed[SystemId] = ()
    departments: Listed[Name] = ()
    token: Annotated[str, BeforeValidator(_stored_token)] = Field("", repr=False)
    password: Annotated[str, BeforeValidator(_stored_password)] = Field("", repr=False)
    totp: Annotated[str, BeforeValidator(_stored_totp)] = Field("", repr=False)
    oidc: Annotated[str, Field(max_length=_MAX_OIDC_CHARS)] = Field("", repr=False)
    enabled: bool = True

    @model_validator(mode="after")
    def _some_way_in(self) -> Self:
        if not self.token and not self.password and not self.oidc:
            raise ValueError("needs a token (a program), a password or an oidc (somebody who signs in)")
        if self.totp and not self.password:
            raise ValueError("totp is asked for beside a password, and there is none")
        return self

    @model_validator(mode="after")
    def _bounds_have_their_role(self) -> Self:
        if "application" in self.roles and not self.accounts:
            raise ValueError('the role application needs accounts, those that it sees, such as ["shop"]')
        for key, role in (("accounts", "application"), ("departments", "department")):
            if getattr(self, key) and role not in self.roles:
                raise ValueError(f"{key} bounds the role {role}, which is not among the roles")
        return self


class PeopleFile(Settings):
    """The whole of ``people.toml``."""

    person: Annotated[tuple[PersonSettings, ...], Field(strict=False)] = ()


def load_people(
    directory: Path, problems: Problems, accounts: Mapping[str, AccountSettings | None], *, has_provider: bool = True
) -> Mapping[str, PersonSettings]:
    """The people of a site by name, none without the file; what is wrong with it is left in ``problems``.

    ``accounts``: those of the site, None for one whose own file can't be used. ``has_provider``: an ``oidc`` is of use.
    """
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
    identities: dict[str, str] = {}
    for index, person in enumerate(settings.person):
        other = names.setdefault(person.name.casefold(), person.name)  # the four-eyes rule takes them for one
        if person.name in people or other != person.name:
            written = "" if other == person.name else f", also written {other!r}"
            document.error(problems, ("person", index, "name"), f"{person.name!r} is the name of two people{written}")
        elif person.token and person.token in tokens:
            why = f"is also the token of {tokens[person.token]!r}; everybody needs one of their own"
            document.error(problems, ("person", index, "token"), why)
        _check_bounds(person, index, document, problems, accounts)
        if person.oidc and identities.setdefault(person.oidc.casefold(), person.name) != person.name:
            why = f"is also the oidc of {identities[person.oidc.casefold()]!r}; it says who somebody is"
            document.error(problems, ("person", index, "oidc"), why)
        if person.oidc and not has_provider:
            document.warn(problems, ("person", index, "oidc"), "is of no use without [console.oidc] in smsgw.toml")
        people[person.name] = person
        tokens[person.token] = person.name
    return people


def _check_bounds(
    person: PersonSettings,
    index: int,
    document: Document,
    problems: Problems,
    accounts: Mapping[str, AccountSettings | None],
) -> None:
    """What somebody sees must be there: a name with a typing error would show them nothing."""
    for place, name in enumerate(person.accounts):
        if name not in accounts:
            why = with_hint(f"there is no account {name!r}", name, accounts)
            document.error(problems, ("person", index, "accounts", place), why)
    departments = {each.department for each in accounts.values() if each is not None} - {""}
    for place, name in enumerate(person.departments):
        if name not in departments and None not in accounts.values():
            why = with_hint(f"no account is of the department {name!r}", name, departments)
            document.error(problems, ("person", index, "departments", place), why)
    seeing = [role for role in person.roles if role not in ("application", "department")]
    if (person.accounts or person.departments) and seeing:
        key = "accounts" if person.accounts else "departments"
        document.warn(problems, ("person", index, key), f"bounds nothing: the role {seeing[0]} sees every account")


def new_token(name: str) -> str:
    """A fresh token of a person: about 256 bits of chance behind the name."""
    return name + SEPARATOR + "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_CHARS))


def hash_token(token: str) -> str:
    """The stored form of a token, for the key ``token``."""
    return hash_octets(token.encode())


def password_octets(password: str) -> bytes:
    """What is hashed of a password: one form of letters that can be written in several ways. Never raises."""
    return unicodedata.normalize("NFKC", password).encode(errors="replace")


def hash_console_password(password: str) -> str:
    """The stored form of a password, for the key ``password``. Raises ValueError, saying why, for one that won't do."""
    if len(password) < FEWEST_PASSWORD_CHARS:
        raise ValueError(f"a password of the console has at least {FEWEST_PASSWORD_CHARS} characters")
    if len(password) > MOST_PASSWORD_CHARS:
        raise ValueError(f"a password of the console has at most {MOST_PASSWORD_CHARS} characters")
    if not password.isprintable():
        raise ValueError("a password has only characters that can be printed")
    return hash_octets(password_octets(password))


def name_in(token: str) -> str | None:
    """Whose token it claims to be; None when it has not the form of one."""
    name, separator, secret = token.partition(SEPARATOR)
    is_token = separator and name and secret and token.isascii() and len(token) <= _MAX_TOKEN_CHARS
    return name if is_token else None
