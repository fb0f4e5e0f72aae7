"""``[console.oidc]`` and the ``oidc`` of people: what is taken, and what is said of what is not."""

from __future__ import annotations

import pytest

from tests.unit.config.conftest import SiteCopy

GOOD = {"issuer": '"https://id.example.com/realms/staff"', "client_id": '"smsgw"', "url": '"https://sms.example.com/"'}


def configured(site: SiteCopy, **changed: str) -> SiteCopy:
    """The example with the provider, its keys changed or, where empty, left out."""
    hosts = changed.pop("hosts", '["SMS.example.com"]')
    keys = {name: value for name, value in {**GOOD, **changed}.items() if value}
    table = "\n".join(f"{name} = {value}" for name, value in keys.items())
    return site.edit("smsgw.toml", "port = 8776", f"port = 8776\nhosts = {hosts}\n[console.oidc]\n{table}\n")


def test_a_provider(site: SiteCopy) -> None:
    site.write("secrets/oidc", "s3cret\n")
    found = configured(site, client_secret_file='"secrets/oidc"', scopes='["email"]').load().console.oidc
    assert found is not None
    assert (found.issuer, found.client_secret_file) == ("https://id.example.com/realms/staff", "s3cret")
    assert found.redirect_uri == "https://sms.example.com/api/session/oidc/callback"
    assert (found.scope, found.claim, found.label) == ("openid email", "sub", "")
    assert "s3cret" not in repr(found)


def test_on_this_machine_it_needs_no_tls(site: SiteCopy) -> None:
    here = {"issuer": '"http://127.0.0.1:8080"', "url": '"http://localhost:8776"', "hosts": "[]"}
    assert configured(site, **here).load().console.oidc is not None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"issuer": '"http://id.example.com"'}, "issuer: expected the address of the provider, such as"),
        ({"issuer": '"https://me:secret@id.example.com"'}, "issuer: expected the address of the provider"),
        ({"issuer": '"https://id.example.com?x=1"'}, "issuer: expected the address of the provider"),
        ({"issuer": '"https://id.example.com:99999"'}, "issuer: expected the address of the provider"),
        ({"issuer": ""}, "issuer: is missing"),
        ({"client_id": ""}, "client_id: is missing"),
        ({"url": '"http://sms.example.com"'}, "url: expected the address by which browsers reach the console"),
        ({"url": '"https://sms.example.com/console"'}, "without a path, found"),
        ({"url": '"https://other.example.com"'}, "oidc.url: the console does not go by the name 'other.example.com'"),
        ({"client_secret_file": '"nowhere"'}, "client_secret_file: expected"),
        ({"label": f'"{"x" * 41}"'}, "label: "),
    ],
)
def test_what_will_not_do(site: SiteCopy, changed: dict[str, str], said: str) -> None:
    (error,) = configured(site, **changed).errors()
    assert "smsgw.toml:" in error
    assert said in error


def test_people_whom_the_provider_knows(site: SiteCopy) -> None:
    li = '[[person]]\nname = "li"\nroles = ["viewer"]\noidc = "li@example.com"\n'
    assert configured(site).write("people.toml", li).load().people["li"].oidc == "li@example.com"
    (warning,) = SiteCopy(site.directory.parent / "without").write("people.toml", li).warnings()
    assert "people.toml:4: person[1].oidc: is of no use without [console.oidc] in smsgw.toml" in warning
    site.write("people.toml", li + li.replace('"li"', '"zhao"').replace("li@", "LI@"))
    (error,) = site.errors()
    assert "people.toml:8: person[2].oidc: is also the oidc of 'li'; it says who somebody is" in error
