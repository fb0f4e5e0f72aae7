"""Recipients that pick the carrier's behaviour by their last four digits, without any configuration.

A magic number is the prefix (1990000 unless set otherwise, also with 86, +86 or 0086 in front)
and a code of four digits. ``FAMILIES`` is the table; ``table_text`` prints it for people:

    0ddd  delivered                       41dd  when, where and how often the receipt comes
    1ddd  UNDELIV with err ddd            42dd  how the receipt is written
    2ddd  refused with status ddd         43dd  other final states
    3ssn  refused n times, then fine      44dd  the recipient answers (MO)
    40dd  mishaps of the response         45dd  codes of Chinese networks
    5ddd-9ddd  as any other number
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from simulators.carrier.ids import IdForm
from simulators.carrier.plan import Connection, Parts, Plan, Step, Wait
from simulators.carrier.receipts import ReceiptStyle, Renderer
from simulators.carrier.settings import CarrierSettings
from simulators.carrier.states import DELIVERED, ENROUTE, UNDELIVERED, ReceiptState, state_of
from simulators.carrier.variant import MALFORMED_KIND_WORD, UNKNOWN_KIND_WORD

# Compiled receipts are kept for each style and state by identity: one object for one text.
_state = functools.cache(ReceiptState.parse)
_style = functools.cache(ReceiptStyle.parse)
_state_numbered = functools.cache(state_of)

_COUNTRY_PREFIXES = (b"", b"86", b"+86", b"0086")
_SOON_S = 0.2
_DAYS_S = 2 * 86_400.0
_SEGMENTS_S = 60.0


@dataclass(frozen=True, slots=True)
class Usual:
    """What a magic plan takes over from the settings."""

    renderer: Callable[[ReceiptStyle | None, ReceiptState], Renderer]
    response: Wait
    receipt: Wait
    settings: CarrierSettings


@dataclass(frozen=True, slots=True)
class Case:
    """One message to a magic number: its code, and how many came before."""

    usual: Usual
    code: int
    nth: int

    def plan(self, *steps: Step, status: int = 0) -> Plan:
        """A plan with the usual delay of the response."""
        settings = self.usual.settings
        return Plan(
            status=status,
            wait=self.usual.response,
            error_body=settings.error_body and status != 0,
            receipts=steps,
            unasked=settings.receipts_unasked,
            expire_s=settings.long_expire_s,
        )

    def step(self, state: ReceiptState = DELIVERED, style: ReceiptStyle | None = None, later_s: float = 0.0) -> Step:
        """A receipt after the usual delay and ``later_s``, in the usual style unless another is given."""
        return Step(self.usual.renderer(style, state), self.usual.receipt.plus(Wait(later_s)))

    def delivered(self) -> Plan:
        """Accepted, and a receipt DELIVRD."""
        return self.plan(self.step())


Maker = Callable[[Case], Plan]


def _undelivered(case: Case) -> Plan:
    return case.plan(case.step(_state(f"UNDELIV/{case.code % 1000:03d}")))


def _refused(case: Case) -> Plan:
    status = case.code % 1000
    return case.plan(status=status) if status else replace(case.delivered(), id_form=IdForm("empty"))


def _refused_at_first(case: Case) -> Plan:
    status, times = divmod(case.code % 1000, 10)
    return case.plan(status=status) if case.nth < times else case.delivered()


def _never(case: Case) -> Plan:
    return Plan(answers=0)


def _delivered(**changes: Any) -> Maker:
    """Accepted and delivered, but for these fields of the plan."""
    return lambda case: replace(case.delivered(), **changes)


def _id(words: str) -> Maker:
    """Accepted under an id of that form, which the receipt has too."""
    return lambda case: replace(case.plan(case.step(style=_style(f"id={words}"))), id_form=IdForm(words))


def _late_answer(seconds: float) -> Maker:
    return _delivered(wait=Wait(seconds))


def _connection(connection: Connection, *, accepted: bool) -> Maker:
    return lambda case: replace(case.delivered() if accepted else Plan(), connection=connection)


def _drop_once(case: Case) -> Plan:
    return _connection(Connection.DROP_BEFORE, accepted=False)(case) if case.nth == 0 else case.delivered()


def _nack(case: Case) -> Plan:
    return replace(case.plan(status=0x08), nack=True)


def _refused_with_body(case: Case) -> Plan:
    return replace(case.plan(status=0x08), error_body=True)


ANSWERS: dict[int, tuple[str, Maker]] = {
    0: ("never answered, not delivered", _never),
    1: ("never answered, but delivered, with a receipt", _delivered(answers=0)),
    2: ("answered after 1 s", _late_answer(1)),
    3: ("answered after 5 s", _late_answer(5)),
    4: ("answered after 30 s", _late_answer(30)),
    5: ("connection dropped before the response, message lost", _connection(Connection.DROP_BEFORE, accepted=False)),
    6: ("connection dropped before the response, delivered", _connection(Connection.DROP_BEFORE, accepted=True)),
    7: ("connection dropped after the response", _connection(Connection.DROP_AFTER, accepted=True)),
    8: ("connection goes half open: nothing is answered any more", _connection(Connection.HALF_OPEN, accepted=False)),
    9: ("first message drops the connection, later ones are delivered", _drop_once),
    10: ("answered with generic_nack, status 0x08", _nack),
    11: ("answered twice", _delivered(answers=2)),
    12: ("a malformed PDU comes before the response", _delivered(malformed=MALFORMED_KIND_WORD)),
    13: ("a PDU with an unknown command_id comes before the response", _delivered(unknown=UNKNOWN_KIND_WORD)),
    14: ("answered after the next message of the bind, or after 0.1 s", _delivered(out_of_order=True)),
    15: ("refused with 0x08, and the response has a body", _refused_with_body),
    16: ("message_id of 64 characters", _id("long")),
    17: ("message_id with spaces, quotes and octets that are no ASCII", _id("odd")),
}  # fmt: skip


def _early(seconds: float) -> Maker:
    def make(case: Case) -> Plan:
        step = replace(case.step(), after=case.usual.response, early=True)
        return replace(case.plan(step), wait=case.usual.response.plus(Wait(seconds)))

    return make


def _steps(*states: ReceiptState, apart_s: float = 0.0) -> Maker:
    return lambda case: case.plan(*(case.step(state, later_s=i * apart_s) for i, state in enumerate(states)))


def _late_receipt(seconds: float) -> Maker:
    return lambda case: case.plan(replace(case.step(), after=Wait(seconds)))


def _other_bind(case: Case) -> Plan:
    return case.plan(replace(case.step(), other_bind=True))


RECEIPTS: dict[int, tuple[str, Maker]] = {
    0: ("receipt 0.2 s before the response", _early(_SOON_S)),
    1: ("receipt twice", _steps(DELIVERED, DELIVERED)),
    2: ("DELIVRD, then UNDELIV", _steps(DELIVERED, UNDELIVERED, apart_s=_SOON_S)),
    3: ("UNDELIV, then DELIVRD", _steps(UNDELIVERED, DELIVERED, apart_s=_SOON_S)),
    4: ("ENROUTE (intermediate), then DELIVRD", _steps(ENROUTE, DELIVERED, apart_s=_SOON_S)),
    5: ("DELIVRD, then ENROUTE", _steps(DELIVERED, ENROUTE, apart_s=_SOON_S)),
    6: ("no receipt ever", lambda case: case.plan()),
    7: ("receipt after 3 s", _late_receipt(3)),
    8: ("receipt after 60 s", _late_receipt(60)),
    9: ("receipt on another bind, if there is one", _other_bind),
    10: ("receipt for the first segment only", _delivered(parts=Parts.FIRST)),
    11: ("receipt for the last segment only", _delivered(parts=Parts.LAST)),
    12: ("receipts when all segments came; EXPIRED when one is missing for 60 s", _delivered(expire_s=_SEGMENTS_S)),
    13: ("receipt 3 s before the response", _early(3)),
    14: ("receipt after 2 days", _late_receipt(_DAYS_S)),
    15: ("ENROUTE, ACCEPTD, DELIVRD, ENROUTE, UNDELIV, each 0.2 s later",
         _steps(ENROUTE, _state("ACCEPTD"), DELIVERED, ENROUTE, UNDELIVERED, apart_s=_SOON_S)),
    16: ("receipt though registered_delivery is 0", _delivered(unasked=True)),
}  # fmt: skip

#: code % 100 -> style of the receipt, see ``simulators.carrier.receipts.STYLE_WORDS``
FORMATS: dict[int, str] = {
    0: "id=HEX", 1: "id=hex", 2: "id=dec:12", 3: "id=HEX:10", 4: "text", 5: "tlv", 6: "quoted+text",
    7: "seconds+text", 8: "letters+text", 9: "nocounts+text", 10: "capital+text", 11: "notext+text",
    12: "cut+text", 13: "ucs2+text", 14: "nonul", 15: "class0", 16: "data_sm", 17: "strange",
    18: "text+id=HEX", 19: "text+id=dec", 20: "text+cut=10", 21: "text+cut=70", 22: "text+err=1", 23: "text+err=4",
    24: "text+coding=3", 25: "text+coding=15", 26: "text+zone=+00:00", 27: "text+zone=-03:30", 28: "text+id=dec<8",
}  # fmt: skip

REPLIES: dict[int, str] = {
    0: "ＴＤ", 1: "退订", 2: "STOP", 3: "T", 4: "TD", 5: "R", 6: "START", 7: "订阅", 8: "你好，请问几点开门？",
    9: "N", 10: "ｔｄ ", 11: "退　订！",
}  # fmt: skip

NETWORK_CODES: dict[int, str] = {
    0: "MBBLACK", 1: "DBBLACK", 2: "DB:0144", 3: "TDBLACK", 4: "M2:0045", 5: "MK:0001", 6: "DB:0101", 7: "MK:0005",
    8: "MK:0010", 9: "DB:0142", 10: "MILIMIT", 11: "IB:0008", 12: "DB:9007", 13: "KEYWORD", 14: "DB:0318",
    15: "SC:0018", 16: "NOSEND", 17: "ID:0044", 18: "NP:1243", 19: "NOROUTER", 20: "MA:0003",
}  # fmt: skip


def _formatted(case: Case) -> Plan | None:
    words = FORMATS.get(case.code % 100)
    return case.plan(case.step(style=_style(words))) if words else None


def _in_state(case: Case) -> Plan | None:
    number = case.code % 100
    return case.plan(case.step(_state_numbered(number))) if 1 <= number <= 8 else None


def _replied(case: Case) -> Plan | None:
    reply = REPLIES.get(case.code % 100)
    return replace(case.delivered(), replies=(reply,)) if reply else None


def _network_code(case: Case) -> Plan | None:
    code = NETWORK_CODES.get(case.code % 100)
    return case.plan(case.step(_state(f"{code}/{code}"))) if code else None


def _from_table(table: dict[int, tuple[str, Maker]]) -> Callable[[Case], Plan | None]:
    def make(case: Case) -> Plan | None:
        row = table.get(case.code % 100)
        return row[1](case) if row else None

    return make


#: (first code, last code, what it does, how)
FAMILIES: tuple[tuple[int, int, str, Callable[[Case], Plan | None]], ...] = (
    (0, 999, "0ddd: delivered", Case.delivered),
    (1000, 1999, "1ddd: receipt UNDELIV with err:ddd", _undelivered),
    (2000, 2999, "2ddd: submit_sm refused with command_status ddd in decimal (2088 is 0x58); 2000: ESME_ROK "
     "with an empty message_id", _refused),
    (3000, 3999, "3ssn: the first n messages are refused with command_status ss in decimal (3882: twice 0x58), "
     "then delivered", _refused_at_first),
    (4000, 4099, "40dd: mishaps of the response", _from_table(ANSWERS)),
    (4100, 4199, "41dd: when, where and how often the receipt comes", _from_table(RECEIPTS)),
    (4200, 4299, "42dd: how the receipt is written", _formatted),
    (4300, 4399, "43dd: the receipt's message_state is dd (4303: EXPIRED)", _in_state),
    (4400, 4499, "44dd: delivered, and the recipient sends an MO back", _replied),
    (4500, 4599, "45dd: stat and err are a code of a Chinese network", _network_code),
)  # fmt: skip


class MagicNumbers:
    """Plans for the numbers under one prefix."""

    CODE_DIGITS = 4

    def __init__(self, prefix: str, usual: Usual) -> None:
        if not prefix.isdigit():
            raise ValueError(f"{prefix!r} is not a prefix of numbers; give digits")
        self._leads = frozenset(lead + prefix.encode() for lead in _COUNTRY_PREFIXES)
        self._usual = usual

    def code_of(self, recipient: bytes) -> int | None:
        """The code of a magic number, or None when ``recipient`` is none."""
        code = recipient[-self.CODE_DIGITS :]
        return int(code) if code.isdigit() and recipient[: -self.CODE_DIGITS] in self._leads else None

    def plan(self, code: int, nth: int) -> Plan | None:
        """The plan of the ``nth`` (from 0) message to a code; None when it means nothing."""
        for first, last, _summary, make in FAMILIES:
            if first <= code <= last:
                return make(Case(self._usual, code, nth))
        return None


def table_text(prefix: str) -> str:
    """The table of magic numbers for people."""
    lines = [f"Magic recipients: {prefix} and four digits, also with 86, +86 or 0086 in front.", ""]
    rows: dict[int, dict[int, str]] = {
        4000: {key: row[0] for key, row in ANSWERS.items()},
        4100: {key: row[0] for key, row in RECEIPTS.items()},
        4200: FORMATS,
        4400: REPLIES,
        4500: NETWORK_CODES,
    }
    for first, _last, summary, _make in FAMILIES:
        lines.append(f"  {summary}")
        lines.extend(f"      {first + key}  {text}" for key, text in rows.get(first, {}).items())
    lines.append("  other codes: as any other number")
    return "\n".join(lines)
