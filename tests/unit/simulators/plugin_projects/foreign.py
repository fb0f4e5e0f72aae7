"""Tests of another project whose code under test is smpplib, aiosmpplib, or a server in its own event loop."""

import asyncio

import aiosmpplib
import pytest
import smpplib.client
import smpplib.consts

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.carrier_sim(accounts={"shop": "secret"}, receipts={"states": "UNDELIV/012"})
def test_smpplib(carrier_sim):
    client = smpplib.client.Client(carrier_sim.host, carrier_sim.port, timeout=5, allow_unknown_opt_params=True)
    delivered = []
    client.set_message_received_handler(lambda pdu: delivered.append(pdu))
    client.set_message_sent_handler(lambda pdu: None)
    client.connect()
    client.bind_transceiver(system_id="shop", password="secret")
    client.send_message(
        source_addr="1069",
        destination_addr="13800138000",
        short_message=b"hello",
        source_addr_ton=0,
        dest_addr_ton=1,
        registered_delivery=True,
    )
    while not delivered:
        client.read_once()
    assert b"stat:UNDELIV err:012" in delivered[0].short_message
    assert carrier_sim.received[0].text == "hello"
    answered = {"kind": "receipt", "each": {"answered": True}}
    carrier_sim.expect({"account": "shop", "count": 1}, answered, deadline_s=5)
    client.unbind()
    client.disconnect()
    carrier_sim.expect(kind="unbind", count=1, deadline_s=5)


class Hook(aiosmpplib.hook.AbstractHook):
    def __init__(self):
        self.delivered = []

    async def sending(self, smpp_message, pdu, client_id):
        pass

    async def received(self, smpp_message, pdu, client_id):
        if isinstance(smpp_message, aiosmpplib.DeliverSm):
            self.delivered.append(smpp_message)

    async def send_error(self, smpp_message, error, client_id):
        pass


@pytest.mark.asyncio
async def test_aiosmpplib(carrier_sim):
    hook = Hook()
    esme = aiosmpplib.ESME(
        *carrier_sim.address,
        "shop",
        "secret",
        hook=hook,
        log_level="CRITICAL",
        bind_mode=aiosmpplib.state.BindMode.TRANSCEIVER,
        default_encoding="gsm0338",
    )
    running = asyncio.create_task(esme.start())
    await carrier_sim.wait_for_binds_async()
    await esme.broker.enqueue(
        aiosmpplib.SubmitSm(
            short_message="hello",
            log_id="1",
            registered_delivery=1,
            source=aiosmpplib.PhoneNumber("1069", aiosmpplib.TON.UNKNOWN, aiosmpplib.NPI.UNKNOWN),
            destination=aiosmpplib.PhoneNumber("13800138000", aiosmpplib.TON.INTERNATIONAL, aiosmpplib.NPI.ISDN),
        )
    )
    (message,) = await carrier_sim.wait_for_messages_async()
    assert message.text == "hello"
    answered = {"kind": "receipt", "each": {"answered": True}}
    await carrier_sim.expect_async({"count": 1, "receipts": {}}, answered, deadline_s=5)
    carrier_sim.send_mo("13800138000", "1069", "T")
    await carrier_sim.wait_for_async(lambda: len(hook.delivered) == 2)
    await esme.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_an_application_against_a_server_in_the_loop_of_the_test(esme_sim):
    from simulators.carrier import CarrierSim

    async with CarrierSim() as server:
        await esme_sim.connect_async(server.port)
        assert (await esme_sim.send_async("x")).ok
        assert len(await esme_sim.send_long_async("x" * 200)) == 2
        await esme_sim.wait_for_receipts_async(3)
        server.send_mo("138", "1069", "T")
        assert (await esme_sim.wait_for_mo_async(1, text="T"))[0].source == "138"
        await esme_sim.disconnect_async()


@pytest.mark.asyncio
async def test_blocking_in_a_loop_is_told(carrier_sim):
    with pytest.raises(AssertionError, match="_async"):
        carrier_sim.wait_for_messages(deadline_s=0.05)
