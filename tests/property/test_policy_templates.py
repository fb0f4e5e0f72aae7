"""Templates found by the index against a loop over all of them that tries every way to cut a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from smsgw.policy.entries import TemplateEntry, Variable, VariableKind
from smsgw.policy.placeholders import template_fault
from smsgw.policy.templates import Templates
from smsgw.policy.text import fold_kept

TODAY = "2026-11-18"
VALUES: dict[VariableKind, str] = {
    "text": r"[^\n【】]*",
    "digits": r"[0-9]*",
    "letters": r"[a-zA-Z]*",
    "code": r"[a-zA-Z0-9]*",
    "amount": r"[0-9]{1,12}(\.[0-9]{1,2})?|[0-9]{1,3}(,[0-9]{3})+(\.[0-9]{1,2})?",
}
KINDS: list[VariableKind] = ["text", "digits", "letters", "code", "amount"]

# Few characters, so that literals stand in values and in each other; １ reads as 1, Ａ as a, 訂 as 订.
texts = st.text("您订訂，,1１2aＡ.【】\n", max_size=14)
literals = st.text("您订訂，,1aＡ.【】\n", max_size=5)
bounds = st.sampled_from([(1, 3), (0, 2), (2, 2), (1, 8)])


@st.composite
def entries(draw: st.DrawFn) -> TemplateEntry:
    count = draw(st.integers(0, 3))
    variables = tuple(Variable(f"v{place}", draw(st.sampled_from(KINDS)), *draw(bounds)) for place in range(count))
    text = draw(literals) + "".join(f"{{{variable.name}}}{draw(literals)}" for variable in variables)
    return TemplateEntry(
        draw(st.sampled_from("abcdefgh")), draw(st.integers(1, 3)), "notice", text,
        draw(st.sampled_from(["", "shop", "shop", "bank"])), "", variables,
        draw(st.sampled_from(["", "", "2026-11-18", "2026-11-17"])), draw(st.sampled_from(["active"] * 4 + ["draft"])),
    )  # fmt: skip


@st.composite
def filled(draw: st.DrawFn, entry: TemplateEntry) -> str:
    """A text that is the template's, or nearly."""
    text = entry.text
    for variable in entry.variables:
        text = text.replace(f"{{{variable.name}}}", draw(st.text("您，1１2aＡ.\n", max_size=variable.max_chars)))
    if draw(st.booleans()):
        text = text.translate({ord("1"): "１", ord("a"): "Ａ", ord("，"): ","})
    return text


def cuts(text: str, pieces: list[str], variables: Iterable[Variable]) -> Iterator[list[str]]:
    """Every way to read a text as literals with something between them."""
    if not text.startswith(pieces[0]):
        return
    rest = text[len(pieces[0]) :]
    if len(pieces) == 1:
        if not rest:
            yield []
        return
    for length in range(len(rest) + 1):
        for others in cuts(rest[length:], pieces[1:], variables):
            yield [rest[:length], *others]


def naive_fits(entry: TemplateEntry, body: str) -> bool:
    pieces = re.split(r"\{v[0-9]\}", entry.text)
    apart = sum(map(entry.text.count, "\n【】"))
    if sum(map(body.count, "\n【】")) != apart:
        return False
    for text, fixed in ((body, pieces), (fold_kept(body), [fold_kept(piece) for piece in pieces])):
        for values in cuts(text, fixed, entry.variables):
            if all(
                variable.min_chars <= len(value) <= variable.max_chars
                and ((text is not body and variable.kind == "text") or re.fullmatch(VALUES[variable.kind], value))
                for variable, value in zip(entry.variables, values, strict=True)
            ):
                return True
    return False


def naive(register: list[TemplateEntry], body: str) -> TemplateEntry | None:
    usable = [
        entry
        for entry in register
        if entry.state == "active" and entry.account in ("", "shop") and (not entry.expires or entry.expires >= TODAY)
    ]
    usable.sort(key=lambda entry: (not entry.account, entry.id, -entry.version))
    return next((entry for entry in usable if naive_fits(entry, body)), None)


@settings(max_examples=400)
@given(st.data())
def test_the_index_finds_what_a_loop_finds(data: st.DataObject) -> None:
    listed = data.draw(st.lists(entries(), max_size=25, unique_by=lambda entry: (entry.id, entry.version)))
    templates = Templates(listed)
    for _ in range(3):
        made = st.one_of(texts, filled(data.draw(st.sampled_from(listed)))) if listed else texts
        body = data.draw(made)
        assert templates.match("shop", body, TODAY) == naive(listed, body)


@given(st.data())
def test_many_with_the_same_edges(data: st.DataObject) -> None:
    middles = data.draw(st.lists(literals.filter(bool), min_size=12, max_size=40, unique=True))
    listed = [
        TemplateEntry(
            f"t{place:02}", 1, "notice", f"您好客户{{v0}}{middle}{{v1}}请查收。", "shop",
            variables=(Variable("v0", "text", 0, 3), Variable("v1", "text", 1, 3)), state="active",
        )
        for place, middle in enumerate(middles)
    ]  # fmt: skip
    templates = Templates(listed)
    body = data.draw(filled(data.draw(st.sampled_from(listed))))
    assert templates.match("shop", body, TODAY) == naive(listed, body)


@settings(max_examples=400)
@given(st.data())
def test_literals_that_stand_in_values_too(data: st.DataObject) -> None:
    fixed = data.draw(st.lists(st.text("1a", min_size=1, max_size=2), min_size=3, max_size=4))
    variables = tuple(
        Variable(f"v{place}", data.draw(st.sampled_from(KINDS)), *data.draw(bounds)) for place in range(len(fixed) - 1)
    )
    text = fixed[0] + "".join(f"{{v{place}}}{literal}" for place, literal in enumerate(fixed[1:]))
    listed = [TemplateEntry("a", 1, "notice", text, variables=variables, state="active")]
    body = text
    for variable in variables:
        value = data.draw(st.text("1a", min_size=variable.min_chars, max_size=variable.max_chars))
        body = body.replace(f"{{{variable.name}}}", value)
    assert Templates(listed).match("shop", body, TODAY) == naive(listed, body)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_may_be_a_template_and_a_message(text: str, body: str) -> None:
    template_fault(text, ())
    templates = Templates((TemplateEntry("a", 1, "notice", text, state="active"),))
    templates.match("shop", body, TODAY)
    templates.nearest("shop", body, TODAY)
    assert templates.match("shop", text, TODAY) is not None or "{" in text or "\r" in text
