"""Short links on their way into messages: their tokens, durable before a message that has them is accepted.

Owns: the tokens that this process knows to be in the store, and messages that wait for one that is not. The envelope
keeps what the application sent, and what stands instead of its links; ``outgoing`` makes the text that leaves.
What can go wrong: another link has the same token: the next one is tried. The store is away: the message is refused as
by rule 19. A message that can be given no other text (odd octets, headers of its own) keeps its links.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from smsgw.errors import StoreError
from smsgw.gateway.submission import template_name
from smsgw.gateway.views import view_of
from smsgw.policy.short_links import (
    Identity,
    Place,
    identities,
    is_target,
    rewritten,
    sender,
    with_shorts,
    written_links,
)
from smsgw.smpp.retext import retexted, surely_one
from smsgw.store.links import KEY_PURPOSE, Links, NewLink, StoredLink, real_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsgw.gateway.context import Context
    from smsgw.policy.model import Draft
    from smsgw.policy.short_links import ShortLinks
    from smsgw.smpp.convert import Converted

RENEWED_AFTER_MS: Final = 86_400_000
"""A link that is used for longer is written again, so that it works long enough after its last message."""
KNOWN_LIMIT: Final = 100_000
_TRIES: Final = 8
_NOT_KNOWN: Final = ("", 0)

_Key: TypeAlias = tuple[tuple[str, int, str, str, str], str, str]
"""Who sends, the link as it is written, and what stands before a token."""
Then = Callable[[StoreError | None], None]


def shortened(pdus: Sequence[bytes], places: Sequence[Place]) -> Converted | None:
    """The PDUs of a message with its short links; None where it can't be given another text."""
    return retexted([view_of(pdu) for pdu in pdus], lambda text: rewritten(text, places))


class _Wait:
    """A message that waits for some links, and what to do then."""

    __slots__ = ("left", "then", "why")

    def __init__(self, left: int, then: Then) -> None:
        self.left = left
        self.then = then
        self.why: StoreError | None = None


class _Asked:
    """A link under way to the store, and who waits for it."""

    __slots__ = ("again", "identity", "key", "shape", "waits")

    def __init__(self, key: _Key, identity: Identity, shape: ShortLinks, wait: _Wait) -> None:
        self.key = key
        self.identity = identity
        self.shape = shape
        self.waits = [wait]
        self.again = 0


class ShortLinkDesk:
    """``links`` is set by the gateway; ``ready`` is asked of each draft that has links."""

    links: Links

    def __init__(self, context: Context) -> None:
        self._context = context
        self._key = context.store.recipients.key_for(KEY_PURPOSE)
        #: The short link, and until when it need not be written again.
        self._known: dict[_Key, tuple[str, int]] = {}
        self._asked: dict[_Key, _Asked] = {}

    @property
    def waiting(self) -> int:
        """Links under way to the store."""
        return len(self._asked)

    def ready(self, draft: Draft, pdus: Sequence[bytes], then: Then) -> bool:
        """Whether the links of a judged draft are known; sets what stands in their places, and its segments.

        False: ``then(None)`` follows when it should be judged once more, or ``then(StoreError)``.
        """
        shape = self._context.rules[draft.account].rules.account.short_links
        assert shape is not None
        at_ms, known = real_ms(), self._known
        who, written = sender(draft, template_name(draft)), written_links(draft)
        shorts = []
        for link in written:
            short, renew_ms = known.get((who, link, shape.base), _NOT_KNOWN)
            if at_ms >= renew_ms or len(short) != shape.chars:
                return self._unknown(draft, shape, then, at_ms)
            shorts.append(short)
        places = with_shorts(draft.links or (), shorts)
        if len(pdus) == 1 and surely_one(view_of(pdus[0]), draft.text, "".join(written), "".join(shorts)):
            draft.segments = 1
        else:
            made = shortened(pdus, places)
            if made is None:
                return self._stay(draft, then)
            draft.segments = sum(made.segments)
        draft.links = places
        return True

    def stored(self, items: list[NewLink], replies: list[bool] | StoreError) -> None:
        """Called once for each batch: the links are durable, or have another's token."""
        for number, item in enumerate(items):
            asked = cast(_Asked, item.context)
            if isinstance(replies, StoreError):
                self._over(asked, replies)
            elif replies[number]:
                if len(self._known) >= KNOWN_LIMIT:
                    self._known.clear()
                short = asked.shape.base + item.link.token
                self._known[asked.key] = short, real_ms() + RENEWED_AFTER_MS
                self._over(asked, None)
            elif asked.again < _TRIES:
                asked.again += 1
                self._put(asked)
            else:
                self._over(asked, StoreError("no token is free for a short link"))

    # -- inside

    @staticmethod
    def _stay(draft: Draft, then: Then) -> bool:
        """Its links stay: it is judged again with the length that it has then."""
        draft.links = None
        then(None)
        return False

    def _unknown(self, draft: Draft, shape: ShortLinks, then: Then, at_ms: int) -> bool:
        """Some of its links are not known to be in the store, or not for long enough: they are put there."""
        template = template_name(draft)
        who, asked = sender(draft, template), identities(draft, template, shape)
        if not all(is_target(each.url) for each in asked):
            return self._stay(draft, then)
        missing = {}
        for link, identity in zip(written_links(draft), asked, strict=True):
            key = who, link, shape.base
            short, renew_ms = self._known.get(key, _NOT_KNOWN)
            if at_ms >= renew_ms or len(short) != shape.chars:
                missing[key] = identity
        wait = _Wait(len(missing), then)
        for key, identity in missing.items():
            if (under_way := self._asked.get(key)) is not None:
                under_way.waits.append(wait)
            else:
                new = self._asked[key] = _Asked(key, identity, shape, wait)
                self._put(new)
        return False

    def _put(self, asked: _Asked) -> None:
        identity, shape = asked.identity, asked.shape
        token = identity.token(self._key, shape.token_chars, asked.again)
        until_ms = real_ms() + shape.keep_ms + RENEWED_AFTER_MS
        self.links.put(NewLink(asked, identity.mark, StoredLink(token, *identity, until_ms=until_ms)))

    def _over(self, asked: _Asked, why: StoreError | None) -> None:
        self._asked.pop(asked.key, None)
        for wait in asked.waits:
            wait.left -= 1
            wait.why = wait.why or why
            if wait.left == 0:
                wait.then(wait.why)
