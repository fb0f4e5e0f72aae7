"""Which entries are meant: conditions on their fields, all of which must hold.

The same model reads the tables of scenarios and the queries of the control port. It changes nothing
and remembers nothing of what it has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, Field, Strict

from simulators.entry import Entry
from simulators.expect.patterns import Numbers, Patterns, Statuses, TlvTable, compile_pattern, compile_tlv, tag_number
from smsgw.clock import to_ms
from smsgw.documents.values import Moment, Settings

Kind = Literal["submit", "receipt", "mo", "bind", "refused_bind", "unbind", "lost"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
MESSAGE_KINDS: Final = frozenset({"submit", "receipt", "mo"})
EntryTest: TypeAlias = Callable[[Entry], bool]

TEXT_FIELDS: Final = ("where", "account", "source", "destination", "text", "message_id", "stat", "err", "fate")
NUMBER_FIELDS: Final = ("bind", "message_state", "data_coding", "esm_class", "registered_delivery", "segments")


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


Kinds = Annotated[tuple[Kind, ...], Strict(False), BeforeValidator(_one_or_more)]


class Selection(Settings):
    """Entries that satisfy every condition given; a list means one of its values.

    Patterns have ``*`` and ``?`` wild and stand for whole texts; between slashes they are regular expressions.
    """

    kind: Kinds = Field((), description="What happened; all kinds when left out.")
    where: Patterns = Field((), description="Names of carriers or applications.")
    account: Patterns = Field((), description="system_id of the application.")
    bind: Numbers = Field((), description="Number of the connection.")
    source: Patterns = ()
    destination: Patterns = ()
    text: Patterns = Field((), description="The whole text as a pattern (* and ? are wild), or /a regular expression/.")
    text_is: str | None = Field(None, description="The text exactly, with nothing wild in it.")
    status: Statuses = Field(
        (),
        description="command_status of the answer, as a number or by name; see answered for those without.",
    )
    answered: bool | None = Field(None, description="Whether there was an answer at all.")
    message_id: Patterns = Field((), description="The carrier's id; of a receipt the id that it names.")
    stat: Patterns = ()
    err: Patterns = ()
    message_state: Numbers = ()
    data_coding: Numbers = ()
    esm_class: Numbers = ()
    registered_delivery: Numbers = ()
    segments: Numbers = Field((), description="How many a handset gets.")
    fate: Patterns = Field((), description="What became of it that its status does not say.")
    tlv: TlvTable = Field(
        default_factory=dict,
        description="Tag, by name or number -> true (there), false (not there), a number, 'hex:0a0b', or a pattern.",
    )
    since: Moment | None = Field(None, description="Business time, the second exclusive.")
    until: Moment | None = Field(None, description="As since.")

    def matches(self, entry: Entry) -> bool:
        """Whether all conditions hold for ``entry``."""
        return all(test(entry) for _, test in self._tests)

    def mismatch(self, entry: Entry) -> str:
        """The name of the first condition that does not hold; empty when all do."""
        return next((name for name, test in self._tests if not test(entry)), "")

    @cached_property
    def _tests(self) -> tuple[tuple[str, EntryTest], ...]:
        return tuple(self._compile())

    def _compile(self) -> Iterator[tuple[str, EntryTest]]:
        if self.kind:
            kinds = frozenset(self.kind)
            yield "kind", lambda entry: entry.kind in kinds
        if self.answered is not None:
            answered = self.answered
            yield "answered", lambda entry: (entry.status is not None) is answered
        if self.status:
            statuses = frozenset(self.status)
            yield "status", lambda entry: entry.status in statuses
        for name in NUMBER_FIELDS:
            if getattr(self, name):
                yield name, _number_test(name, frozenset(getattr(self, name)))
        for name in TEXT_FIELDS:
            if getattr(self, name):
                yield name, _text_test(name, getattr(self, name))
        if self.text_is is not None:
            exact = self.text_is
            yield "text", lambda entry: entry.text == exact
        for tag, expected in self.tlv.items():
            yield f"tlv {tag}", _tlv_test(tag_number(tag), expected)
        if self.since is not None:
            since_ms = to_ms(self.since)
            yield "since", lambda entry: entry.at_ms >= since_ms
        if self.until is not None:
            until_ms = to_ms(self.until)
            yield "until", lambda entry: entry.at_ms < until_ms


def _number_test(name: str, numbers: frozenset[int]) -> EntryTest:
    return lambda entry: getattr(entry, name) in numbers


def _text_test(name: str, patterns: tuple[str, ...]) -> EntryTest:
    tests = tuple(compile_pattern(pattern) for pattern in patterns)
    return lambda entry: any(test(getattr(entry, name)) for test in tests)


def _tlv_test(tag: int, expected: bool | int | str) -> EntryTest:
    test = compile_tlv(expected)
    if expected is False:
        return lambda entry: all(each != tag for each, _ in entry.tlvs)
    return lambda entry: any(test(value) for each, value in entry.tlvs if each == tag)
