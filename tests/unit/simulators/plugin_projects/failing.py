"""Tests of another project that fail, each in another way."""

import pytest


@pytest.mark.carrier_sim(accounts={"test": "TOPSECRET"})
def test_own_failure(carrier_sim, esme_sim):
    esme_sim.connect(carrier_sim, password="TOPSECRET").send("hello")
    settings = carrier_sim.settings  # shown by --showlocals
    assert settings
    assert carrier_sim.received[0].text == "hallo", carrier_sim


@pytest.mark.carrier_sim(expect=[{"name": "never comes", "text": "bye", "within": "10ms"}])
def test_what_the_scenario_expects(carrier_sim):
    assert not carrier_sim.received  # it is the expectation that fails


@pytest.mark.carrier_sim(answers={"dealy": "2s"}, expect=[{"cuont": 1}])
def test_wrong_settings(carrier_sim):
    assert False  # noqa: B011, PT015  # never reached: the fixture refuses


@pytest.mark.carrier_sim(scenario="night.toml")
def test_wrong_scenario(carrier_sim):
    assert False  # noqa: B011, PT015  # never reached: the fixture refuses


@pytest.mark.carrier_sim(scenario="day.toml")
def test_no_scenario(carrier_sim):
    assert False  # noqa: B011, PT015  # never reached: the fixture refuses


@pytest.mark.carrier_sim("day.toml")
def test_positional(carrier_sim):
    assert False  # noqa: B011, PT015  # never reached: the fixture refuses


@pytest.mark.carrier_sim(
    expect=[{"text": "bye"}], event=[{"do": "mo", "at": "0s", "from": "138", "to": "1069", "text": "T"}]
)
def test_one_failure_is_enough(carrier_sim):
    assert carrier_sim.wait_for_messages(deadline_s=0.2)  # the event has happened by then
