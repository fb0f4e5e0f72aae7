"""What a running gateway says of itself: /status and /readyz, and the gauges read at scrape time.

Everything here is called from the ops port's thread: it reads and never changes anything.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from smsgw import __version__
from smsgw.compiled import HOW
from smsgw.gateway.choice import NO_BIND_UP
from smsgw.gateway.context import LANE_LABELS
from smsgw.policy.orders import in_force
from smsgw.smpp.receipt import STAT_WORDS

if TYPE_CHECKING:
    from smsgw.app import App
    from smsgw.carrier.bind import Bind
    from smsgw.carrier.pool import Pool
    from smsgw.esme.account import Account
    from smsgw.esme.session import EsmeSession
    from smsgw.gateway.context import Context


class Status:
    """Snapshots of one application."""

    def __init__(self, app: App) -> None:
        self._app = app

    def not_ready(self) -> dict[str, str]:
        """What keeps traffic from being welcome."""
        missing = {}
        if not self._app.store_up:
            missing["store"] = "Redis can't be reached"
        if self._app.gateway.context.closing:
            missing["app"] = "shutting down"
        elif not self._app.started:
            missing["app"] = "starting"
        pools = self._app.gateway.context.pools.values()
        if pools and not any(pool.up or pool.elsewhere for pool in pools):
            missing["carriers"] = "no bind of any carrier is up"
        return missing

    def snapshot(self) -> dict[str, object]:
        """Accounts, carriers and store, as numbers. They come and go with the site's versions while this reads."""
        app = self._app
        gateway = app.gateway
        return {
            "version": __version__,
            "compiled": HOW,
            "node": app.site.node_name,
            "role": app.role,
            "site_version": app.following.reloader.running,
            "business_time": app.clock.now().isoformat(timespec="seconds"),
            "other_nodes": list(gateway.leases.others),
            "not_ready": self.not_ready(),
            "store": {
                "up": app.store_up,
                "server": app.store.server_version,
                "embedded": app.uses_embedded,
                "memory_used": round(app.memory.share, 3),
                "memory_refused": app.memory.refused,
                "replicas": app.store.settings.replicas,
                "replicas_short": app.store.replicas_short,
                "clock_ahead_s": round(app.clock_ahead_s, 3),
                "calls": {
                    commit.name: {"items": commit.items, "waiting": commit.waiting} for commit in gateway.commits
                },
            },
            "registers": gateway.registers_loaded,
            "pauses": self._pauses(),
            "orders": self._orders(),
            "parked": dict(gateway.context.parked_counts),
            "accounts": {
                name: self._account(name, account) for name, account in tuple(gateway.context.accounts.items())
            },
            "carriers": {name: self._carrier(pool) for name, pool in tuple(gateway.context.pools.items())},
            "carrier_ids": {name: gateway.context.carrier_ids.status(name) for name in tuple(gateway.context.pools)},
            "breakers": [each._asdict() for each in gateway.context.health.standings() if each.state != "closed"],
            "records": {"written": app.records.written, "lost": app.records.lost, "failing": app.records.failing},
        }

    def _pauses(self) -> list[dict[str, object]]:
        """What is paused just now, by whom and why."""
        context = self._app.gateway.context
        pauses, now_ms = context.registers.pauses, context.clock.now_ms()
        found = (pauses.of(scope, now_ms) for scope in pauses.scopes)
        return [
            {
                "scope": each.scope,
                "reason": each.reason,
                "who": each.who,
                "since_ms": each.at_ms,
                "ends_ms": each.expires_ms,
            }
            for each in found
            if each is not None
        ]

    def _orders(self) -> list[dict[str, object]]:
        """What staff ordered of carriers, accounts, binds and queues, as far as it is in force here."""
        context = self._app.gateway.context
        now_ms = context.clock.now_ms()
        return [
            {
                "scope": each.scope,
                "action": each.action,
                "reason": each.reason,
                "who": each.who,
                "since_ms": each.at_ms,
                "ends_ms": each.expires_ms,
            }
            for each in context.registers.orders.entries
            if in_force(each, now_ms)
        ]

    def _account(self, name: str, account: Account) -> dict[str, object]:
        counters = self._app.metrics.account(name)
        return {
            "class": LANE_LABELS[account.settings.message_class],
            "in_force": self._app.gateway.context.rules[name].refusal_now(self._app.clock.now_ms()) is None,
            "binds": len(account.sessions),
            "accepted": counters.mt_accepted,
            "refused": dict(counters.refused),
            "receipts_delivered": counters.receipts_delivered,
            "outbox": self._app.gateway.outbox.waiting(name),
            "quota": quota_of(self._app, name),
            "received": counters.mt_received,
            "mo_delivered": counters.mo_delivered,
            "fleet": {
                "binds": self._app.gateway.binds.open(name),
                "rate_per_s": account.slices.rate_per_s,
                "rate_left": round(account.slices.left_of_all(time.monotonic())),
            },
            "links": [_session(session) for session in tuple(account.sessions)],
        }

    def _carrier(self, pool: Pool) -> dict[str, object]:
        counters = self._app.metrics.carrier(pool.name)
        return {
            "binds_up": sum(bind.up for bind in tuple(pool.binds)),
            "binds": len(pool.binds),
            "leased": sum(bind.leased for bind in tuple(pool.binds)),
            "elsewhere": pool.elsewhere,
            "allowed": pool.allowed,
            "in_flight": pool.in_flight,
            "rate_per_s": round(pool.throttle.rate_per_s, 1),
            "slowed": pool.throttle.is_slowed,
            "waiting": dict(zip(LANE_LABELS, self._app.gateway.queues[pool.name].waiting, strict=True)),
            "over_account_rate": self._app.gateway.queues[pool.name].over_account_rate,
            "aged": [label for label, aged in zip(LANE_LABELS, self._aged(pool), strict=True) if aged],
            "codes_wait_s": round(pool.codes_wait_s, 1),
            "submitted": counters.mt_submitted,
            "answered": {f"0x{status:08X}": count for status, count in counters.answered.copy().items()},
            "receipts": {_state(state): count for state, count in counters.receipts.copy().items()},
            "receipts_orphan": counters.receipts_orphan,
            "receipts_never": counters.receipts_never,
            **self._app.gateway.context.overdue.of(pool.name).shown,
            "receipts_early": counters.receipts_early,
            "receipts_duplicate": counters.receipts_duplicate,
            "throttled": counters.throttled,
            "timeouts": counters.response_timeouts,
            "rerouted": counters.mt_rerouted,
            "window": _carrier_window(pool),
            "full_rate_per_s": pool.throttle.full_rate_per_s,
            "why_not": self._why_not(pool),
            "drained": pool.name in self._app.gateway.orders.drained,
            "answered_within_s": dict(counters.answer_latency.cumulative()),
            "links": [
                {**_bind(bind, self._why_down(pool, bind)), "refused": self._refused(pool, bind)}
                for bind in tuple(pool.binds)
            ],
        }

    def _refused(self, pool: Pool, bind: Bind) -> str:
        """The status with which the carrier refuses a bind of ours for good; else empty."""
        failures = self._app.gateway.bind_failures
        return failures.refused_for_good(pool.name, bind.kind, bind.number) if bind.leased and not bind.up else ""

    def _why_not(self, pool: Pool) -> str:
        """Why it is given nothing; of binds that are down what became of the first one's last attempt."""
        why = self._app.gateway.context.choice.why_not(pool.name)
        if why != NO_BIND_UP:
            return why
        return f"{why}: {next((self._why_down(pool, bind) for bind in tuple(pool.binds) if bind.transmits), 'none')}"

    def _why_down(self, pool: Pool, bind: Bind) -> str:
        if bind.up:
            return ""
        if not pool.allowed:
            return "its carrier is drained, or not approved"
        last = self._app.gateway.bind_failures.why(pool.name, bind.kind, bind.number)
        return bind.why_down or last or "connecting"

    def _aged(self, pool: Pool) -> list[bool]:
        return self._app.gateway.queues[pool.name].plan.aged


