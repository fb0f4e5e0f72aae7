"""What people choose from: names of the site, only of the accounts that somebody sees."""

from __future__ import annotations

import httpx

from smsgw.config.site import Site
from tests.unit.console.conftest import Asked, ok


async def test_names_to_choose_from(client: httpx.AsyncClient, root: Asked, site: Site) -> None:
    found = ok(await root.get("/api/site"))
    assert [each["name"] for each in found["accounts"]] == sorted(site.accounts)
    assert found["carriers"] == ["alpha", "beta"]
    assert found["departments"] == ["logistics", "retail", "security"]
    assert (found["zone"], found["now"]) == ("Asia/Shanghai", "2026-11-18T10:30:00+08:00")
    assert "loyal" in found["tiers"]
    first = found["steps"]["template"][0]
    assert first == {
        "action": "approve-department",
        "before": ["draft"],
        "after": "department-approved",
        "roles": ["department"],
        "review": True,
    }


async def test_an_application_team_is_told_of_its_own(client: httpx.AsyncClient) -> None:
    found = ok(await Asked(client, "application").get("/api/site"))
    assert [each["name"] for each in found["accounts"]] == ["shop"]
    assert (found["departments"], found["carriers"]) == (["retail"], [])
