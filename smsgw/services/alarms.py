"""Alarms for people: what rings, what is silenced and why, how channels fare; silence, acknowledge, try a channel.

Owns: who may, and the audit entries. What rings is decided by ``smsgw.alarms``, in one process of the fleet; here its
state is read and staff's words are left for its next look. Who sees only some accounts sees these accounts' alarms.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from smsgw.alarms import texts
from smsgw.alarms.sending import Sends
from smsgw.alarms.state import ACK, SILENCE, ChannelState, State, silence_as_json, silences_in, unpacked
from smsgw.clock import RealClock
from smsgw.config.alarms import AlarmSettings
from smsgw.errors import RequestError
from smsgw.policy.alarms.judging import firing
from smsgw.policy.alarms.kinds import KINDS
from smsgw.policy.alarms.rules import Labels, Rule
from smsgw.policy.alarms.standing import FIRING, PENDING, Standing, is_covered
from smsgw.policy.alarms.telling import Silence, silence_of
from smsgw.services.desk import Desk, Page, checked_text, masked, named, one_of
from smsgw.services.desk import page as page_of
from smsgw.services.pauses import ends_at_ms
from smsgw.services.scope import EVERYBODY
from smsgw.store.alarms import KEPT, AlarmStore

WRITERS: Final = ("engineer", "compliance", "management")
TESTERS: Final = ("engineer",)
LATE_MS: Final = 180_000
"""Nobody has looked for so long: then what is shown is old."""
_LONGEST_MS: Final = 31 * 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class AlarmShown:
    """An alarm with its words in both languages; the ones in English have the plain names.

    ``silenced_until_ms`` 0: it is not. ``covered``: a wider alarm of its kind rings, so nobody is told of this one.
    ``told``: channel → when it was last told.
    """

    id: str
    kind: str
    state: str
    severity: str
    labels: dict[str, str]
    title: str
    title_zh: str
    text: str
    text_zh: str
    advice: str
    advice_zh: str
    value: float
    threshold: float
    unit: str
    volume: int
    window_s: float
    since_ms: int
    fired_ms: int
    silenced_until_ms: int = 0
    silenced_why: str = ""
    silenced_by: str = ""
    covered: bool = False
    acknowledged_by: str = ""
    acted: str = ""
    told: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SilenceShown:
    """A silence in force. ``kind`` empty: every kind; ``only``: patterns of labels."""

    id: str
    kind: str
    only: dict[str, str]
    until_ms: int
    why: str
    who: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ChannelShown:
    """Where alarms go, never how. Times are 0 for never; ``failing_ms``: since when it fails, 0 while it works."""

    name: str
    language: str
    severity: str
    quiet: list[str]
    arrived_ms: int
    failing_ms: int
    failures: int
    next_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class Board:
    """Everything at a glance. ``late``: nobody has looked lately, so it is old. ``why_not``: what can't be asked."""

    looked_ms: int
    late: bool
    why_not: dict[str, str]
    firing: list[AlarmShown]
    silenced: list[AlarmShown]
    pending: list[AlarmShown]
    silences: list[SilenceShown]
    channels: list[ChannelShown]
    kinds: list[str]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying a channel; ``why`` is empty when it arrived."""

    arrived: bool
    why: str


async def board(desk: Desk, settings: AlarmSettings) -> Board:
    """What rings, what is about to, what is silenced, and how channels fare."""
    desk.require_role(*EVERYBODY)
    store = AlarmStore(desk.store)
    state = unpacked(await store.read())
    now_ms = desk.now_ms()
    silences = [each for each in silences_in(await store.said()) if now_ms < each.until_ms]
    shown = _Shown(desk, settings, state, silences)
    rings = [shown.of(each) for each in shown.seen(FIRING)]
    is_quiet = {each.id for each in rings if each.silenced_until_ms or each.covered}
    sees_all = desk.accounts is None
    return Board(
        state.looked_ms,
        RealClock().now_ms() - state.looked_ms > LATE_MS,
        dict(state.why_not) if sees_all else {},
        [each for each in rings if each.id not in is_quiet],
        [each for each in rings if each.id in is_quiet],
        [shown.of(each) for each in shown.seen(PENDING)],
        [_silence_shown(each) for each in sorted(silences, key=lambda each: each.until_ms)] if sees_all else [],
        [_channel_shown(settings, state, name) for name in settings.channels] if sees_all else [],
        list(KINDS),
    )


async def history(desk: Desk, *, offset: int = 0, limit: int = 50) -> Page[dict[str, Any]]:
    """What began, ended, was done, told and said, newest first."""
    desk.require_role(*EVERYBODY)
    page_of([], offset, limit)
    store = AlarmStore(desk.store)
    if desk.accounts is None:
        items, total = await store.history(offset, limit)
        return Page(items, total, offset)
    items, _ = await store.history(0, KEPT)
    return page_of([each for each in items if _sees(desk, dict(each.get("labels", ())))], offset, limit)


async def silence(desk: Desk, *, kind: str, only: Mapping[str, str], until: str, why: str) -> SilenceShown:
    """Tell nobody of such alarms, and do nothing of itself about them, until then. ``until``: a duration or a time."""
    desk.require(*WRITERS)
    if kind:
        one_of("kind", kind, KINDS)
    known = {label for each in ([KINDS[kind]] if kind else KINDS.values()) for label in each.labels}
    for label, value in only.items():
        one_of("only", label, sorted(known))
        checked_text(f"only.{label}", value)
    now_ms = desk.now_ms()
    until_ms = ends_at_ms(desk, checked_text("until", until, empty="a silence has an end, such as 2h"), now_ms)
    if until_ms - now_ms > _LONGEST_MS:
        raise RequestError("invalid", "until: a silence ends within 31 days; change alarms.toml for longer")
    made = Silence(
        secrets.token_hex(6), kind, tuple(masked(only).items()), until_ms, desk.reason(why), desk.person.name, now_ms
    )  # fmt: skip
    await desk.audit("alarm.silence", f"alarm {_scope(kind, made.only)}", why, id=made.id, until_ms=until_ms)
    store = AlarmStore(desk.store)
    await store.say(SILENCE + made.id, silence_as_json(made))
    await _tell(desk, store, "silenced", scope=_scope(kind, made.only), why=made.why)
    return _silence_shown(made)


async def end_silence(desk: Desk, silence_id: str, *, why: str) -> SilenceShown:
    """Let them be told again."""
    desk.require(*WRITERS)
    store = AlarmStore(desk.store)
    found = next((each for each in silences_in(await store.said()) if each.id == silence_id), None)
    if found is None:
        raise RequestError("missing", f"there is no silence {silence_id[:40]!r}")
    await desk.audit("alarm.unsilence", f"alarm {_scope(found.kind, found.only)}", why, id=found.id)
    await store.unsay(SILENCE + found.id)
    await _tell(desk, store, "unsilenced", scope=_scope(found.kind, found.only), why=desk.reason(why))
    return _silence_shown(found)


async def acknowledge(desk: Desk, settings: AlarmSettings, alarm_id: str, *, why: str) -> AlarmShown:
    """Say that somebody takes care of it: it is not told again and again. The next time it rings it is."""
    desk.require(*WRITERS)
    store = AlarmStore(desk.store)
    state = unpacked(await store.read())
    found = state.standings.get(alarm_id)
    if found is None or found.state != FIRING:
        raise RequestError("missing", f"there is no alarm {alarm_id[:200]!r} that rings")
    await desk.audit("alarm.acknowledge", f"alarm {found.id}", why)
    await store.say(ACK + found.id, {"who": desk.person.name, "at_ms": desk.now_ms(), "why": desk.reason(why)})
    labels = [list(pair) for pair in found.labels]
    await _tell(desk, store, "acknowledged", id=found.id, kind=found.kind, labels=labels, why=desk.reason(why))
    return _Shown(desk, settings, state, []).of(found, desk.person.name)


async def try_channel(desk: Desk, settings: AlarmSettings, name: str, sender: Sends, *, why: str) -> Tried:
    """Send a message that says it is a test. Raises RequestError for a channel that there is not."""
    desk.require(*TESTERS)
    channel = settings.channels[named("channel", name, settings.channels, "channel of alarms")]
    await desk.audit("alarm.test", f"channel {name}", why)
    made = texts.trial(channel.language, desk.site.directory.resolve().name)
    failed = await sender.send(channel, made.title, made.body)
    await _tell(desk, AlarmStore(desk.store), "tested", channel=name, outcome=failed)
    return Tried(not failed, failed)


class _Shown:
    """Alarms for one person."""

    def __init__(self, desk: Desk, settings: AlarmSettings, state: State, silences: Sequence[Silence]) -> None:
        self._desk = desk
        self._settings = settings
        self._state = state
        self._silences = silences
        self._covering = firing(state.standings)

    def seen(self, state: str) -> list[Standing]:
        """Those in a state that the person sees; what wakes people first, then the oldest first."""
        found = [
            each
            for each in self._state.standings.values()
            if each.state == state and _sees(self._desk, dict(each.labels))
        ]
        return sorted(found, key=lambda each: (self._rule(each).severity != "page", each.bad_ms, each.id))

    def _rule(self, standing: Standing) -> Rule:
        return self._settings.rules.find(standing.kind, standing.labels)

    def of(self, standing: Standing, acked_by: str = "") -> AlarmShown:
        """One of them."""
        rule = self._rule(standing)
        quiet = silence_of(standing, self._silences, self._desk.now_ms())
        title, advice = texts.words_of(standing.kind, "en")
        title_zh, advice_zh = texts.words_of(standing.kind, "zh")
        return AlarmShown(
            id=standing.id, kind=standing.kind, state=standing.state, severity=rule.severity,
            labels=dict(standing.labels), title=title, title_zh=title_zh,
            text=texts.sentence(standing, rule, "en"), text_zh=texts.sentence(standing, rule, "zh"),
            advice=advice, advice_zh=advice_zh, value=standing.value, threshold=standing.threshold,
            unit=KINDS[standing.kind].unit, volume=standing.volume, window_s=rule.window_s,
            since_ms=standing.bad_ms, fired_ms=standing.fired_ms,
            silenced_until_ms=quiet.until_ms if quiet else 0, silenced_why=quiet.why if quiet else "",
            silenced_by=quiet.who if quiet else "", covered=is_covered(standing, self._covering),
            acknowledged_by=acked_by or standing.acked_by, acted=standing.acted, told=dict(standing.told),
        )  # fmt: skip


def _sees(desk: Desk, labels: Mapping[str, str]) -> bool:
    return desk.accounts is None or ("account" in labels and desk.sees(labels["account"]))


def _silence_shown(found: Silence) -> SilenceShown:
    return SilenceShown(**{**asdict(found), "only": dict(found.only)})


def _channel_shown(settings: AlarmSettings, state: State, name: str) -> ChannelShown:
    channel, found = settings.channels[name], state.channels.get(name, ChannelState())
    quiet = [
        f"{hours.start_min // 60:02}:{hours.start_min % 60:02}-{hours.end_min // 60:02}:{hours.end_min % 60:02}"
        for hours in channel.quiet
    ]
    return ChannelShown(
        name, channel.language, channel.severity, quiet,
        found.arrived_ms, found.failing_ms, found.failures, found.next_ms, found.why,
    )  # fmt: skip


def _scope(kind: str, only: Labels) -> str:
    return " ".join((kind or "*", *(f"{name}={value}" for name, value in only)))


async def _tell(desk: Desk, store: AlarmStore, what: str, **more: Any) -> None:
    await store.tell({"at_ms": desk.now_ms(), "what": what, "who": desk.person.name, **more})
