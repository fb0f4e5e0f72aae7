"""The archive of records for people: what it is told of the site, one recipient's records and their erasure,
statistics.

Owns: who may, and the audit entries. Files and figures are ``records.archive``'s, which is loaded by whoever asks for
it. Everybody with any role may look at figures; a recipient's messages in full are for compliance, with a reason.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from smsgw.clock import from_ms, to_ms
from smsgw.config.number_plan import province_table
from smsgw.config.site import Site
from smsgw.errors import RequestError, StoreError
from smsgw.policy.model import CLASS_LABELS
from smsgw.policy.number_plan import planned_network
from smsgw.records.archive.knowledge import Enclosed, Keys, Knowledge
from smsgw.records.history import ARCHIVE, GROUPS, Asked, Embedded, Figures, History
from smsgw.records.record import HOUR_MS, as_dict
from smsgw.services.desk import Desk, one_of
from smsgw.services.recipients import digits_of, subject
from smsgw.services.review import text_of
from smsgw.store.envelope import Envelope
from smsgw.store.seal import Recipients, Sealer
from smsgw.store.secrets import Secrets

if TYPE_CHECKING:
    from smsgw.records.archive.keeper import Keeper
    from smsgw.records.clickhouse.client import Server
    from smsgw.records.clickhouse.verification import Count

_PURPOSE: Final = "records archive"
_DAY_MS: Final = 24 * HOUR_MS


def keys_of(recipients: Recipients, sealer: Sealer) -> Keys:
    """The keys of a site's archive."""
    return Keys(recipients.key_for(_PURPOSE), sealer.seal, sealer.open)


def knowledge_of(site: Site, sealer: Sealer) -> Knowledge:
    """What the archive is told of the site."""
    tables = {name: each.failover_policy(site.codes).codes for name, each in site.carriers.items()}

    def price(carrier: str, network: str) -> float:
        settings = site.carriers.get(carrier)
        return settings.costs.get(network, settings.cost) if settings is not None else 0.0

    def code_class(carrier: str, status: int, codes: tuple[str, ...]) -> str:
        table = tables.get(carrier)
        if table is None:
            return ""
        found = table.of_answer(status, codes[0]) if status else table.classify(codes)
        return found.value if found is not None else ""

    def enclosed(blob: bytes) -> Enclosed | None:
        try:
            found = Envelope.unpack(sealer.open(blob))
        except StoreError:
            return None
        # A gateway looks for provinces only where its routes ask for them.
        network = found.network or planned_network(found.recipient)
        province = found.province or province_table().find(found.recipient)
        return Enclosed(
            found.recipient, found.source_addr, found.template, found.campaign, network, province, tuple(found.pdus),
            tuple(found.message_ids),
        )  # fmt: skip

    def opened(blob: bytes) -> bytes | None:
        try:
            return sealer.open(blob)
        except StoreError:
            return None

    departments = {name: each.department for name, each in site.accounts.items()}
    return Knowledge(departments, price, code_class, enclosed, site.clock.mode == "real", opened)


def history_of(site: Site, threads: int = 2, memory: str = "1GB") -> History:
    """All records of a site, by what it is configured to keep them with. Belongs to one thread at a time.

    ``threads`` and ``memory``: what questions may use of this machine.
    """
    server = clickhouse_of(site)
    if server is None:
        return Embedded(site.records_dir, threads, memory)
    from smsgw.records.clickhouse.history import ClickHouse

    return ClickHouse(server, site.records_dir, threads, memory)


def clickhouse_of(site: Site) -> Server | None:
    """The ClickHouse of a site; None where it has none."""
    settings = site.file.records.clickhouse
    if settings is None:
        return None
    from smsgw.records.clickhouse.client import Server

    return Server(
        settings.url, settings.database, settings.user, settings.password_file, settings.timeout_s, settings.ca
    )


def keeper_of(site: Site, secrets: Secrets, now_ms: Callable[[], int]) -> Keeper:
    """The keeper of a site's archive. Raises OSError."""
    from smsgw.records.archive.keeper import Keeper

    sealer = secrets.sealer()
    keys = keys_of(secrets.hasher(), sealer)
    kept_ms = site.file.records.keep_days * _DAY_MS
    keeper = Keeper(site.records_dir, knowledge_of(site, sealer), keys, now_ms, kept_ms)
    server = clickhouse_of(site)
    if server is not None:
        from smsgw.records.clickhouse.client import Client
        from smsgw.records.clickhouse.shipping import Shipper

        client = Client(server)
        keeper.sends_with(lambda connection: Shipper(client, keeper.directory, keys, connection))
    return keeper


