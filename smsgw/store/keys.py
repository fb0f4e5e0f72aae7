"""Every key name in Redis, and which partition a thing belongs to.

Owns the names; the Lua scripts get theirs from ``LUA_NAMES`` below, so a name is written once.
All keys of one partition share the hash tag ``{pNN}`` and so one slot of a Redis Cluster.
Changing a name or the partition functions is a migration: raise ``SCHEMA``.

| key | type | holds |
|---|---|---|
| ``{p}:mt:<carrier>:<lane>`` | stream, group ``edge`` | accepted messages; field ``m`` = sealed envelope |
| ``{p}:out:<account>`` | stream, group ``edge`` | receipts and MO; see ``outbound`` |
| ``{p}:part:<stream>`` | hash | how many messages wait in a stream, and which of an entry are settled |
| ``{p}:held``, ``{p}:heldmsg`` | zset by due ms, hash | deferred messages: id → sealed envelope |
| ``{p}:parked:<lot>``, ``{p}:lotof``, ``{p}:lots`` | zset, hash, set | parked: ids by acceptance · id → lot · lots |
| ``{p}:pace:<lot>`` | hash | how fast a lot is let go |
| ``{p}:c:<hash>``, ``{p}:who:<hash>`` | string | a recipient's counters · what is known of it |
| ``{p}:quota:<account>:<bucket>`` | string | messages of an account's day or month leased to processes |
| ``{p}:rate:<account>`` | string | an account's token bucket, and which process holds how much of it; lives seconds |
| ``{p}:binds:<account>``, ``{p}:bound`` | hash | process → an account's binds there · until when it is believed |
| ``{p}:rcpt:<carrier>:<cid>``, ``{p}:early:<carrier>:<cid>`` | string, list | carrier's id → ours · early receipts |
| ``{p}:deciding:<carrier>:<cid>`` | string | a failure of this id is being decided on by some process |
| ``{p}:gather:<message id>`` | hash | parts of a message that a carrier has under several ids |
| ``{p}:tally:<carrier>`` | hash | messages that wait for a receipt, receipts for their message, by the minute |
| ``{p}:idforms`` | hash | carrier → how it writes its message ids, as learnt; partition 0 |
| ``{p}:st:<message id but its last digit>`` | hash | what query_sm answers: the rest of the id → state |
| ``{p}:long:<group>``, ``{p}:longdue`` | hash, zset | segments waiting for the rest |
| ``{p}:done:<slot>`` | string | the last reply of one caller, for replay |
| ``{p}:reg:<kind>``, ``{p}:regfeed`` | hash, stream | a register: id → document · its changes; partition 0 |
| ``{p}:regbulk`` | hash | kinds of which a bulk change is under way; partition 0 |
| ``{p}:ported`` | stream | numbers that went to another network, sealed; partition 0 |
| ``{p}:fleet`` | hash | process → version of the site it runs, and when it said so · its files; partition 0 |
| ``{p}:audit``, ``{p}:audithead`` | stream, hash | who changed what · number and hash of the last entry; partition 0 |
| ``{p}:builds``, ``{p}:upgrade`` | hash, string | process → version of smsgw · who upgrades the store; partition 0 |
| ``{p}:nodes``, ``{p}:lease:<carrier>`` | hash | processes that live · whose each bind is; partition 0 |
| ``{p}:ranks`` | hash | process → its rank among those that live, for numbers that no two may give; partition 0 |
| ``{p}:links`` | hash | short link's token → what it is for and where it leads, sealed; partition 0 |
| ``{p}:alarms:<what>`` | string, hash, list | alarms: turn, state, what staff said, history; partition 0 |
| ``{p}:proved`` | zset | marks of passwords that were proved, by when; partition 0 |
| ``{p}:session:<person>:<hash>`` | string | who is signed in to the console, by a hash of their cookie; partition 0 |
| ``{p}:sessions:<person>``, ``{p}:code:<person>:<n>`` | zset, string | a person's sessions · a used code; partition 0 |
| ``{p}:hwm:<consumer>``, ``{p}:events``, ``{p}:meta`` | hash, stream, hash | marks · changes of facts · schema |
"""

from __future__ import annotations

from zlib import crc32

SCHEMA = 1
MAX_PARTITIONS = 256
REGISTERS = 0
"""The partition of what is one for the whole fleet: registers, their feed of changes, the audit log."""
LEASES = 0
"""The partition of who lives, and whose the carriers' binds are."""
GROUP = "edge"
"""The one consumer group of every stream."""
_STATE_HEAD = 19

