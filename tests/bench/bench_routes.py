"""10,000 routes and 200 carriers: ``PYTHONPATH=. python tests/bench/bench_routes.py`` from the project's root.

Prints how long ``smsgw check`` reads and checks such a site, what finding a route costs (the route alone; with network,
province and the order of the carriers), and the memory of the routes. Exits with 1 when a budget is exceeded. Not part
of the test suite: a busy machine would fail it.
"""

from __future__ import annotations

import gc
import random
import resource
import shutil
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from smsgw.config.load import load_site
from smsgw.config.number_plan import province_table
from smsgw.config.site import Site
from smsgw.policy.entries import TemplateEntry
from smsgw.policy.model import Draft
from smsgw.route_tests import run_route_tests

_EXAMPLE = Path(__file__).parents[2] / "config" / "example"
_CHECK_BUDGET_S = 5.0
_LOOKUP_BUDGET_US = 3.0
_ROUTES, _CARRIERS, _MESSAGES, _RUNS = 10_000, 200, 20_000, 7
_PROVINCES = ("guangdong", "jiangsu", "shandong", "zhejiang", "henan", "sichuan", "hubei", "fujian", "hunan", "anhui")
_NETWORKS = ("mobile", "unicom", "telecom")
_ACCOUNTS = ("login", "orders", "shop")


def write_site(directory: Path) -> None:
    """The example with 200 more carriers and routes of every kind: most by prefix, many by signature and template."""
    shutil.copytree(_EXAMPLE, directory, ignore=shutil.ignore_patterns("state"))
    chance = random.Random(5)
    for n in range(_CARRIERS):
        serves = f'networks = ["{_NETWORKS[n % 3]}", "other"]\n' if n % 4 == 0 else ""
        text = f'name = "c{n}"\nhost = "127.0.0.1"\nport = {3000 + n}\nsystem_id = "x"\npassword = "y"\n'
        (directory / "carriers" / f"c{n}.toml").write_text(f"{text}cost = {0.03 + n / 10_000:.4f}\n{serves}")
    routes = [
        *(
            f'account = "{a}"\nprovince = "{p}"\nnetwork = "{n}"'
            for a in _ACCOUNTS
            for p in _PROVINCES
            for n in _NETWORKS
        ),
        *(f'signature = "签名{n}"' for n in range(1000)),
        *(f'template = "t{n}"\nclass = ["notice", "marketing"]' for n in range(900)),
        *('segments = ">=3"\ntext = "退款"', 'class = "notice"\nhours = "22:00-06:00"\nprovince = "xinjiang"'),
    ]
    prefixes = [f"86{1_300_000 + 85 * n}" for n in range(_ROUTES - len(routes) - 4)]
    narrowed = 'class = "marketing"\nsegments = ">=2"'
    routes += [f'prefix = "{each}"' + (f"\n{narrowed}" if n % 10 == 0 else "") for n, each in enumerate(prefixes)]
    routes += ['province = "guangdong"', 'network = "mobile"', 'network = "unicom"\nhours = "08:00-20:00"', ""]
    with (directory / "routes.toml").open("w", encoding="utf-8") as file:
        for n, conditions in enumerate(routes):
            one, other, last = chance.sample([f"c{place}" for place in range(_CARRIERS) if place % 4], 3)
            way = f'carriers = ["{one}", "{other}", "{last}"]' if n % 3 else f"weights = {{ {one} = 70, {other} = 30 }}"
            file.write(f'[[route]]\nname = "r{n}"\n{conditions}\n{way}\n\n')


def _drafts(site: Site) -> list[Draft]:
    chance = random.Random(9)
    drafts = []
    for _ in range(_MESSAGES):
        recipient = f"861{chance.choice('35789')}{chance.randrange(10**9):09}"
        draft = Draft(
            chance.choice(_ACCOUNTS), chance.randrange(3), "", recipient, "您的订单已发货", 1, 1_794_000_000_000
        )
        draft.network, draft.province = site.routes.plan.network(recipient), site.routes.plan.province(recipient)
        if chance.random() < 0.2:
            draft.signature = f"签名{chance.randrange(2000)}"
        if chance.random() < 0.2:
            draft.template = TemplateEntry(f"t{chance.randrange(2000)}", 1, "notice", "")
        drafts.append(draft)
    return drafts


def _lookups(site: Site) -> tuple[float, float]:
    """Microseconds for a route alone, and with network, province and order of carriers; best of several runs."""
    drafts = _drafts(site)
    finders = {account: site.routes.finders(account, site.accounts[account].department) for account in _ACCOUNTS}
    chosen = [(finders[draft.account][draft.message_class], draft) for draft in drafts]
    plan = site.routes.plan
    alone = whole = float("inf")
    for _ in range(_RUNS):
        started = time.process_time()
        for finder, draft in chosen:
            finder(draft)
        alone = min(alone, time.process_time() - started)
        started = time.process_time()
        for finder, draft in chosen:
            draft.network, draft.province = plan.network(draft.recipient), plan.province(draft.recipient)
            route = finder(draft)
            if route is not None:
                route.order(draft.recipient, draft.network)
        whole = min(whole, time.process_time() - started)
    return alone / _MESSAGES * 1e6, whole / _MESSAGES * 1e6


def _memory_mb(directory: Path) -> float:
    """What the routes of a site keep once they are read and compiled for three accounts."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    routes = load_site(directory).site_routes
    for account in _ACCOUNTS:
        routes.table.finders(account)
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return kept / 1e6


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "site"
        write_site(directory)
        started = time.process_time()
        site = load_site(directory)
        failed = run_route_tests(site)
        check_s = time.process_time() - started
        started = time.process_time()
        province_table.cache_clear()
        province_table()
        table_s = time.process_time() - started
        alone_us, whole_us = _lookups(site)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        warnings = len(site.warnings)
        kept_mb = _memory_mb(directory)
    print(f"{len(site.routes.routes):,} routes, {len(site.carriers)} carriers")
    print(f"check               {check_s:6.2f} s   ({warnings} warnings, {len(failed)} failed tests)")
    print(f"  of it provinces   {table_s:6.2f} s")
    print(f"find a route        {alone_us:6.2f} µs  with network, province and order {whole_us:.2f} µs")
    print(f"memory of routes    {kept_mb:6.1f} MB  the process at its most {peak_mb:.0f} MB")
    sys.exit(check_s > _CHECK_BUDGET_S or alone_us > _LOOKUP_BUDGET_US)


if __name__ == "__main__":
    main()