def _state(number: str) -> str:
    """A message state for people: what the carrier's receipt said in its own words, else the number."""
    return STAT_WORDS.get(int(number), number) if number.isdecimal() else number


def _session(session: EsmeSession) -> dict[str, object]:
    link = session.link
    return {
        "id": session.label,
        "kind": link.session.state.value.removeprefix("bound_"),
        "peer": link.peer,
        "up_s": round(link.now_s - link.bound_s, 1),
        "unanswered": session.unanswered,
        "delivering": len(link.window),
        "version": f"{session.version >> 4}.{session.version & 15}",
    }


def _bind(bind: Bind, why_down: str) -> dict[str, object]:
    link = bind.link
    return {
        "id": bind.label,
        "kind": bind.kind,
        "leased": bind.leased,
        "up": bind.up,
        "why_down": why_down,
        "peer": link.peer if link is not None else "",
        "up_s": round(link.now_s - link.bound_s, 1) if link is not None and bind.up else 0,
        "heard_ago_s": round(max(0.0, time.monotonic() - link.heard_s), 1) if link is not None and bind.up else None,
        "in_flight": bind.in_flight,
        "window": link.window.limit if link is not None else 0,
    }


def watch(app: App) -> None:
    """Register everything that is a state and no count."""
    metrics = app.metrics
    gateway = app.gateway
    for name, account in gateway.context.accounts.items():
        metrics.account(name).watch(
            binds=partial(_binds, account),
            window_used=partial(_window_used, account),
            window_limit=partial(_window_limit, account),
            outbox_waiting=partial(gateway.outbox.waiting, name),
        )
    for name, pool in gateway.context.pools.items():
        metrics.carrier(name).watch(
            binds_up=partial(_binds_up, pool),
            binds_wanted=partial(_binds_wanted, pool),
            in_flight=partial(_in_flight, pool),
            window_limit=partial(_carrier_window, pool),
            rate_tps=partial(_rate, pool),
            queue_waiting=partial(_queue_waiting, app, name),
            codes_wait=partial(_codes_wait, pool),
        )
    _watch_rules(app)
    for commit in gateway.commits:
        labels = {"kind": commit.name}
        metrics.counter("smsgw_store_calls", "Script calls.", labels, partial(getattr, commit, "calls"))
        metrics.counter("smsgw_store_items", "What the calls carried.", labels, partial(getattr, commit, "items"))
        metrics.counter("smsgw_store_call_failures", "Calls given up.", labels, partial(getattr, commit, "failures"))
        metrics.counter("smsgw_store_call_seconds", "Time in calls.", labels, partial(getattr, commit, "busy_s"))
        metrics.gauge("smsgw_store_waiting_items", "Not reported yet.", labels, partial(getattr, commit, "waiting"))
    help_text = "The version of the site that runs here; 0 where it follows none."
    metrics.gauge("smsgw_site_version", help_text, {}, lambda: float(app.following.reloader.running))
    metrics.gauge("smsgw_store_up", "1 while Redis answers.", {}, lambda: float(app.store_up))
    help_text = "Used share of Redis' maxmemory; 0 without a limit."
    metrics.gauge("smsgw_store_memory_used_ratio", help_text, {}, lambda: app.memory.share)
    help_text = "How far this machine's clock is ahead of Redis'; below 0 behind."
    metrics.gauge("smsgw_clock_ahead_seconds", help_text, {}, lambda: app.clock_ahead_s)
    help_text = "Refused for want of memory in Redis: 1 marketing, 2 notices too, 3 codes too."
    metrics.gauge("smsgw_store_memory_stage", help_text, {}, lambda: app.memory.stage)
    help_text = "Calls that fewer replicas had in time than the site asks for."
    metrics.counter("smsgw_store_replicas_short", help_text, {}, lambda: app.store.replicas_short)
    metrics.counter("smsgw_records_written", "Records written.", {}, lambda: app.records.written)
    metrics.counter("smsgw_records_lost", "Records lost to a full disk.", {}, lambda: app.records.lost)
    metrics.gauge("smsgw_traces", "How many look at live PDUs.", {}, lambda: app.doing.tracer.watching)
    metrics.gauge("smsgw_connections_open", "Connections of applications.", {}, lambda: len(app.listener.sessions))


