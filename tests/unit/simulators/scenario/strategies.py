"""Any settings of a carrier, for properties."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from simulators.carrier.ids import IdForm
from simulators.carrier.plan import Parts
from simulators.carrier.receipts import ReceiptStyle
from simulators.carrier.settings import BIND_KINDS, LONG_FORMS, CarrierSettings, Match, Outbind, PlannedReceipt, Rule
from simulators.carrier.states import ReceiptState
from simulators.spread import Delay

_SECONDS = st.integers(0, 86_400_000).map(lambda milliseconds: milliseconds / 1000)
_SHARES = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
_STATUSES = st.one_of(st.sampled_from([0x08, 0x14, 0x58, 0x45]), st.integers(1, 0xFFFFFFFF))
_DELAYS = st.sampled_from(["0s", "50ms", "20ms-80ms", "exp:2s", "0%:5ms,50%:20ms,100%:1.5s"]).map(Delay.parse)
_FORMS = st.sampled_from(["dec", "hex", "HEX:8", "text", "empty", "dec:12>10"]).map(IdForm)
_STATES = st.sampled_from(["DELIVRD", "UNDELIV/005", "MK:0001", "DB:0144/DB:0144", "ENROUTE"]).map(ReceiptState.parse)
_STYLES = st.sampled_from(["full", "text+quoted", "tlv+nonul", "text+id=HEX:10+zone=-03:30", "cut=40+class=0"]).map(
    ReceiptStyle.parse
)
_TEXTS = st.text("aT订", min_size=1, max_size=5)


def _weighted(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[tuple[Any, float], ...]]:
    return st.lists(values, max_size=4, unique=True).flatmap(
        lambda chosen: st.tuples(*[st.tuples(st.just(each), _SHARES.map(lambda share: share / 4)) for each in chosen])
    )


_PLANNED = st.builds(
    PlannedReceipt, _STATES, _DELAYS, st.none() | _STYLES, early=st.booleans(), other_bind=st.booleans()
)

#: What each setting that a rule may change can be.
BEHAVIOUR_VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        ("never_answer", "answered_twice", "out_of_order", "drop_before", "drop_after", "half_open", "malformed",
         "unknown", "early", "duplicate", "contradict", "intermediate", "other_bind"),
        _SHARES,
    ),
    **dict.fromkeys(("response", "receipt", "early_by", "duplicate_after"), _DELAYS),
    **dict.fromkeys(("error_body", "receipts", "receipts_unasked"), st.booleans()),
    "refuse": _weighted(_STATUSES),
    "response_id": _FORMS,
    "receipt_id": st.none() | _FORMS,
    "states": _weighted(_STATES),
    "rest_state": _STATES,
    "styles": _weighted(_STYLES),
    "rest_style": _STYLES,
    "parts": st.sampled_from(Parts),
    "plans": st.lists(st.tuples(_SHARES, st.lists(_PLANNED, max_size=3).map(tuple)), max_size=2).map(tuple),
    "replies": st.lists(_TEXTS, max_size=2).map(tuple),
    "long_expire_s": _SECONDS,
}  # fmt: skip

_PAIRS = {"states": "rest_state", "styles": "rest_style"}


def behaviours() -> st.SearchStrategy[dict[str, Any]]:
    """Some of what a rule may change; shares go with what takes the rest, as a file has them."""

    def paired(found: dict[str, Any]) -> dict[str, Any]:
        both = [name for pair in _PAIRS.items() for name in pair]
        lonely = {name for pair in _PAIRS.items() if not all(each in found for each in pair) for name in pair}
        return {name: value for name, value in found.items() if name not in both or name not in lonely}

    return st.fixed_dictionaries({}, optional=BEHAVIOUR_VALUES).map(paired)


def _matches() -> st.SearchStrategy[Match]:
    return st.builds(
        Match,
        recipients=st.lists(_TEXTS, max_size=2).map(tuple),
        provinces=st.frozensets(st.sampled_from(["北京", "上海"])),
        accounts=st.frozensets(_TEXTS, max_size=2),
        text=st.sampled_from(["", "a+"]),
        first=st.integers(0, 9),
        every=st.integers(1, 9),
        between=st.none() | st.tuples(st.integers(0, 1439), st.integers(0, 1439)),
        share=_SHARES,
    )


def carriers() -> st.SearchStrategy[CarrierSettings]:
    """Settings as they may be after any changes; what can't change is as usual."""
    rest = st.fixed_dictionaries(
        {},
        optional={
            "smsc_id": st.sampled_from(["", "smsc"]),
            "outbinds": st.lists(st.builds(Outbind, st.integers(1, 65535)), max_size=2).map(tuple),
            "accounts": st.none() | st.dictionaries(_TEXTS, _TEXTS, max_size=2),
            "bind_kinds": st.frozensets(st.sampled_from(sorted(BIND_KINDS))),
            "max_binds": st.integers(0, 99),
            "max_binds_status": _STATUSES,
            "ghost_s": _SECONDS,
            "refuse_binds": st.just(0) | _STATUSES,
            "bind_response": _DELAYS,
            "answer_binds": st.booleans(),
            "refuse_connections": st.booleans(),
            "window": st.integers(0, 99),
            "window_status": st.just(0) | _STATUSES,
            "tps": st.integers(0, 10_000).map(lambda tenths: tenths / 10),
            "tps_burst": st.integers(0, 99).map(float),
            "tps_status": st.just(0) | _STATUSES,
            "tps_per": st.sampled_from(["bind", "account", "address"]),
            "long_forms": st.frozensets(st.sampled_from(sorted(LONG_FORMS))),
            "long_status": _STATUSES,
            "rules": st.lists(st.builds(Rule, _matches(), behaviours(), _TEXTS), max_size=2).map(tuple),
            "receipt_window": st.integers(1, 99),
            "resend_after_s": _SECONDS,
            "retry_after_s": _SECONDS,
            "receipt_tries": st.integers(1, 99),
            "retried_statuses": st.frozensets(_STATUSES, max_size=3),
            "zone_hours": st.integers(-48, 48).map(lambda quarters: quarters / 4),
            "enquire_s": _SECONDS,
            "idle_drop_s": _SECONDS,
            "enquire_response": _DELAYS,
            "answer_enquires": st.booleans(),
            "read_octets_per_s": st.integers(0, 9999),
            "write_octets": st.integers(0, 9999),
            "magic_prefix": st.sampled_from(["", "1990000"]),
            "record": st.integers(0, 99),
        },
    )
    return st.builds(lambda these, those: CarrierSettings(**these, **those), behaviours(), rest)
