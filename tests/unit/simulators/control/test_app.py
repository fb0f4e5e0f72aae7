"""Each request of the control port against running carriers, and what each says when it can't be done."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulators.carrier.running import Run, RunOptions
from simulators.carrier.settings import CarrierSettings
from simulators.control.app import make_app
from simulators.expect.model import Expectation
from simulators.scenario.model import Scenario
from smsgw.smpp import pdu
from tests.unit.simulators.control.live import ALPHA, SOON_S, live


async def test_state_tells_connections_and_counts(tmp_path: Path) -> None:
    async with live(tmp_path) as sims, sims.esme() as esme:
        await esme.submit("10690001", "13800138000", "hello")
        await esme.submit("10690001", "19900002088", "too fast")
        status, state = await sims.ask("GET", "/api/state")
        assert status == 200
        alpha, beta = state["carriers"]
        assert (alpha["name"], alpha["bound"], beta["bound"]) == ("alpha", 1, 0)
        assert (alpha["counts"]["submits"], alpha["counts"]["status"]) == (2, {"ESME_RTHROTTLED": 1})
        [link] = alpha["links"]
        assert (link["account"], link["state"], link["silent"]) == ("shop", "BOUND_TRX", False)
        assert link["remote"].startswith("127.0.0.1:")
        assert state["clock"]["mode"] == "real"
        assert state["problems"] == []
        assert (await sims.ask("GET", "/api/carriers/alpha"))[1]["port"] == sims.group.carriers["alpha"].port


async def test_settings_are_shown_and_changed_in_the_form_of_scenarios(tmp_path: Path) -> None:
    async with live(tmp_path) as sims:
        status, changed = await sims.ask("PATCH", "/api/carriers/alpha/settings", {"limits": {"rate": 50}})
        assert (status, changed["limits"]["rate"]) == (200, "50/s")
        assert sims.group.carriers["alpha"].settings.tps == 50
        assert "secret" not in str(await sims.ask("GET", "/api/carriers/beta/settings"))
        known = {each["key"]: each["about"] for each in (await sims.ask("GET", "/api/settings"))[1]}
        assert known["limits.rate"]
        assert known["accounts"]
        assert all(known.values())
        tables = (await sims.ask("GET", "/api/carriers/alpha/settings"))[1]
        flat = {f"{key}.{inner}" for key, table in tables.items() if isinstance(table, dict) for inner in table}
        assert flat <= known.keys()
        await sims.ask("PATCH", "/api/carriers/beta/settings", {"accounts": {"shop": "********", "web": "pw"}})
        assert sims.group.carriers["beta"].settings.accounts == {"shop": "secret", "web": "pw"}


@pytest.mark.parametrize(
    ("changes", "where", "why"),
    [
        ({"limit": {"rate": 1}}, "limit", "did you mean 'limits'"),
        ({"limits": {"rate": "fast"}}, "limits.rate", "segments a second"),
        ({"answers": {"refuse": {"0x08": "150%"}}}, "answers.refuse", "%"),
        ({"accounts": {"web": "********"}}, "settings", "accounts.web"),
        ({"binds": {"kinds": [{}]}}, "binds.kinds", "unknown word"),
        ({"limits": {"long_forms": [[]]}}, "limits.long_forms", "unknown word"),
        ({"receipts": {"zone": 10**400}}, "receipts.zone", "within a day"),
    ],
)
async def test_wrong_settings_change_nothing(tmp_path: Path, changes: Any, where: str, why: str) -> None:
    async with live(tmp_path) as sims:
        before = sims.group.carriers["alpha"].settings
        status, problem = await sims.ask("PATCH", "/api/carriers/alpha/settings", changes)
        assert status == 422
        assert problem["where"].startswith(where)
        assert why in problem["error"]
        assert sims.group.carriers["alpha"].settings == before


async def test_half_a_character_is_refused(tmp_path: Path) -> None:
    async with live(tmp_path) as sims:
        for path, body in (
            ("settings", rb'{"replies": "\ud800"}'), ("mo", rb'{"source": "1", "destination": "2", "text": "\ud800"}'),
        ):  # fmt: skip
            answer = await sims.http.request(
                "PATCH" if path == "settings" else "POST", f"/api/carriers/alpha/{path}", content=body,
                headers={"content-type": "application/json"},
            )  # fmt: skip
            assert answer.status_code in (409, 422), path
        assert (await sims.ask("GET", "/api/carriers/alpha/settings"))[0] == 200


async def test_mo_reaches_the_application(tmp_path: Path) -> None:
    async with live(tmp_path) as sims, sims.esme() as esme:
        long = "我收到的订单和描述不一样👍" * 20
        for text in ("TD", "退订 🎉", long):
            request = {"source": "13800138000", "destination": "10690001", "text": text}
            status, answer = await sims.ask("POST", "/api/carriers/alpha/mo", request)
            assert status == 200
        assert answer["sent"] > 3
        await esme.wait_for(lambda: len(esme.mo) == 2 + answer["sent"], SOON_S)
        assert [came.text for came in esme.mo[:2]] == ["TD", "退订 🎉"]
        assert "".join(came.text for came in esme.mo[2:]) == long


async def test_receipts_for_a_chosen_message(tmp_path: Path) -> None:
    async with live(tmp_path, CarrierSettings(receipts=False)) as sims, sims.esme("carrier") as esme:
        answer = await esme.submit("10690001", "13800138000", "hello", registered_delivery=1)
        request = {"message_id": answer.message_id, "state": "MK:0001", "style": "text"}
        assert (await sims.ask("POST", "/api/carriers/carrier/receipts", request)) == (200, {"sent": 1})
        await esme.wait_for(lambda: esme.receipts, SOON_S)
        [receipt] = esme.entries("receipt")
        assert (receipt.stat, receipt.message_id) == ("MK:0001", answer.message_id)
        for wrong, status, where in (
            ({"message_id": "nope"}, 404, "message_id"),
            ({"state": "MUCHTOOLONGSTATE"}, 422, "state"),
            ({"style": "bold"}, 422, "style"),
        ):
            answered, problem = await sims.ask("POST", "/api/carriers/carrier/receipts", {**request, **wrong})
            assert (answered, problem["where"]) == (status, where)


async def test_links_are_broken_one_by_one_and_all(tmp_path: Path) -> None:
    async with live(tmp_path) as sims, sims.esme(binds=("transceiver", "transceiver")) as esme:
        alpha = sims.group.carriers["alpha"]
        first = alpha.links[0].number
        path = "/api/carriers/alpha/links"
        assert await sims.ask("POST", path, {"do": "half_open", "bind": first}) == (200, {"connections": 1})
        assert (await sims.ask("GET", "/api/carriers/alpha"))[1]["links"][0]["silent"]
        assert (await sims.ask("POST", path, {"do": "pause"}))[1]["connections"] == 2
        assert (await sims.ask("POST", path, {"do": "resume"}))[1]["connections"] == 2
        status, problem = await sims.ask("POST", path, {"do": "drop", "bind": 99})
        assert (status, problem["where"]) == (404, "bind")
        assert (await sims.ask("POST", path, {"do": "drop", "account": "nobody"}))[1]["connections"] == 0
        assert (await sims.ask("POST", path, {"do": "drop"}))[1]["connections"] == 2
        await esme.wait_for(lambda: not esme.bound, SOON_S)


async def test_floods_malformed_and_raw(tmp_path: Path) -> None:
    async with live(tmp_path) as sims, sims.esme() as esme:
        post = "/api/carriers/alpha"
        assert (await sims.ask("POST", f"{post}/flood", {"kind": "mo", "count": 20})) == (200, {"sent": 20})
        await esme.wait_for(lambda: len(esme.mo) == 20, SOON_S)
        assert (await sims.ask("POST", f"{post}/malformed", {"kind": "tlv_cut"})) == (200, {"connections": 1})
        status, problem = await sims.ask("POST", f"{post}/malformed", {"kind": "tlv_cutt"})
        assert (status, "tlv_cut" in problem["error"]) == (422, True)
        mo = pdu.deliver_sm(5, source_addr=b"1", destination_addr=b"2", short_message=b"raw")
        assert (await sims.ask("POST", f"{post}/raw", {"hex": mo.hex(":")})) == (200, {"connections": 1})
        await esme.wait_for(lambda: any(came.text == "raw" for came in esme.mo), SOON_S)
        assert (await sims.ask("POST", f"{post}/raw", {"hex": "xyz"}))[0] == 422
        assert (await sims.ask("POST", f"{post}/raw", {"hex": ""}))[0] == 422


async def test_received_is_found_by_every_condition(tmp_path: Path) -> None:
    async with live(tmp_path) as sims, sims.esme() as esme:
        await esme.submit("10690001", "13800138000", "【示例】您的验证码是482913", registered_delivery=1)
        await esme.submit("10690002", "19900002088", "refused")
        await esme.wait_for(lambda: esme.receipts, SOON_S)
        path = "/api/carriers/alpha/received"
        for query, count in (
            ({}, 2), ({"destination": "138*"}, 1), ({"text": "*验证码*"}, 1), ({"text": "/[0-9]{6}/"}, 1),
            ({"status": "0x58"}, 1), ({"status": ["ESME_RTHROTTLED", "0"]}, 2), ({"source": "10690002"}, 1),
            ({"data_coding": "8"}, 1), ({"tlv": "message_payload"}, 0), ({"account": "nobody"}, 0),
        ):  # fmt: skip
            status, found = await sims.ask("GET", path, **query)
            assert (status, found["count"]) == (200, count), query
        _, found = await sims.ask("GET", path, last=1, raw=True)
        assert (found["count"], len(found["entries"])) == (2, 1)
        [entry] = found["entries"]
        assert (entry["status_name"], entry["decoded"]["command"]) == ("ESME_RTHROTTLED", "submit_sm")
        assert entry["decoded"]["hex"] == entry["pdu"]
        assert (await sims.ask("GET", "/api/carriers/beta/received"))[1]["count"] == 0
        kinds = [
            each["kind"] for each in (await sims.ask("GET", "/api/entries", kind=["bind", "receipt"]))[1]["entries"]
        ]
        assert kinds == ["bind", "receipt"]
        assert (await sims.ask("GET", "/api/entries", tlv="message_state=2"))[1]["count"] == 1
        status, problem = await sims.ask("GET", path, status="FAST")
        assert (status, problem["where"]) == (422, "status")
        assert (await sims.ask("GET", path, last=-1))[0] == 422


async def test_waiting_for_what_is_there_what_comes_and_what_does_not(tmp_path: Path) -> None:
    async with live(tmp_path) as sims, sims.esme() as esme:
        request = {"select": {"kind": "submit", "destination": "138*"}, "count": 1, "timeout": "50ms"}
        status, problem = await sims.ask("POST", "/api/wait", request)
        assert (status, problem["error"]) == (408, "not within 0.05 s: found 0 of 1 entries")
        await esme.submit("10690001", "13800138000", "hello", registered_delivery=1)
        assert (await sims.ask("POST", "/api/wait", request))[1]["count"] == 1
        assert (await sims.ask("POST", "/api/wait", {"bound": 1, "idle": True}))[0] == 200
        status, problem = await sims.ask("POST", "/api/wait", {"carrier": "beta", "bound": 1, "timeout": 0})
        assert (status, problem["error"]) == (408, "not within 0 s: 0 of 1 connections are bound")
        for wrong, where in (
            ({"timeout": "soon"}, "timeout"), ({"select": {"destinatoin": "1"}}, "destinatoin"),
            ({"select": {"text": "/(/"}}, "text"), ({"carrier": "x"}, "carrier"), ({"what": 1}, "what"),
        ):  # fmt: skip
            status, problem = await sims.ask("POST", "/api/wait", wrong)
            assert status in (404, 422)
            assert problem["where"] == where


class _Driver:
    """Gateways' clocks that are moved, or can't be."""

    urls = ("http://127.0.0.1:8775",)

    def __init__(self) -> None:
        self.pushed = 0
        self.why = ""

    async def push(self) -> None:
        self.pushed += 1
        if self.why:
            raise OSError(self.why)


async def test_the_clock_is_moved_and_drives_gateways_before_it_answers(tmp_path: Path) -> None:
    driver = _Driver()
    async with live(tmp_path, driver=driver) as sims:
        status, clock = await sims.ask("PUT", "/api/clock", {"set": "2026-11-18T21:30:00+08:00", "rate": 0})
        assert (status, clock["now"]) == (200, "2026-11-18T13:30:00.000+00:00")
        assert (clock["mode"], clock["drives"], driver.pushed) == ("manual", list(driver.urls), 1)
        assert (await sims.ask("PUT", "/api/clock", {"advance": "8h"}))[1]["now"] == "2026-11-18T21:30:00.000+00:00"
        assert (await sims.ask("PUT", "/api/clock", {"rate": 60}))[1]["mode"] == "scaled"
        for wrong, expected in (
            ({}, 400), ({"set": "2026-11-18T21:30:00+08:00", "advance": 1}, 400), ({"set": "tomorrow"}, 422),
            ({"set": "2026-11-18T21:30:00"}, 422), ({"advance": "-1h"}, 422), ({"advance": -1}, 422),
            ({"rate": -1}, 422), ({"advance": "9999999d"}, 422), ({"advance": 1e300}, 422),
            ({"set": "9999-12-31T23:59:59+00:00", "rate": 7}, 422), ({"set": "0001-01-01T00:00:00+14:00"}, 422),
            ({"set": "tomorrow", "rate": 7}, 422), ({"advance": "9999999d", "rate": 7}, 422),
        ):  # fmt: skip
            status, problem = await sims.ask("PUT", "/api/clock", wrong)
            assert (status, bool(problem["error"])) == (expected, True), wrong
            assert sims.group.clock.rate == 60, wrong
        assert driver.pushed == 3
        driver.why = "http://127.0.0.1:8775: its clock can't be set"
        status, problem = await sims.ask("PUT", "/api/clock", {"rate": 1})
        assert (status, driver.why in problem["error"]) == (502, True)


async def test_a_time_that_is_none_is_told_how_to_write_one(tmp_path: Path) -> None:
    async with live(tmp_path) as sims:
        status, problem = await sims.ask("PUT", "/api/clock", {"set": "tomorrow"})
        assert status == 422
        assert "such as \"2026-11-18T21:30:00+08:00\", found 'tomorrow'" in problem["error"]


async def test_a_moved_clock_brings_what_is_due(tmp_path: Path) -> None:
    settings = CarrierSettings(receipt=CarrierSettings().receipt.parse("8h"))
    async with live(tmp_path, settings) as sims, sims.esme("carrier") as esme:
        await esme.submit("10690001", "13800138000", "hello", registered_delivery=1)
        assert esme.receipts == []
        await sims.ask("PUT", "/api/clock", {"advance": "8h"})
        await esme.wait_for(lambda: esme.receipts, SOON_S)
        assert [each.receipt.stat for each in esme.receipts] == ["DELIVRD"]


async def test_a_snapshot_restores_settings_and_clock_and_all_or_nothing(tmp_path: Path) -> None:
    async with live(tmp_path) as sims, sims.esme() as esme:
        await esme.submit("10690001", "13800138000", "hello")
        await sims.ask("PUT", "/api/clock", {"set": "2026-11-18T21:30:00+08:00", "rate": 0})
        await sims.ask("PATCH", "/api/carriers/alpha/settings", {"limits": {"rate": 50}})
        _, snapshot = await sims.ask("GET", "/api/snapshot")
        assert [entry["text"] for entry in snapshot["entries"] if entry["kind"] == "submit"] == ["hello"]
        before = {name: sim.settings for name, sim in sims.group.carriers.items()}
        await sims.ask("PATCH", "/api/carriers/alpha/settings", {"limits": {"rate": 7}, "binds": {"most": 1}})
        await sims.ask("PUT", "/api/clock", {"advance": "30d"})
        bad = {**snapshot, "carriers": [*snapshot["carriers"], {"name": "gamma", "settings": {}}]}
        assert (await sims.ask("POST", "/api/snapshot", bad))[0] == 404
        assert sims.group.carriers["alpha"].settings.tps == 7
        status, restored = await sims.ask("POST", "/api/snapshot", snapshot)
        assert (status, restored["carriers"]) == (200, ["alpha", "beta"])
        assert restored["clock"]["now"] == "2026-11-18T13:30:00.000+00:00"
        assert {name: sim.settings for name, sim in sims.group.carriers.items()} == before


async def test_a_snapshot_that_one_carrier_refuses_changes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live(tmp_path) as sims:
        _, snapshot = await sims.ask("GET", "/api/snapshot")
        await sims.ask("PATCH", "/api/carriers/alpha/settings", {"limits": {"rate": 7}})

        def refused(**_: object) -> None:
            raise ValueError("tps: not today")

        monkeypatch.setattr(sims.group.carriers["beta"], "change", refused)
        assert (await sims.ask("POST", "/api/snapshot", snapshot))[0] == 422
        assert sims.group.carriers["alpha"].settings.tps == 7
        for wrong in ({"rate": -5}, {"now": "0001-01-01T00:00:00+00:00"}, {"now": "2026-11-18T21:30:00"}):
            bad = {**snapshot, "clock": {**snapshot["clock"], "mode": "scaled", **wrong}}
            status, problem = await sims.ask("POST", "/api/snapshot", bad)
            assert (status, problem["where"]) == (422, f"clock.{next(iter(wrong))}")


async def test_the_run_begins_anew_with_a_reset(tmp_path: Path) -> None:
    expected = Expectation.model_validate({"kind": "submit", "count": 1, "within": "1h"})
    scenario = Scenario("night", (ALPHA,), expectations=(expected,))
    run = Run(scenario, RunOptions())
    async with run.group:
        app = make_app(run.group, run.play, scenario)
        run.play.start()
        began, began_s = run.play.began, run.play.began_s
        run.clock.advance(60)
        app.state.control.reset()
        assert app.state.control.began_s == run.play.began_s > began_s
        told = run.to_json(run.report())
        assert datetime.fromisoformat(told["from"]) >= began + timedelta(seconds=60)


async def test_reset_begins_anew_and_keeps_settings(tmp_path: Path) -> None:
    async with live(tmp_path) as sims, sims.esme() as esme:
        await sims.ask("PATCH", "/api/carriers/alpha/settings", {"limits": {"rate": 50}})
        await esme.submit("10690001", "13800138000", "hello")
        assert "13800138000" in (await sims.http.get("/api/ledger")).text
        assert "13800138000" in (await sims.http.get("/api/ledger?carrier=alpha")).text
        _, state = await sims.ask("POST", "/api/reset", {})
        assert state["carriers"][0]["counts"]["submits"] == 0
        assert (await sims.ask("GET", "/api/carriers/alpha/received"))[1]["count"] == 0
        assert "13800138000" not in (await sims.http.get("/api/ledger")).text
        assert sims.group.carriers["alpha"].settings.tps == 50


async def test_expectations_of_the_scenario_now(tmp_path: Path) -> None:
    expected = Expectation.model_validate({"name": "one message", "kind": "submit", "count": 1})
    scenario = Scenario("night", (), about="One message.", expectations=(expected,))
    async with live(tmp_path, scenario=scenario) as sims, sims.esme() as esme:
        assert (await sims.ask("GET", "/api/expectations"))[1]["ok"] is False
        await esme.submit("10690001", "13800138000", "hello")
        _, report = await sims.ask("GET", "/api/expectations")
        assert (report["ok"], report["results"][0]["name"]) == (True, "one message")
        assert (await sims.ask("GET", "/api/state"))[1]["scenario"] == "night"
        assert await sims.ask("GET", "/api/phases") == (200, [])


async def test_recordings_go_to_one_directory_only(tmp_path: Path) -> None:
    async with live(tmp_path) as sims, sims.esme() as esme:
        status, capture = await sims.ask("POST", "/api/captures", {"file": "run.pcap"})
        assert (status, capture["running"]) == (200, True)
        assert (await sims.ask("POST", "/api/captures", {"file": "run.pcap"}))[0] == 409
        await esme.submit("10690001", "13800138000", "hello")
        headers = {"content-type": "application/json"}
        stopped = (await sims.http.delete("/api/captures/run.pcap", headers=headers)).json()
        assert (stopped["running"], stopped["failure"]) == (False, "")
        octets = (tmp_path / "run.pcap").read_bytes()
        assert b"13800138000" in octets
        assert (await sims.http.get("/api/captures/run.pcap")).content == octets
        assert [each["file"] for each in (await sims.ask("GET", "/api/captures"))[1]] == ["run.pcap"]
        assert (await sims.http.delete("/api/captures/run.pcap", headers=headers)).status_code == 404
        for wrong in ("../x.pcap", "/etc/x.pcap", "x.txt", ".pcap", "a/b.pcap", "..pcap", "x.pcap\n"):
            assert (await sims.ask("POST", "/api/captures", {"file": wrong}))[0] == 422, wrong
        assert (await sims.http.get("/api/captures/passwd")).status_code == 404


async def test_a_recording_that_grows_while_it_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live(tmp_path) as sims:
        await sims.ask("POST", "/api/captures", {"file": "run.jsonl"})
        recordings = sims.app.state.control.recordings
        found = recordings.file

        def growing(name: str) -> tuple[Path, int]:
            path, octets = found(name)
            with path.open("ab") as file:
                file.write(b"more")
            return path, octets

        monkeypatch.setattr(recordings, "file", growing)
        answer = await sims.http.get("/api/captures/run.jsonl")
        assert len(answer.content) == int(answer.headers["content-length"])
        assert answer.content.endswith(b"}\n")
        (tmp_path / "run.jsonl").unlink()
        monkeypatch.setattr(recordings, "file", found)
        status, problem = await sims.ask("GET", "/api/captures/run.jsonl")
        assert (status, "run.jsonl is gone" in problem["error"]) == (404, True)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/nothing", None, 404),
        ("GET", "/api/carriers/alhpa", None, 404),
        ("DELETE", "/api/state", {}, 405),
        ("POST", "/api/carriers/alpha/mo", {"source": "1", "destination": "2"}, 422),
        ("POST", "/api/carriers/alpha/mo", {"source": "1", "destination": "2", "text": "x", "to": "3"}, 422),
        ("POST", "/api/carriers/alpha/mo", {"source": "1", "destination": "2", "text": "x"}, 409),
        ("POST", "/api/carriers/beta/mo", {"source": "1", "destination": "2", "text": "x", "account": "no"}, 404),
        ("POST", "/api/carriers/alpha/flood", {"kind": "mo", "count": 0}, 422),
        ("POST", "/api/carriers/alpha/links", {"do": "explode"}, 422),
        ("GET", "/page/nothing.js", None, 404),
        ("GET", "/page/..%2f__init__.py", None, 404),
    ],
)
async def test_every_error_has_one_form(tmp_path: Path, method: str, path: str, body: Any, status: int) -> None:
    async with live(tmp_path) as sims:
        answered, problem = await sims.ask(method, path, body)
        assert answered == status
        assert problem.keys() == {"error", "where"}
        assert problem["error"]


async def test_json_that_is_none(tmp_path: Path) -> None:
    async with live(tmp_path) as sims:
        answer = await sims.http.post("/api/wait", content=b"{", headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["where"]) == (400, "body")
