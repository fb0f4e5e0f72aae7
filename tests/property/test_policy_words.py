"""Words, links and phones against slow models and whole Unicode: nothing missed, nothing made up, nothing raised."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from smsgw.policy.contacts import Contacts, links_in, phones_in
from smsgw.policy.entries import WordEntry
from smsgw.policy.links import find_links, link_spans
from smsgw.policy.text import fold_kept, normalise
from smsgw.policy.words import Words

few = st.text(st.sampled_from("保本息B本1a -。,收収"), min_size=1, max_size=4)
texts = st.text(st.sampled_from("保本息BA本1a2 -。,收\u200b😀收収"), max_size=24)
entries = st.lists(
    st.builds(
        WordEntry,
        st.sampled_from(("national", "company")),
        few,
        st.just(""),
        st.sampled_from(("reject", "review", "count")),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda entry: (entry.list, entry.word),
)
around = st.text(st.sampled_from("示例请看。，.:/@-·点 0123456789abcwcomtn\u200b（）[]中国+元"), max_size=40)


def naive(entry: WordEntry, plain: str) -> bool:
    """One word in one text: a loop over all places, with borders for Latin letters and digits."""
    folded = normalise(entry.word) if entry.evasion else ""
    gap = r"[\W_]*" if folded else ""
    word = folded or fold_kept(entry.word).strip()
    if not word:
        return False
    before = "(?<![a-z0-9])" if re.match("[a-z0-9]", word) else ""
    after = "(?![a-z0-9])" if re.search("[a-z0-9]$", word) else ""
    return re.search(before + gap.join(map(re.escape, word)) + after, plain) is not None


@settings(max_examples=400)
@given(entries, texts)
def test_words_are_those_of_the_naive_model(rows: list[WordEntry], text: str) -> None:
    plain = fold_kept(text)
    found = Words(rows).all(plain)
    assert len(set(found)) == len(found)
    assert set(found) == {row for row in rows if naive(row, plain)}


@given(entries, texts)
def test_the_hit_is_the_strongest(rows: list[WordEntry], text: str) -> None:
    hit = Words(rows).find(fold_kept(text))
    there = [row for row in rows if row.action != "count" and naive(row, fold_kept(text))]
    assert (hit is None) == (not there)
    if hit is not None:
        rejects = [row for row in there if row.action == "reject"]
        among = [row for row in rejects if row.list == "national"] or rejects or there
        assert hit.entry in among


@given(st.text() | texts | around)
def test_any_text_is_read(text: str) -> None:
    plain = fold_kept(text)
    links = find_links(plain)
    assert links_in(text) == [str(link) for link in links]
    spans = link_spans(plain)
    assert len(spans) == len(links)
    assert all(0 <= start < end <= whole <= len(plain) for start, end, whole in spans)
    assert all(number.isdigit() and 5 <= len(number) <= 17 for number in phones_in(text))
    contacts = Contacts(())
    assert not any(contacts.allow_link("shop", link, "2026-11-18") for link in links)


@given(around, around, st.sampled_from(("https://evil.com/a", "www.evil.com", "t.cn/abc")))
def test_a_link_with_han_on_both_sides_is_found_in_any_company(before: str, after: str, link: str) -> None:
    # A path may go on with what follows, an address of mail may begin with what precedes.
    text = before.replace("@", "") + "请看" + link + "领取" + after.replace("@", "")
    assert any(found.endswith(link.removeprefix("https://")) for found in links_in(text))


@given(around, around, st.sampled_from(("13812345678", "400-800-1234", "010-88886666")))
def test_a_phone_with_han_on_both_sides_is_found_in_any_company(before: str, after: str, number: str) -> None:
    assert number.replace("-", "") in phones_in(before + "请看" + number + "领取" + after)
