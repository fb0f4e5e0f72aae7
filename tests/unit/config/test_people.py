"""``people.toml``: who may use the console; what is wrong in it is told with file and line."""

from __future__ import annotations

import pytest

from smsgw.config.passwords import verify_password
from smsgw.config.people import ROLES, hash_console_password, hash_token, name_in, new_token, password_octets
from tests.unit.config.conftest import EXAMPLE, SiteCopy

STORED = "scrypt$16384$8$1$RPwOCvhfD/wp+YtcxyECMg==$rx8zTPtpMcAcGPUXGhPCmkSvMvRAY7Bq6HjCIGsP07k="
SEALED = "sealed$" + "A" * 80
OTHER = STORED.replace("RPwO", "SPwO")


def people(*tables: str) -> str:
    return "\n".join(f"[[person]]\n{table}\n" for table in tables)


WANG = f'name = "wang"\nroles = ["compliance", "viewer"]\ntoken = "{STORED}"'


def test_a_site_without_the_file_has_nobody(site: SiteCopy) -> None:
    assert site.load().people == {}


def test_people_by_name(site: SiteCopy) -> None:
    li = f'name = "li"\nroles = ["viewer"]\ntoken = "{OTHER}"\nenabled = false'
    found = site.write("people.toml", people(WANG, li)).load()
    assert found.warnings == ()
    assert set(found.people) == {"wang", "li"}
    assert found.people["wang"].roles == ("compliance", "viewer")
    assert (found.people["wang"].enabled, found.people["li"].enabled) == (True, False)
    assert STORED not in repr(found.people["wang"])


def test_bounds_beside_a_role_that_sees_all(site: SiteCopy) -> None:
    bounded = WANG.replace("compliance", "application") + '\naccounts = ["shop"]'
    (warning,) = site.write("people.toml", people(bounded)).load().warnings
    assert "people.toml:5: person[1].accounts: bounds nothing: the role viewer sees every account" in str(warning)


def test_somebody_who_signs_in_needs_no_token(site: SiteCopy) -> None:
    tables = (f'name = "{n}"\nroles = ["viewer"]\npassword = "{STORED}"\ntotp = "{SEALED}"' for n in ("li", "zhao"))
    found = site.write("people.toml", people(*tables)).load().people
    assert [(each.token, each.password, each.totp) for each in found.values()] == [("", STORED, SEALED)] * 2
    assert "sealed" not in repr(found)
    assert STORED not in repr(found)


