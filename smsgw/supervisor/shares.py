"""Whether the workers of a machine have shared out the carriers' binds among them, by what their /status says.

Pure. A worker that has just joined is left its share by the others one bind after another, each when what it carries
has been answered; before that, another one that leaves might take the last bind of a carrier with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

Page = Mapping[str, Any]


def unsettled(pages: Sequence[Page], ours: Collection[str]) -> str:
    """A carrier whose binds are on their way from one worker to another, "" when there is none.

    ``pages``: of the workers that send; ``ours``: the names of all of this machine. Settled: nobody has more of a kind
    of bind than its share, none is free (unless other machines may have it), and what somebody has is up, as far as the
    carrier lets any of them be up.
    """
    elsewhere = any(name not in ours for page in pages for name in page.get("other_nodes", ()))
    names: dict[str, None] = dict.fromkeys(name for page in pages for name in page.get("carriers", {}))
    for name in names:
        carriers = [page["carriers"][name] for page in pages if name in page.get("carriers", {})]
        if not _is_settled([each.get("links", ()) for each in carriers], len(pages), elsewhere):
            return name
    return ""


def _is_settled(found: Sequence[Sequence[Page]], workers: int, elsewhere: bool) -> bool:
    mine = [[bind for bind in binds if bind.get("leased")] for binds in found]
    leased = [bind for binds in mine for bind in binds]
    wanted = {bind["id"]: bind["kind"] for binds in found for bind in binds}
    if not leased:  # drained, or not approved
        return True
    if not elsewhere and len(leased) < len(wanted):
        return False
    shares = {kind: -(-count // workers) for kind, count in Counter(wanted.values()).items()}
    if any(count > shares[kind] for binds in mine for kind, count in Counter(bind["kind"] for bind in binds).items()):
        return False
    # Where not one of them is up it is the carrier's doing, and nothing to wait for.
    return all(bind["up"] for bind in leased) or not any(bind["up"] for bind in leased)