LUA_NAMES = {
    "KEY_MT": ":mt:",
    "KEY_OUT": ":out:",
    "KEY_HELD": ":held",
    "KEY_HELDMSG": ":heldmsg",
    "KEY_CAP": ":c:",
    "KEY_WHO": ":who:",
    "KEY_RCPT": ":rcpt:",
    "KEY_EARLY": ":early:",
    "KEY_DECIDING": ":deciding:",
    "KEY_GATHER": ":gather:",
    "KEY_TALLY": ":tally:",
    "KEY_ST": ":st:",
    "KEY_LONG": ":long:",
    "KEY_LONGDUE": ":longdue",
    "KEY_DONE": ":done:",
    "KEY_EVENTS": ":events",
    "KEY_HWM": ":hwm:",
    "KEY_NODES": ":nodes",
    "KEY_LEASE": ":lease:",
    "KEY_PARKED": ":parked:",
    "KEY_LOTOF": ":lotof",
    "KEY_LOTS": ":lots",
    "KEY_PACE": ":pace:",
    "KEY_QUOTA": ":quota:",
    "KEY_RATE": ":rate:",
    "KEY_BINDS": ":binds:",
    "KEY_BOUND": ":bound",
    "KEY_LINKS": ":links",
    "KEY_RANKS": ":ranks",
    "KEY_REG": ":reg:",
    "KEY_REGBULK": ":regbulk",
    "KEY_REGFEED": ":regfeed",
    "KEY_ALARMS": ":alarms",
    "KEY_AUDIT": ":audit",
    "KEY_AUDITHEAD": ":audithead",
}
"""Name in a script → what follows the tag. A script gets those that it mentions."""


def tag(partition: int) -> str:
    """``{p07}`` for partition 7: the first and only KEYS entry of every script call."""
    return f"{{p{partition:02x}}}"


TAGS = tuple(tag(number) for number in range(MAX_PARTITIONS))


def partition_of_key(key: str) -> int:
    """The partition of a whole key such as ``{p07}:mt:alpha:0``. Raises ValueError for other text."""
    if key[:2] != "{p" or key[4:5] != "}":
        raise ValueError(f"not a key of ours: {key!r}")
    return int(key[2:4], 16)


def home(message_id: str, partitions: int) -> int:
    """The partition that a message id itself names: where its state is, and where its message is looked for first.

    Its first two hex digits are the partition of its recipient, by the number of partitions there were when it was
    made. After that number was changed the message itself may lie elsewhere, see ``Held``. Raises ValueError.
    """
    return int(message_id[:2], 16) % partitions


def spread(text: str, partitions: int) -> int:
    """Partition of any text. Stable for ever: changing it needs a migration."""
    return crc32(text.encode()) % partitions if partitions > 1 else 0


def account_partition(system_id: str, partitions: int) -> int:
    """Where an account's out stream lives."""
    return spread(system_id, partitions)


def carrier_partition(carrier: str, cid: str, partitions: int) -> int:
    """Where the receipt map of a carrier's canonical message id lives."""
    return spread(f"{carrier}:{cid}", partitions) if partitions > 1 else 0


def mt(partition: int, carrier: str, lane: int) -> str:
    """Stream of accepted messages for a carrier; lane 0 otp, 1 notice, 2 marketing."""
    return f"{TAGS[partition]}:mt:{carrier}:{lane}"


def mt_suffix(carrier: str, lane: int) -> str:
    """How admission and settlement name a stream inside a partition: ``alpha:0``."""
    return f"{carrier}:{lane}"


def out(system_id: str, partitions: int) -> str:
    """An account's out stream."""
    return f"{TAGS[account_partition(system_id, partitions)]}:out:{system_id}"


def part(stream: str) -> str:
    """The hash beside a stream, see ``scripts/parts/entries.lua``."""
    return f"{stream[:5]}:part{stream[5:]}"


def cap(partition: int, rhash: str) -> str:
    """A recipient's frequency counters."""
    return f"{TAGS[partition]}:c:{rhash}"


def who(partition: int, rhash: str) -> str:
    """What is known of a recipient: opt-outs, consent, lists, tier."""
    return f"{TAGS[partition]}:who:{rhash}"


def state(message_id: str, partitions: int) -> tuple[str, str]:
    """What query_sm answers for a message id: key and field. Raises ValueError if it is not one of ours.

    Ids that differ in their last digit share a hash, see ``scripts/parts/states.lua``.
    """
    key = f"{TAGS[home(message_id, partitions)]}:st:{message_id[:_STATE_HEAD]}"
    return key, message_id[_STATE_HEAD:]


def rcpt(partition: int, carrier: str, cid: str) -> str:
    """A carrier's id → our message."""
    return f"{TAGS[partition]}:rcpt:{carrier}:{cid}"