@pytest.mark.parametrize(
    ("password", "why"),
    [("elevenchars", "at least 12 characters"), ("x" * 201, "at most 200"), ("twelve\tchars ok", "can be printed")],
)
def test_passwords_that_will_not_do(password: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        hash_console_password(password)


def test_a_password_is_the_same_however_its_letters_are_written() -> None:
    stored = hash_console_password("Cafe\u0301 一二三四五六七八")
    assert verify_password(stored, password_octets("Caf\u00e9 一二三四五六七八"))
    assert not verify_password(stored, password_octets("Cafe 一二三四五六七八"))
    assert not verify_password(stored, password_octets("\ud800"))


def test_the_example_is_one_once_its_tokens_are(site: SiteCopy) -> None:
    text = (EXAMPLE / "people.toml.example").read_text(encoding="utf-8")
    for stored in (STORED, OTHER):
        text = text.replace("scrypt$16384$8$1$...", stored, 1)
    assert set(site.write("people.toml", text).load().people) == {"wang", "crm"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            people('name = "wang"\nroles = ["complience"]\ntoken = ""'),
            [
                "people.toml:3: person[1].roles[1]: expected 'application', 'department', 'market', 'legal',"
                " 'technical', 'management', 'compliance', 'engineer', 'viewer', 'auditor' or 'admin',"
                " found 'complience'; did you mean 'compliance'?",
                "people.toml:4: person[1].token: expected what `smsgw console token` prints, scrypt$n$r$p$salt$hash",
            ],
        ),
        (
            people(WANG, WANG.replace(STORED, OTHER)),
            ["people.toml:7: person[2].name: 'wang' is the name of two people"],
        ),
        (
            people(WANG, WANG.replace(STORED, OTHER).replace("wang", "Wang")),
            ["people.toml:7: person[2].name: 'Wang' is the name of two people, also written 'wang'"],
        ),
        (
            people(WANG, WANG.replace("wang", "li")),
            ["people.toml:9: person[2].token: is also the token of 'wang'; everybody needs one of their own"],
        ),
        (
            people(WANG.replace("wang", "w ang")),
            [
                "people.toml:2: person[1].name: expected a name of at most 32 letters, digits, '_', '-' and '.',"
                " found 'w ang'"
            ],
        ),
        (people(WANG.replace('["compliance", "viewer"]', "[]")), ["people.toml:3: person[1].roles: must not be empty"]),
        (
            people('name = "wang"\nroles = ["viewer"]'),
            ["person[1]: needs a token (a program), a password or an oidc (somebody who signs in)"],
        ),
        (people(WANG + '\npassword = "secret"'), ["people.toml:5: person[1].password: expected what `smsgw console"]),
        (people(WANG + "\ntotp = 'JBSWY3DP'"), ["people.toml:5: person[1].totp: expected what `smsgw console totp"]),
        (people(f"{WANG}\ntotp = '{SEALED}'"), ["person[1]: totp is asked for beside a password, and there is none"]),
        (people(WANG + "\nrole = 1"), ["people.toml:5: person[1].role: unknown key; did you mean 'roles'?"]),
        (
            people(WANG.replace("compliance", "application")),
            ['person[1]: the role application needs accounts, those that it sees, such as ["shop"]'],
        ),
        (people(f'{WANG}\naccounts = ["shop"]'), ["accounts bounds the role application, which is not among the"]),
        (people(f'{WANG}\ndepartments = ["x"]'), ["departments bounds the role department, which is not among the"]),
        (
            people(WANG.replace("compliance", "application") + '\naccounts = ["shop", "shpo"]'),
            ["people.toml:5: person[1].accounts[2]: there is no account 'shpo'; did you mean 'shop'?"],
        ),
        (
            people(WANG.replace("compliance", "department") + '\ndepartments = ["retial"]'),
            ["people.toml:5: person[1].departments[1]: no account is of the department 'retial'; did you mean"],
        ),
        (people(WANG.replace(f'"{STORED}"', "12345")), ["expected the text that `smsgw console token` prints"]),
    ],
)
def test_what_is_wrong_is_told_with_its_line(site: SiteCopy, text: str, said: list[str]) -> None:
    errors = site.write("people.toml", text).errors()
    assert len(errors) == len(said)
    for error, sentence in zip(errors, said, strict=True):
        assert sentence in error
        assert "12345" not in error


def test_a_token_names_its_owner_and_is_verified_whole() -> None:
    token = new_token("wang")
    stored = hash_token(token)
    assert name_in(token) == "wang"
    assert verify_password(stored, token.encode())
    assert not verify_password(stored, token.replace("wang", "li").encode())
    assert token != new_token("wang")


@pytest.mark.parametrize("token", ["", "wang", "~", "wang~", "~x", "wäng~x", "wang~" + "x" * 200])
def test_what_is_no_token(token: str) -> None:
    assert name_in(token) is None


def test_roles_are_those_of_the_desk() -> None:
    from smsgw.services import desk

    assert desk.ROLES == ROLES


def test_console_needs_certificate_and_key_together(site: SiteCopy) -> None:
    text = '[console]\nhost = "127.0.0.1"\n'
    site.edit("smsgw.toml", "[console] ", '[console]\ncertificate = "smsgw.toml"\n#')
    assert any("certificate and key belong together" in error for error in site.errors()), text