def prepare_clickhouse(site: Site) -> str:
    """Make the tables, or bring them to this version; says what was done.

    Raises RequestError where there is no ClickHouse, and OSError.
    """
    server = clickhouse_of(site)
    if server is None:
        why = f"{site.directory}/smsgw.toml has no [records.clickhouse], so records are kept in files alone"
        raise RequestError("missing", why)
    from smsgw.records.clickhouse.client import Client
    from smsgw.records.clickhouse.schema import VERSION, migrate

    client = Client(server)
    try:
        before = migrate(client)
    finally:
        client.close()
    done = "has been ready" if before == VERSION else "is ready now" if not before else f"was of version {before}"
    return f"{server.url}: the database {server.database} {done}; its tables are of version {VERSION}"


def in_clickhouse(site: Site, keys: Keys) -> Count | None:
    """What a site's ClickHouse has of this machine's archive; None where the site has none. Raises OSError."""
    server = clickhouse_of(site)
    if server is None:
        return None
    from smsgw.records.clickhouse.client import Client
    from smsgw.records.clickhouse.verification import compare

    client = Client(server)
    try:
        return compare(client, site.records_dir / ARCHIVE, keys)
    finally:
        client.close()


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure came to."""

    files: int
    records: int


async def disclose(desk: Desk, number: str, *, why: str) -> list[str]:
    """Everything that the archive has of a recipient, as lines of JSON, oldest first. With the texts, and in
    hexadecimal the PDUs of the carrier's leg that were kept.
    """
    desk.require("compliance")
    digits = digits_of(desk, number)
    await desk.audit("records.disclose", subject(desk, digits), why)
    keys = keys_of(desk.store.recipients, desk.store.sealer)
    rhash = desk.store.recipients.hash(digits)
    found = await asyncio.to_thread(history_of(desk.site).of_recipient, rhash, keys)
    lines = []
    for kept in found:
        shown: dict[str, Any] = {**as_dict(kept.record)}
        if kept.number:
            shown |= {"number": kept.number, "text": text_of(list(kept.pdus))}
        elif kept.pdus:
            shown["pdu"] = kept.pdus[0].hex()
        lines.append(json.dumps(shown, ensure_ascii=False, default=str))
    return lines


async def erase(desk: Desk, number: str, keeper: Keeper, *, why: str) -> Erased:
    """Take a recipient's number and messages out of the archive. What the rules need of them, opt-outs above all,
    stays.
    """
    from smsgw.records.archive.person import erase as erase_from

    desk.require("compliance")
    digits = digits_of(desk, number)
    keys = keys_of(desk.store.recipients, desk.store.sealer)
    await desk.audit("records.erase", subject(desk, digits), why)
    files, records = await asyncio.to_thread(erase_from, keeper, desk.store.recipients.hash(digits), keys)
    await desk.audit("records.erased", subject(desk, digits), why, files=files, records=records)
    return Erased(files, records)


def asked_of(
    desk_zone: Any, by: Sequence[str], since: str, until: str, where: dict[str, str], *, now_ms: int, latencies: bool
) -> Asked:
    """A question as people write it. ``since`` and ``until`` are ISO 8601 in the zone; without one: since a day ago."""
    for name in by:
        one_of("by", name, GROUPS)
    wanted: list[tuple[str, str | int]] = []
    for name, value in where.items():
        wanted.append(
            (name, CLASS_LABELS.index(one_of(name, value, CLASS_LABELS)) if name == "message_class" else value)
        )
    since_ms = _hour("since", since, desk_zone) if since else (now_ms - _DAY_MS) // HOUR_MS * HOUR_MS
    until_ms = _hour("until", until, desk_zone) if until else None
    offset = from_ms(since_ms).astimezone(desk_zone).utcoffset()
    offset_ms = int(offset.total_seconds() * 1000) if offset is not None else 0
    return Asked(tuple(by), since_ms, until_ms, tuple(wanted), offset_ms, latencies)


def _hour(field: str, value: str, zone: Any) -> int:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        why = f"{field}: {value!r} is neither a day such as 2026-11-18 nor an hour such as 2026-11-18T10:00"
        raise RequestError("invalid", why) from None
    at_ms = to_ms(at if at.tzinfo is not None else at.replace(tzinfo=zone))
    if at_ms % HOUR_MS:
        raise RequestError("invalid", f"{field}: {value!r} is not the beginning of an hour, which figures are kept by")
    return at_ms


def figures(site: Site, asked: Asked) -> list[Figures]:
    """The figures that the archive has. Raises RequestError where there is none, and OSError."""
    if clickhouse_of(site) is None and not (site.records_dir / ARCHIVE).exists():
        raise RequestError("missing", f"{site.records_dir} has no archive yet; `smsgw archive keep` makes it")
    return history_of(site).statistics(asked)