def early(partition: int, carrier: str, cid: str) -> str:
    """Receipts that came before their response."""
    return f"{TAGS[partition]}:early:{carrier}:{cid}"


def tally(partition: int, carrier: str) -> str:
    """What of a carrier's messages and receipts waits for the other."""
    return f"{TAGS[partition]}:tally:{carrier}"


def id_forms() -> str:
    """How carriers write their ids, as learnt."""
    return f"{TAGS[REGISTERS]}:idforms"


def held(partition: int) -> str:
    """Ids of deferred messages by due time."""
    return f"{TAGS[partition]}:held"


def heldmsg(partition: int) -> str:
    """Deferred messages by id."""
    return f"{TAGS[partition]}:heldmsg"


def proved(partition: int) -> str:
    """Marks of passwords that were proved, by when; see ``store.proved``."""
    return f"{TAGS[partition]}:proved"


def links() -> str:
    """Where short links lead, by token."""
    return f"{TAGS[REGISTERS]}:links"


def alarms(what: str) -> str:
    """``turn``, ``state``, ``said`` or ``history`` of alarms."""
    return f"{TAGS[REGISTERS]}:alarms:{what}"


def session(person: str, mark: str) -> str:
    """A session of the console."""
    return f"{TAGS[REGISTERS]}:session:{person}:{mark}"


def sessions(person: str) -> str:
    """The marks of a person's sessions, by when they began."""
    return f"{TAGS[REGISTERS]}:sessions:{person}"


def code(person: str, number: int) -> str:
    """That a person's code of some half minute was used."""
    return f"{TAGS[REGISTERS]}:code:{person}:{number}"


def parked(partition: int, lot: str) -> str:
    """Ids of a lot's parked messages by when they were accepted."""
    return f"{TAGS[partition]}:parked:{lot}"


def lots(partition: int) -> str:
    """The lots that have messages."""
    return f"{TAGS[partition]}:lots"


def quota(account: str, bucket: str, partitions: int) -> str:
    """Messages leased of an account's day or month."""
    return f"{TAGS[account_partition(account, partitions)]}:quota:{account}:{bucket}"


def rate(account: str, partitions: int) -> str:
    """An account's token bucket."""
    return f"{TAGS[account_partition(account, partitions)]}:rate:{account}"


def binds(account: str, partitions: int) -> str:
    """How many binds of an account each process has."""
    return f"{TAGS[account_partition(account, partitions)]}:binds:{account}"


def longdue(partition: int) -> str:
    """Groups of segments by expiry."""
    return f"{TAGS[partition]}:longdue"


def long_group(partition: int, group: str) -> str:
    """Segments of one long message."""
    return f"{TAGS[partition]}:long:{group}"


def hwm(partition: int, consumer: str) -> str:
    """One consumer's high-water marks: stream → entry id."""
    return f"{TAGS[partition]}:hwm:{consumer}"


def builds() -> str:
    """Which version of smsgw each process is: node → token of its life, schema, when it said so, version."""
    return f"{TAGS[LEASES]}:builds"


def upgrade() -> str:
    """Who brings the store to another schema just now."""
    return f"{TAGS[REGISTERS]}:upgrade"


def nodes() -> str:
    """Processes that live, or did: node → token of its life, end of its lease (ms, Redis' clock), state."""
    return f"{TAGS[LEASES]}:nodes"


def lease(carrier: str) -> str:
    """Whose the binds of a carrier are: number → owner, end of its lease, state; ``w:<node>`` → who wants some."""
    return f"{TAGS[LEASES]}:lease:{carrier}"


def events(partition: int) -> str:
    """Stream of changes of what is known of recipients."""
    return f"{TAGS[partition]}:events"


def register(kind: str) -> str:
    """A register: id → document with its revision."""
    return f"{TAGS[REGISTERS]}:reg:{kind}"


def register_feed() -> str:
    """Stream of the registers' changes."""
    return f"{TAGS[REGISTERS]}:regfeed"


def ported() -> str:
    """Stream of numbers that carriers said have gone to another network."""
    return f"{TAGS[REGISTERS]}:ported"


def fleet() -> str:
    """Which version of the site each process runs, by the name of its node."""
    return f"{TAGS[REGISTERS]}:fleet"


def audit() -> str:
    """Stream of audit entries; an entry's number is its id's first part."""
    return f"{TAGS[REGISTERS]}:audit"


def audit_head() -> str:
    """Number and hash of the last audit entry."""
    return f"{TAGS[REGISTERS]}:audithead"


def meta(partition: int) -> str:
    """Schema version and number of partitions."""
    return f"{TAGS[partition]}:meta"


def done(partition: int, slot: str) -> str:
    """The last call of one caller with its reply."""
    return f"{TAGS[partition]}:done:{slot}"
