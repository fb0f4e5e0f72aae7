"""Text for comparison: what people read as the same becomes the same string.

Owns: normalisation (NFKC, traditional → simplified, case, look-alike letters; marks and zero-width characters removed),
in two forms: ``normalise`` removes spaces, punctuation and symbols too, ``fold_kept`` keeps them in a plain form, and
``squeezed`` leads from the second to the first. Never for display and never for sending: it loses most of a text.
Invariants: idempotent; every character is folded by itself, so a part of a text is folded like the whole,
but for Hangul jamo that a removed character kept apart.
What can go wrong: two different words may fold to one (乾 and 干); lists are made with that in mind.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Callable
from itertools import chain
from typing import Final

from smsgw.policy.native import BMP, IS_COMPILED, scan
from smsgw.policy.simplified import SIMPLIFIED

_MEMO_LIMIT: Final = 20_000
LATELY: Final = 0x3F
"""What is made of a text is kept in the place ``hash(text) & LATELY``, until another text takes it: a campaign sends
one text many times, and several rules ask about it."""

# Zero-width, blank or filling, though their category says letter or symbol.
_INVISIBLE: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Cn (unassigned) stays: a new Han character must not vanish from between two others.
_UNSEEN: Final = frozenset(("Cc", "Cf", "Cs", "Mn", "Me"))
_SPACES: Final = frozenset(("Zl", "Zp", "Zs"))
_SIGNS: Final = frozenset(("Co", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So"))
_CONTROL_SPACES: Final = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85")

# Each pair of strings: what is written, and what is read. Upper case decides for Greek and Cyrillic, because
# a word such as TD is typed in capitals: Н reads as H in both cases.
_READ_AS: Final = (
    ("АВЕЅІЈКМНОРСТУҮХԀԌԚԜҺ", "abesijkmhopctyyxdgqwh"),  # Cyrillic
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϲ", "abezhikmnoptyxcc"),  # Greek
    ("ՕՏ", "os"),  # Armenian
    ("ᎠᎡᎢᎪᎫᎬᎷᎻᏀᏃᏒᏙᏚᏞᏟᏢᏦᏔᏎ", "drtajemhgzrvslcpkw4"),  # Cherokee
    ("ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "bpdtgkjczfmnlsrvhwxyaeiou"),  # Lisu
    ("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz"),  # small capitals
    ("ÐĐƉŦƬØŁɌꓸ", "dddttolr."),  # strokes and hooks
    ("ıɑɡƖ", "iagi"),
    ("❶❷❸❹❺❻❼❽❾➀➁➂➃➄➅➆➇➈➊➋➌➍➎➏➐➑➒⓿", "1234567891234567891234567890"),
    ("囘囬収佪", "回回收回"),
)
# Signs that NFKC leaves alone, in pairs as above. 。 stays: a link's dot may be meant, or the end of a sentence.
_PLAIN_SIGNS: Final = (
    ("、‚､", ",,,"),
    ("【〔〖〘〚⟦】〕〗〙〛⟧", "[[[[[[]]]]]]"),
    ("《〈«‹⟨》〉»›⟩", "<<<<<>>>>>"),
    ("“”„‟〝〞〟「」『』", '"""""""""""'),
    ("‘’‛′‵", "'''''"),
    ("‐‒–—―−⁃﹘➖", "---------"),
    ("〜∼∽", "~~~"),
    ("•‧∙⋅・⸱◦●", "········"),
    ("⁄∕╱⧸", "////"),
    ("∶꞉", "::"),
    ("❗❕❓❔", "!!??"),
    ("➕", "+"),
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
_SIGN_FORMS: Final = {there: here for written, read in _PLAIN_SIGNS for there, here in zip(written, read, strict=True)}


def _fold_once(char: str, keeps_signs: bool) -> str:
    read = _LOOK_ALIKES.get(char)
    if read is not None:
        return read
    here = SIMPLIFIED.get(ord(char))
    if here is not None:
        return here
    category = unicodedata.category(char)
    if category in _SPACES or char in _CONTROL_SPACES:
        return " " if keeps_signs else ""
    # Cn (unassigned) stays: a new Han character must not vanish from between two others.
    if category in _UNSEEN or char in _INVISIBLE:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    base = unicodedata.normalize("NFD", char)[0]
    if category in _SIGNS:
        return _SIGN_FORMS.get(base, base) if keeps_signs else ""
    if base < "\u0530":  # é reads as e; a Japanese が must not become か
        char = base
    return char.casefold()


def _fold(char: str, keeps_signs: bool) -> str:
    char = _LOOK_ALIKES.get(char, char)  # some that NFKC would make another letter of
    # One folding may open the way for another (Ⅷ → VIII → viii), so repeat until nothing changes; three times do
    # today, and a bound keeps a later Unicode's surprise from stopping the gateway.
    for _ in range(8):
        folded = "".join(_fold_once(each, keeps_signs) for each in unicodedata.normalize("NFKC", char))
        if folded == char:
            break
        char = folded
    return char


class _Folding(dict[int, str]):
    """The table for ``str.translate``, filled by what texts bring and bounded, since they may bring all of Unicode."""

    def __init__(self, fold: Callable[[str], str]) -> None:
        super().__init__()
        self._fold = fold

    def __missing__(self, code: int) -> str:
        folded = self._fold(chr(code))
        if len(self) >= _MEMO_LIMIT:
            self.clear()  # else whoever fills it with rare characters makes every later text slow
        self[code] = folded
        return folded


_FOLDING: Final = _Folding(lambda char: _fold(char, False))
_KEEPING: Final = _Folding(lambda char: _fold(char, True))


