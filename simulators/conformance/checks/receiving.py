"""Receipts and MO of every kind: each must be answered, with its own sequence number and ESME_ROK."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from simulators.conformance.check import Check, Outcome, check, failed, passed, warned
from simulators.conformance.exam import Exam, shown
from simulators.conformance.messages import INTERMEDIATE, RESERVED_TLV, VENDOR_TLV, Build, mo, receipt
from smsgw.smpp import pdu
from smsgw.smpp.alphabet import encode_text
from smsgw.smpp.constants import RESPONSE_BIT, CommandId, CommandStatus, Tag
from smsgw.smpp.segments import split_udh
from smsgw.smpp.tlv import tlv

_MEND = "answer every deliver_sm (and data_sm) with its own sequence number and ESME_ROK once it is safely kept"
_WHY = "SMPP 3.4 §4.6: what is not answered is sent again, and what is refused is often lost for good"
_LONG = "你好，请问你们周末几点开门？我想过去看一看新到的商品。" * 4
_BURST = 100
#: With these the application says itself that it will never take a message (SMPP 3.4 §5.1.3).
_REJECTIONS = (CommandStatus.ESME_RX_P_APPN, CommandStatus.ESME_RX_R_APPN)

#: What to send for a check: one or several PDUs.
Prepare = Callable[[Exam], Awaitable[list[Build]]]


async def _given(exam: Exam, builds: list[Build], may_reject: bool = False) -> Outcome:
    session = await exam.session(receives=True)
    sent = [session.request(build) for build in builds]
    await exam.bench.wait_for(
        lambda: not session.open or all(number in session.answers for number in sent), exam.settings.answer_s
    )
    missing = [number for number in sent if number not in session.answers]
    if missing:
        count = f"{len(missing)} of {len(sent)} not answered" if len(sent) > 1 else "not answered"
        ended = "" if session.open else f"; {await exam.trouble(session)}"
        return failed(f"{count} in {exam.settings.answer_s:g} s{ended}")
    for number in sent:
        wrong = _wrong(exam, number, session.number, session.answers[number])
        if wrong and may_reject and pdu.HEADER.unpack_from(session.answers[number])[2] in _REJECTIONS:
            return warned(f"{wrong}: an application may reject it for good, if nobody is to read it")
        if wrong:
            return failed(wrong)
    return passed(f"all {len(sent)} answered with ESME_ROK" if len(sent) > 1 else "answered with ESME_ROK")


def _wrong(exam: Exam, number: int, session: int, frame: bytes) -> str:
    _length, command_id, status, _sequence = pdu.HEADER.unpack_from(frame)
    sent = exam.log.sent(session=session)
    asked = next(event for event in sent if event.is_request and event.sequence_number == number)
    if status:
        return f"refused: {shown(frame)}"
    return "" if command_id == asked.command_id | RESPONSE_BIT else f"answered with {shown(frame)}"


def _check(
    id: str,
    title: str,
    about: str,
    prepare: Prepare,
    why: str = _WHY,
    mend: str = _MEND,
    may_reject: bool = False,
) -> Check:
    async def run(exam: Exam) -> Outcome:
        await exam.session(receives=True)
        return await _given(exam, await prepare(exam), may_reject)

    run.__doc__ = about
    return check(id, title, why, mend)(run)


def _mo(
    text: str = "", coding: int = 0, *, tlvs: bytes = b"", payload: bytes | None = None, esm_class: int = 0
) -> Prepare:
    async def prepare(exam: Exam) -> list[Build]:
        octets = encode_text(text, coding) if payload is None else payload
        return [mo(octets, await exam.number(), coding, esm_class, tlvs)]

    return prepare


async def _long_mo(exam: Exam) -> list[Build]:
    number = await exam.number()
    return [mo(part, number, 8, 0x40) for part in split_udh(_LONG, 8, 77)]


async def _burst(exam: Exam) -> list[Build]:
    number = await exam.number()
    return [mo(b"number %d of many" % index, number) for index in range(_BURST)]


def _receipt(**how: object) -> Prepare:
    async def prepare(exam: Exam) -> list[Build]:
        message, message_id = await exam.message()
        return [receipt(message, message_id, **how)]  # type: ignore[arg-type]  # the keywords of receipt()

    return prepare


async def _twice(exam: Exam) -> list[Build]:
    message, message_id = await exam.message()
    return [receipt(message, message_id), receipt(message, message_id)]


async def _contradicting(exam: Exam) -> list[Build]:
    message, message_id = await exam.message()
    states = (("DELIVRD", 2), ("UNDELIV", 5), ("ENROUTE", 1))
    return [receipt(message, message_id, stat=stat, state=state) for stat, state in states]


async def _stranger(exam: Exam) -> list[Build]:
    message, _ = await exam.message()
    return [receipt(message, b"never-given")]


@check(
    "malformed-deliver",
    "survives a deliver_sm that can't be read",
    "SMPP 3.4 §5.1.3: a wrong PDU is answered with the status of its error; the next one is framed all the same",
    "answer with a status such as ESME_RINVMSGLEN or generic_nack, and read on: command_length was right",
)
async def malformed_deliver(exam: Exam) -> Outcome:
    """Sends a deliver_sm whose sm_length says more octets than there are."""
    session = await exam.session(receives=True)
    frame = mo(b"short", await exam.number())(session.next_sequence())
    frame = frame[:-6] + b"\xf0" + frame[-5:]
    session.send(frame)
    trouble = await exam.trouble(session)
    if trouble:
        return warned(f"after a malformed deliver_sm {trouble}")
    answer = session.answers.get(int(pdu.HEADER.unpack_from(frame)[3]))
    if answer is None:
        return warned("it ignores a malformed deliver_sm, so the carrier will send it again and again")
    if not pdu.HEADER.unpack_from(answer)[2]:
        return warned("it takes a deliver_sm whose sm_length is more than there is, with ESME_ROK")
    return passed(shown(answer))


@check(
    "deliver-resp-body",
    "deliver_sm_resp has its message_id",
    "SMPP 3.4 §4.6.2: the body is message_id, which is unused and set to NULL: one octet",
    "send one NUL octet as the body of deliver_sm_resp; some carriers refuse one without",
)
async def deliver_resp_body(exam: Exam) -> Outcome:
    """Looks at the body of the deliver_sm_resp that came."""
    answers = [event for event in exam.log.received(CommandId.DELIVER_SM_RESP) if not event.status]
    if not answers:
        await _given(exam, [mo(b"hello", await exam.number())])
        answers = [event for event in exam.log.received(CommandId.DELIVER_SM_RESP) if not event.status]
    if not answers:
        return failed("no deliver_sm was ever taken")
    bare = [event for event in answers if len(event.frame) == pdu.HEADER.size]
    if bare:
        return warned(f"{len(bare)} of {len(answers)} deliver_sm_resp have no body")
    if any(pdu.message_id_of(event.frame) for event in answers):
        return warned("deliver_sm_resp has a message_id; it is to be empty")
    return passed(f"an empty message_id in all {len(answers)}")


CHECKS = (
    _check("mo-gsm", "takes an MO in GSM 03.38", "Sends a text of the default alphabet, with an escaped sign.",
           _mo("Hello [1] €")),
    _check("mo-ucs2", "takes an MO in UCS2", "Sends a Chinese text with data_coding 8.", _mo("你好，退订", 8)),
    _check("mo-other-coding", "takes an MO in a coding that it may not know",
           "Sends octets with data_coding 0xF5 (8-bit data, class 1).", _mo(payload=bytes(range(140)), coding=0xF5),
           may_reject=True),
    _check("mo-empty", "takes an empty MO", "Sends a deliver_sm with sm_length 0 and no message_payload.", _mo(),
           may_reject=True),
    _check("mo-long", "takes a long MO in segments", "Sends a UCS2 text in segments with a user data header.",
           _long_mo),
    _check("mo-payload", "takes a long MO in message_payload",
           "Sends a UCS2 text in message_payload, with sm_length 0.",
           _mo(coding=8, payload=b"", tlvs=tlv(Tag.MESSAGE_PAYLOAD, encode_text(_LONG, 8))),
           "SMPP 3.4 §4.6.1: short_message and message_payload exclude each other"),
    _check("mo-tlvs", "takes an MO with unknown TLVs", "Sends a vendor's and a reserved TLV.",
           _mo("with more", tlvs=VENDOR_TLV + RESERVED_TLV),
           "SMPP 3.4 §3.3: parameters that are not known are to be passed over"),
    _check("mo-many", f"takes {_BURST} MO that come at once", "Sends them in one write.", _burst),
    _check("receipt", "takes a receipt", "Sends a receipt with text and TLVs for a message that it sent.",
           _receipt()),
    _check("receipt-text", "takes a receipt with text only", "Sends appendix B's text and no TLVs.",
           _receipt(tlvs=False)),
    _check("receipt-tlvs", "takes a receipt with TLVs only",
           "Sends receipted_message_id and message_state, and no text.", _receipt(text=False),
           "SMPP 3.4 §5.3.2.12, §5.3.2.35: the TLVs say it all; the text is a habit of carriers"),
    _check("receipt-unknown-tlvs", "takes a receipt with unknown TLVs", "Sends a vendor's and a reserved TLV too.",
           _receipt(more=VENDOR_TLV + RESERVED_TLV)),
    _check("receipt-data-sm", "takes a receipt by data_sm", "Sends it with data_sm instead of deliver_sm.",
           _receipt(data_sm=True), "SMPP 3.4 §4.7: data_sm goes both ways on every bind",
           "answer data_sm with data_sm_resp, as deliver_sm"),
    _check("receipt-intermediate", "takes an intermediate notification", "Sends ENROUTE with esm_class 0x20.",
           _receipt(stat="ENROUTE", state=1, esm_class=INTERMEDIATE),
           "SMPP 3.4 §5.2.12: esm_class 0x20 is an intermediate notification"),
    _check("receipt-failed", "takes a receipt of a failure", "Sends stat UNDELIV, state 5.",
           _receipt(stat="UNDELIV", state=5)),
    _check("receipt-odd-state", "takes a receipt with a carrier's own state",
           "Sends a stat of a Chinese network, MK:0001, and the state UNKNOWN.", _receipt(stat="MK:0001", state=7)),
    _check("receipt-class-0", "takes a receipt whose esm_class says nothing",
           "Sends a receipt with esm_class 0, known only by its TLVs and text.", _receipt(esm_class=0)),
    _check("receipt-twice", "takes a receipt twice", "Sends the same receipt two times: carriers do.", _twice),
    _check("receipts-contradicting", "takes receipts that contradict each other",
           "Sends DELIVRD, then UNDELIV, then ENROUTE for one message.", _contradicting),
    _check("receipt-stranger", "takes a receipt for a message that it does not know",
           "Sends a receipt with an id that was never given out.", _stranger,
           mend="answer it with ESME_ROK and log it: an error makes carriers send it again for a day"),
    malformed_deliver,
    deliver_resp_body,
)  # fmt: skip
