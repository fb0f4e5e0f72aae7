"""One look at everything: facts, judgement, actions, messages, and what is written down of it.

Owns: the order of things. The turn comes first, the state is read once for each life of a turn and written at the end
of each look; a message that was sent and not written down, because the process died in that moment, is sent again.
Never decides anything itself. Raises StoreError while the store is away; then nobody is told anything that could not be
written down, but the console shows that nobody looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from smsgw.alarms import acting, state, texts
from smsgw.alarms.facts import Facts
from smsgw.alarms.sending import Sends, wait_s
from smsgw.alarms.state import ChannelState, State
from smsgw.alarms.texts import Item
from smsgw.clock import RealClock, from_ms
from smsgw.config.alarms import AlarmSettings, ChannelSettings
from smsgw.policy.alarms.judging import firing, judge
from smsgw.policy.alarms.standing import FIRING, PENDING, RESOLVED, Standing, is_covered
from smsgw.policy.alarms.telling import Silence, heard, news_for, silence_of, without_strangers
from smsgw.services.desk import Desk
from smsgw.store.alarms import AlarmStore

Told = Callable[[str, Mapping[str, object]], None]


@dataclass(slots=True)
class _Look:
    """What one look works with."""

    settings: AlarmSettings
    now_ms: int
    silences: list[Silence]
    events: list[dict[str, Any]]


class Engine:
    """``look`` again and again. ``desk``: of the person that audit entries name; ``told`` gets events for the log."""

    def __init__(
        self,
        desk: Desk,
        facts: Facts,
        store: AlarmStore,
        sender: Sends,
        settings: Callable[[], AlarmSettings],
        told: Told,
        address: str = "",
        real_ms: Callable[[], int] | None = None,
    ) -> None:
        self._desk = desk
        self._facts = facts
        self._store = store
        self._sender = sender
        self._settings = settings
        self._told = told
        self._address = address
        self._real_ms = real_ms or RealClock().now_ms
        self._state: State | None = None
        #: Events of looks that could not be written down; the next one has them.
        self._unwritten: list[dict[str, Any]] = []

    @property
    def every_s(self) -> float:
        """How long to wait between two looks."""
        return self._settings().every_s

    async def look(self) -> bool:
        """Look once; False when it is another process's turn. Raises StoreError."""
        if not await self._store.take_turn():
            self._forget_all()
            return False
        if self._state is None:
            self._state = state.unpacked(await self._store.read())
        known, settings = self._state, self._settings()
        said = await self._store.said()
        look = _Look(settings, self._desk.now_ms(), state.silences_in(said), self._unwritten)
        before = known.standings
        found = await self._facts.gather(settings.rules, self._failing_s(known, settings))
        known.standings = self._acknowledged(judge(settings.rules, found, before, look.now_ms), said)
        self._note_changes(before, known.standings, look)
        await self._act(known, look)
        await self._tell(known, look)
        self._forget(known, settings)
        known.looked_ms, known.why_not = self._real_ms(), dict(self._facts.why_not)
        gone = state.of_no_use(said, known.standings, look.now_ms)
        if not await self._store.write(state.packed(known), look.events, gone):
            self._forget_all()
            return False
        self._unwritten = []
        return True

    def _forget_all(self) -> None:
        """Another process has the turn, and judges by what is in the store."""
        self._state, self._unwritten = None, []

    async def leave(self) -> None:
        """Another may look after them at once. Raises StoreError."""
        self._facts.close()
        await self._store.give_back()

    def _failing_s(self, known: State, settings: AlarmSettings) -> dict[str, float]:
        real_ms = self._real_ms()
        return {
            name: (real_ms - each.failing_ms) / 1000
            for name, each in known.channels.items()
            if each.failing_ms and name in settings.channels
        }

    def _acknowledged(
        self, standings: dict[str, Standing], said: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Standing]:
        acks = state.acks_in(said)
        found = {}
        for name, each in standings.items():
            who, at_ms = acks.get(name, ("", 0))
            # What was said of the last time does not hold for this one.
            holds = each.state == FIRING and at_ms >= each.fired_ms
            found[name] = replace(each, acked_by=who if holds else "")
        return found

    def _note_changes(self, before: Mapping[str, Standing], after: Mapping[str, Standing], look: _Look) -> None:
        for name, standing in after.items():
            was = before[name].state if name in before else ""
            # One that begins again before it was told to be over, and then does not, has rung only once.
            if standing.state not in (was, PENDING) and not (standing.state == RESOLVED and was == PENDING):
                self._note(look, standing.state, standing)
        for name, standing in before.items():
            if name not in after and standing.state == FIRING:
                self._note(look, RESOLVED, standing)

    async def _act(self, known: State, look: _Look) -> None:
        rules = look.settings.rules
        # A wider one leaves it to this one where it can't do it itself: an account's names no template.
        covering = {
            key: each
            for key, each in firing(known.standings).items()
            if acting.can(each, rules.find(each.kind, each.labels))
        }
        for name, standing in list(known.standings.items()):
            rule = rules.find(standing.kind, standing.labels)
            if not acting.is_asked(standing, rule) or self._is_silent(standing, covering, look):
                continue
            known.acts = acting.recent(known.acts, look.now_ms)
            if len(known.acts) >= look.settings.actions_per_hour:
                outcome, is_done = (
                    f"{rule.action}: not done, {len(known.acts)} in this hour already · 已达每小时上限",
                    False,
                )
            else:
                why = f"alarm {standing.id}: {texts.sentence(standing, rule, 'zh')}"
                up = self._facts.look.carriers_up if self._facts.look is not None else None
                is_done, outcome = await acting.act(self._desk, standing, rule, why, up)
            if is_done:
                known.acts.append(look.now_ms)
            known.standings[name] = acted = replace(standing, acted=outcome)
            self._note(look, "acted" if is_done else "not_acted", acted, outcome=outcome)

    async def _tell(self, known: State, look: _Look) -> None:
        due = {
            name: items
            for name, channel in look.settings.channels.items()
            if (items := self._due(channel, known, look))
            and self._real_ms() >= known.channels.get(name, ChannelState()).next_ms
        }
        if not due:
            return
        answers = await asyncio.gather(*(self._send(look, look.settings.channels[name], due[name]) for name in due))
        for (name, items), why in zip(due.items(), answers, strict=True):
            self._heard(known, look, name, items, why)

    def _due(self, channel: ChannelSettings, known: State, look: _Look) -> list[Item]:
        at = from_ms(look.now_ms).astimezone(self._desk.zone)
        minute, covering = at.hour * 60 + at.minute, firing(known.standings)
        found = []
        for standing in known.standings.values():
            rule = look.settings.rules.find(standing.kind, standing.labels)
            if standing.kind == "channel_failing" and dict(standing.labels)["channel"] == channel.name:
                continue
            is_silent = self._is_silent(standing, covering, look)
            news = news_for(channel.listener, standing, rule, look.now_ms, minute, is_silent=is_silent)
            if news:
                found.append(Item(standing, rule, news))
        return found

    async def _send(self, look: _Look, channel: ChannelSettings, items: list[Item]) -> str:
        address = look.settings.console.rstrip("/") + "/#/alarms" if look.settings.console else self._address
        name = self._desk.site.directory.resolve().name
        made = texts.message(items, channel.language, name, self._desk.zone, address)
        return await self._sender.send(channel, made.title, made.body)

    def _heard(self, known: State, look: _Look, name: str, items: list[Item], why: str) -> None:
        channel, real_ms = known.channels.setdefault(name, ChannelState()), self._real_ms()
        if why:
            channel.failures += 1
            channel.failing_ms = channel.failing_ms or real_ms
            channel.next_ms = real_ms + round(wait_s(channel.failures) * 1000)
            if channel.failures == 1:
                look.events.append({"at_ms": look.now_ms, "what": "channel_failed", "channel": name, "outcome": why})
            channel.why = why
            self._told("alarms.channel_failed", {"channel": name, "why": why, "failures": channel.failures})
            return
        if channel.failures:
            look.events.append({"at_ms": look.now_ms, "what": "channel_back", "channel": name})
        known.channels[name] = ChannelState(arrived_ms=real_ms)
        for item in items:
            known.standings[item.standing.id] = heard(known.standings[item.standing.id], name, item.news, look.now_ms)
        self._told("alarms.told", {"channel": name, "alarms": len(items)})

    def _forget(self, known: State, settings: AlarmSettings) -> None:
        """What nobody needs any more: ends that were told, channels that are gone."""
        listeners = {name: each.listener for name, each in settings.channels.items()}
        standings = {name: without_strangers(each, listeners) for name, each in known.standings.items()}
        known.standings = {name: each for name, each in standings.items() if each.state != RESOLVED or each.told}
        known.channels = {name: each for name, each in known.channels.items() if name in settings.channels}

    def _is_silent(self, standing: Standing, covering: Mapping[Any, Standing], look: _Look) -> bool:
        return is_covered(standing, covering) or silence_of(standing, look.silences, look.now_ms) is not None

    def _note(self, look: _Look, what: str, standing: Standing, outcome: str = "") -> None:
        event = {
            "at_ms": look.now_ms, "what": what, "id": standing.id, "kind": standing.kind,
            "labels": [list(pair) for pair in standing.labels], "value": standing.value,
            "threshold": standing.threshold, "volume": standing.volume, "since_ms": standing.bad_ms,
        }  # fmt: skip
        look.events.append({**event, "outcome": outcome} if outcome else event)
        fields = {"alarm": standing.id, "value": round(standing.value, 4), "threshold": standing.threshold}
        self._told(f"alarms.{what}", {**fields, "outcome": outcome} if outcome else fields)
