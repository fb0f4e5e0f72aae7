"""Vendor TLVs of a submit_sm or data_sm: what an application may say of a message beside its text.

Owns their tags, their form (UTF-8, a NUL at the end is taken off, at most ``MAX_OCTETS``) and what a malformed one
means: ESME_RINVOPTPARAMVAL, for a message that went out under other caps than its sender meant can't be had back.
Never decides what a name stands for; a name that nobody knows is the rules' affair.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from smsgw.errors import RecoverableError
from smsgw.gateway.views import View
from smsgw.smpp.constants import CommandStatus

TAG_TIER: Final = 0x1410
"""The recipient's tier (a name of the profile), which picks other caps below the ceiling."""
TAG_CAMPAIGN: Final = 0x1411
"""The campaign that the message belongs to; its template's own goes before it."""
TAG_AUDIENCE: Final = 0x1412
"""The audience segment that caps of scope ``segment`` count by."""
MAX_OCTETS: Final = 64


class Tags(NamedTuple):
    """Empty for what was not said."""

    tier: str = ""
    campaign: str = ""
    audience: str = ""


NO_TAGS: Final = Tags()


def read_tags(view: View) -> Tags:
    """The vendor TLVs of a message. Raises RecoverableError for one that is no name."""
    tlvs = view.tlvs
    if not len(tlvs):
        return NO_TAGS
    first = tlvs.first
    values = first(TAG_TIER), first(TAG_CAMPAIGN), first(TAG_AUDIENCE)
    return NO_TAGS if values == _NOTHING else Tags(*map(_name, values))


_NOTHING: Final = (None, None, None)


def _name(value: bytes | None) -> str:
    if not value:
        return ""
    octets = value.rstrip(b"\0")
    try:
        name = octets.decode("utf-8")
    except UnicodeDecodeError:
        name = "\0"
    if len(octets) > MAX_OCTETS or not name.isprintable():
        raise RecoverableError(CommandStatus.ESME_RINVOPTPARAMVAL, "a vendor TLV is not a name of up to 64 octets")
    return name