def _composed(text: str) -> str:
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _others(usual_ascii: str) -> re.Pattern[str]:
    """Finds what may not stay as it is: all but this ASCII, 。, · and those Han that are simplified already."""
    changed = SIMPLIFIED.keys() | {ord(char) for char in _LOOK_ALIKES}
    runs: list[str] = []
    first = 0x4E00
    for code in (*sorted(code for code in changed if 0x4E00 <= code < 0x9FFF), 0xA000):
        if first < code:
            runs.append(f"{chr(first)}-{chr(code - 1)}")
        first = code + 1
    return re.compile(f"[^{usual_ascii}。·{''.join(runs)}]")


_find_unusual: Final = _others(" -~").search
_odd: Final = _others(" -@\\[-~")  # capitals too
_find_odd: Final = _odd.search
_replace_odd: Final = _odd.sub


_ASCII_SIGNS: Final = bytes(code for code in range(0x80) if not chr(code).isalnum())
# The last text and what became of it: several rules ask about one text, one after another.
_SQUEEZED: Final = [("", (b"", b""))]
_OUTLINED: Final = [("", b"")]
_OUTLINE: Final = (
    "".join(
        char if char in " ()-.:/" else "0" if char.isdigit() else "a" if char.islower() else "?"
        for char in map(chr, range(0x80))
    )
    .encode()
    .ljust(0x100, b"?")
)
# UTF-8 of U+4000 to U+9FFF begins with E4 to E9; what follows a first octet is 80 to BF.
_ASCII_AND_HAN: Final = bytes((*range(0xC0), *range(0xE4, 0xEA)))


def _kept(match: re.Match[str]) -> str:
    return _KEEPING[ord(match[0])]


def normalise(text: str) -> str:
    """The text as it is compared: ``ＴＤ``, ``t d``, ``🅣🅓`` and ``ТＤ。`` are all ``td``; ``退訂！`` is ``退订``.

    May be empty: then nothing readable was in it, and it equals no word.
    """
    return squeezed(fold_kept(text)).decode()


def fold_kept(text: str) -> str:
    """Like ``normalise``, but spaces and signs are kept, each as its plain form: ``【保本】，回Ｔ`` is ``[保本],回t``.

    Every kind of space and line end becomes a space. Quick for a text of simplified Han, ASCII and usual punctuation.
    """
    plain = scan.fold(text, READ_BY_ITSELF) if IS_COMPILED else _folded_quickly(text)
    return _composed(_replace_odd(_kept, _composed(_plain_signs(text)))) if plain is None else plain


def _folded_quickly(text: str) -> str | None:
    usual = _plain_signs(text)
    odd = _find_odd(usual)
    if odd is None:
        return usual
    return usual.lower() if _find_unusual(usual, odd.start()) is None else None


def _plain_signs(text: str) -> str:
    # The chain is several times as quick as a table: it runs over the text in C, once for each of few signs.
    return (
        text.replace("，", ",")
        .replace("【", "[")
        .replace("】", "]")
        .replace("！", "!")
        .replace("：", ":")
        .replace("、", ",")
        .replace("；", ";")
        .replace("？", "?")
        .replace("（", "(")
        .replace("）", ")")
        .replace("“", '"')
        .replace("”", '"')
    )


def _table() -> bytes:
    """For ``scan.fold``: what is read for each character that becomes one other and joins with no neighbour; else 0."""
    table = array("H", bytes(2 * BMP))
    han = range(0x4E00, 0xA000)
    table[han.start : han.stop] = array("H", han)
    for code, here in SIMPLIFIED.items():
        if code in han:
            table[code] = ord(here) if ord(here) in han else 0
    signs = chain(range(0x80), (0xB7,), range(0x2010, 0x205F), range(0x3000, 0x302A), range(0xFF01, 0xFF5F))
    for code in chain(signs, map(ord, filter(lambda char: ord(char) in han, _LOOK_ALIKES))):
        here = _KEEPING[code]
        table[code] = ord(here) if len(here) == 1 and ord(here) < BMP else 0
    return table.tobytes()


READ_BY_ITSELF: Final = _table() if IS_COMPILED else b""
"""With it ``scan.fold`` is ``fold_kept`` for most texts."""


def squeezed(plain: str) -> bytes:
    """``normalise`` of a text of which ``plain`` is ``fold_kept``; in UTF-8, as the word lists read it."""
    if IS_COMPILED and (octets := scan.squeezed(plain)) is not None:
        return octets
    return squeezed_ways(plain)[0]


def squeezed_ways(plain: str) -> tuple[bytes, bytes]:
    """``squeezed``, and the same with every character by itself: what a removed one kept apart is not put together.

    Of a part of a text the second is a part of that of the whole, which the first nearly always is. It is the same
    object where both are equal.
    """
    last, ways = _SQUEEZED[0]
    if last is plain:
        return ways
    octets = plain.replace("。", "").encode().translate(None, _ASCII_SIGNS)
    ways = (octets, octets)
    if octets.translate(None, _ASCII_AND_HAN):
        apart = plain.translate(_FOLDING)
        composed = _composed(apart)
        octets = apart.encode()
        ways = (octets, octets) if composed is apart else (composed.encode(), octets)
    _SQUEEZED[0] = (plain, ways)
    return ways


def outline(plain: str) -> bytes:
    """An octet for each character of a text that ``fold_kept`` gave: 0 for a digit, a for a letter, signs that stand in
    links and numbers as they are, ? for all others. To be searched before the text, which takes several times as long.
    """
    last, octets = _OUTLINED[0]
    if last is not plain:
        octets = plain.encode("ascii", "replace").translate(_OUTLINE)
        _OUTLINED[0] = (plain, octets)
    return octets


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
