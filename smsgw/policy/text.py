"""Text for comparison: what people read as the same becomes the same string.

Owns: normalisation (NFKC, traditional → simplified, case, look-alike letters; spaces, punctuation, symbols,
marks and zero-width characters removed). Never for display and never for sending: it loses most of a text.
Invariants: idempotent; every character is folded by itself, so a part of a text is folded like the whole,
but for Hangul jamo that a removed character kept apart.
What can go wrong: two different words may fold to one (乾 and 干); lists are made with that in mind.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from smsgw.policy.simplified import SIMPLIFIED

_MEMO_LIMIT: Final = 20_000

# Zero-width, blank or filling, though their category says letter or symbol.
_INVISIBLE: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Cn (unassigned) stays: a new Han character must not vanish from between two others.
_REMOVED: Final = frozenset(("Cc", "Cf", "Cs", "Mn", "Me", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps",
                             "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs"))  # fmt: skip

# Each pair of strings: what is written, and what is read. Upper case decides for Greek and Cyrillic, because
# a word such as TD is typed in capitals: Н reads as H in both cases.
_READ_AS: Final = (
    ("АВЕЅІЈКМНОРСТУҮХԀԌԚԜҺ", "abesijkmhopctyyxdgqwh"),  # Cyrillic
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhikmnoptyx"),  # Greek
    ("ՕՏ", "os"),  # Armenian
    ("ᎠᎡᎢᎪᎫᎬᎷᎻᏀᏃᏒᏙᏚᏞᏟᏢᏦᏔᏎ", "drtajemhgzrvslcpkw4"),  # Cherokee
    ("ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "bpdtgkjczfmnlsrvhwxyaeiou"),  # Lisu
    ("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz"),  # small capitals
    ("ÐĐƉŦƬØŁɌꓸ", "dddttolr."),  # strokes and hooks
    ("ıɑɡƖ", "iagi"),
    ("❶❷❸❹❺❻❼❽❾➀➁➂➃➄➅➆➇➈➊➋➌➍➎➏➐➑➒⓿", "1234567891234567891234567890"),
    ("囘囬収佪", "回回收回"),
)
# 🅐… 🅰… and the letters that flags are made of; 🄰 and Ⓐ are NFKC's.
_LETTER_BLOCKS: Final = (0x1F150, 0x1F170, 0x1F1E6)


def _look_alikes() -> dict[str, str]:
    table: dict[str, str] = {}
    for written, read in _READ_AS:
        for there, here in zip(written, read, strict=True):
            table[there] = here
            table[there.casefold()] = here
    for first in _LETTER_BLOCKS:
        for place in range(26):
            table[chr(first + place)] = chr(ord("a") + place)
    return table


_LOOK_ALIKES: Final = _look_alikes()


def _fold_once(char: str) -> str:
    read = _LOOK_ALIKES.get(char)
    if read is not None:
        return read
    here = SIMPLIFIED.get(ord(char))
    if here is not None:
        return here
    category = unicodedata.category(char)
    if category in _REMOVED or char in _INVISIBLE:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    base = unicodedata.normalize("NFD", char)[0]
    if base < "\u0530":  # é reads as e; a Japanese が must not become か
        char = base
    return char.casefold()


def _fold(char: str) -> str:
    # One folding may open the way for another (Ⅷ → VIII → viii), so repeat until nothing changes; three times do
    # today, and a bound keeps a later Unicode's surprise from stopping the gateway.
    for _ in range(8):
        folded = "".join(map(_fold_once, unicodedata.normalize("NFKC", char)))
        if folded == char:
            break
        char = folded
    return char


class _Folding(dict[int, str]):
    """The table for ``str.translate``, filled by what texts bring and bounded, since they may bring all of Unicode."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if len(self) >= _MEMO_LIMIT:
            self.clear()  # else whoever fills it with rare characters makes every later text slow
        self[code] = folded
        return folded


_FOLDING: Final = _Folding()


def normalise(text: str) -> str:
    """The text as it is compared: ``ＴＤ``, ``t d``, ``🅣🅓`` and ``ТＤ。`` are all ``td``; ``退訂！`` is ``退订``.

    May be empty: then nothing readable was in it, and it equals no word.
    """
    # NFKC of each character is in the table already; what is left are letters with their marks apart, which are rare.
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    folded = text.translate(_FOLDING)
    if unicodedata.is_normalized("NFC", folded):
        return folded
    return unicodedata.normalize("NFC", folded)


def last_folded(text: str, end: int) -> str:
    """The last character of ``normalise(text[:end])`` that comes from a visible one, or "" when there is none.

    A cheap look before normalising: most texts don't end like any phrase.
    """
    while end > 0:
        end -= 1
        folded = _FOLDING[ord(text[end])]
        if folded:
            return folded[-1]
    return ""


def fold_kept(text: str) -> str:
    """Like ``normalise``, but punctuation, symbols and spaces are kept, each in its plain form (， as a comma)."""
    return text.casefold()