def _watch_rules(app: App) -> None:
    """What waits for a person or for the end of a pause, what is paused, and how much of each quota is used."""
    metrics, context = app.metrics, app.gateway.context
    for kind in ("review", "pause"):
        metrics.gauge(
            "smsgw_parked_messages",
            "Accepted messages that wait for a person (review) or for the end of a pause.",
            {"lot": kind},
            partial(_parked, context, kind),
        )
    metrics.gauge("smsgw_pauses_in_force", "Scopes that are paused.", {}, partial(_paused, context))
    for name, rules in context.rules.items():
        if not rules.has_quota:
            continue
        for period in ("day", "month"):
            labels = {"account": name, "period": period}
            help_text = "Messages leased of an account's quota by all processes."
            metrics.gauge("smsgw_account_quota_used_messages", help_text, labels, partial(_quota, app, name, period, 0))
            help_text = "Messages that an account may send; 0 where nothing limits them."
            metrics.gauge("smsgw_account_quota_messages", help_text, labels, partial(_quota, app, name, period, 1))


def quota_of(app: App, account: str) -> dict[str, list[int]]:
    """By period: messages used, as last read, and the limit; empty for an account without a quota."""
    quotas = app.gateway.context.quotas
    if not app.gateway.context.rules[account].has_quota:
        return {}
    used = quotas.used.get(account, {})
    return {
        "day" if bucket.name[0] == "d" else "month": [used.get(bucket.name, 0), bucket.limit]
        for bucket in quotas.buckets_now(account)
    }


def _quota(app: App, account: str, period: str, which: int) -> float:
    return quota_of(app, account).get(period, [0, 0])[which]


def _parked(context: Context, kind: str) -> float:
    return sum(count for lot, count in context.parked_counts.copy().items() if lot.partition(":")[0] == kind)


def _paused(context: Context) -> float:
    pauses, now_ms = context.registers.pauses, context.clock.now_ms()
    return sum(pauses.of(scope, now_ms) is not None for scope in pauses.scopes)


def _binds(account: Account) -> float:
    return len(account.sessions)


def _window_used(account: Account) -> float:
    return sum(session.unanswered for session in tuple(account.sessions))


def _window_limit(account: Account) -> float:
    return account.settings.window * len(account.sessions)


def _binds_up(pool: Pool) -> float:
    return sum(bind.up for bind in tuple(pool.binds))


def _binds_wanted(pool: Pool) -> float:
    return sum(bind.leased for bind in tuple(pool.binds))


def _in_flight(pool: Pool) -> float:
    return pool.in_flight


def _carrier_window(pool: Pool) -> float:
    return pool.window_total


def _rate(pool: Pool) -> float:
    return pool.throttle.rate_per_s


def _codes_wait(pool: Pool) -> float:
    return pool.codes_wait_s


def _queue_waiting(app: App, name: str) -> Sequence[float]:
    return app.gateway.queues[name].waiting
