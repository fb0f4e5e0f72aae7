"""A site as one bundle: the same settings on every machine, each with tables of its own; differences in words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from smsgw.config.bundle import Bundle, load_bundle, own_digests, own_tables
from smsgw.config.differences import differences
from smsgw.config.load import load_node, load_site
from smsgw.documents.problems import ConfigErrors

EXAMPLE = Path(__file__).parents[3] / "config" / "example"
Edit = Callable[[str], str]


@pytest.fixture(scope="module")
def example() -> Bundle:
    return Bundle.read(EXAMPLE)


def changed(bundle: Bundle, **edits: Edit) -> Bundle:
    """``changed(example, routes=…)``: the file whose stem it is, edited; "alpha" is carriers/alpha.toml."""
    files = dict(bundle.files)
    for stem, edit in edits.items():
        (name,) = (name for name in files if Path(name).stem == stem)
        files[name] = edit(files[name])
        assert files[name] != bundle.files[name], f"nothing to change in {name}"
    return Bundle(files)


def said(before: Bundle, after: Bundle) -> list[str]:
    return [str(change) for change in differences(before, after)]


def replaced(old: str, new: str, count: int = 1) -> Edit:
    return lambda text: text.replace(old, new, count)


# -- bundles


def test_a_bundle_makes_the_site_that_its_files_make(example: Bundle) -> None:
    built, read = load_bundle(example, EXAMPLE, own_tables(EXAMPLE)), load_site(EXAMPLE)
    assert built.directory == EXAMPLE
    assert built.file == read.file
    assert (built.accounts, built.carriers) == (read.accounts, read.carriers)
    assert built.routes.routes == read.routes.routes


def test_every_process_keeps_tables_of_its_own(example: Bundle) -> None:
    own = {"node": {"name": "node7"}, "listener": {"port": 4000}}
    site = load_bundle(example, EXAMPLE, own)
    assert (site.node_name, site.listener.port, site.ops.port) == ("node7", 4000, 8775)
    assert site.file.uncertain == load_site(EXAMPLE).file.uncertain


def test_what_belongs_to_one_process_makes_no_other_version(example: Bundle) -> None:
    other = changed(example, smsgw=replaced("port = 2775", "port = 2999"))
    assert other.digest == example.digest
    assert said(example, other) == []
    for each in (
        changed(example, smsgw=replaced('notice = "report"', 'notice = "resend"')),
        changed(example, shop=lambda text: text + "# a word\n"),
    ):
        assert each.digest != example.digest


def test_tables_that_a_process_was_not_started_with_show_by_their_digests(tmp_path: Path) -> None:
    before = own_digests({"node": {"name": "a"}, "store": {"url": "redis://:secret@h"}})
    after = own_digests({"node": {"name": "a"}, "store": {"url": "redis://:other@h"}})
    assert [name for name in before if before[name] != after[name]] == ["store"]
    assert "secret" not in str(before)


def test_a_bundle_that_cannot_be_used_names_the_file_as_it_lies_at_home(example: Bundle) -> None:
    broken = changed(example, alpha=replaced("window = ", "windows = "))
    with pytest.raises(ConfigErrors, match=r"carriers/alpha\.toml:\d+: windows: unknown key") as caught:
        load_bundle(broken, EXAMPLE, own_tables(EXAMPLE))
    assert caught.value.errors[0].file == EXAMPLE / "carriers" / "alpha.toml"


def test_files_that_others_name_are_looked_for_at_home(example: Bundle, tmp_path: Path) -> None:
    asks = changed(example, alpha=lambda text: text + "\n[tls]\nca = 'ca.pem'\n")
    with pytest.raises(ConfigErrors, match="expected an existing file"):
        load_bundle(asks, tmp_path, {})
    (tmp_path / "ca.pem").touch()
    tls = load_bundle(asks, tmp_path, {}).carriers["alpha"].tls
    assert tls is not None
    assert tls.ca == tmp_path / "ca.pem"


def test_a_bundle_is_written_for_its_owner_only_and_over_nothing(example: Bundle, tmp_path: Path) -> None:
    place = tmp_path / "v7"
    example.write(place)
    assert Bundle.read(place) == example
    assert all(path.stat().st_mode & 0o077 == 0 for path in place.rglob("*"))
    with pytest.raises(FileExistsError, match="name an empty directory"):
        example.write(place)


def test_smsgw_toml_alone_is_enough_to_find_the_store(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "smsgw.toml", tmp_path)
    site = load_node(tmp_path)
    assert (site.node_name, site.accounts) == ("node1", {})
    with pytest.raises(ConfigErrors):
        load_site(tmp_path)


# -- differences


def test_nothing_differs_from_itself(example: Bundle) -> None:
    assert differences(example, example) == []


def test_a_key_is_told_with_both_values_and_a_secret_with_none(example: Bundle) -> None:
    after = changed(
        example,
        alpha=lambda text: text.replace('rate = "200/s"', 'rate = "50/s"').replace('password = "', 'password = "x'),
    )
    assert said(example, after) == [
        'carrier alpha: password: changed (not shown)',
        'carrier alpha: rate: "200/s" → "50/s"',
    ]  # fmt: skip


def test_things_come_and_go(example: Bundle) -> None:
    files = dict(example.files)
    files["carriers/gamma.toml"] = files.pop("carriers/beta.toml").replace('"beta"', '"gamma"')
    assert said(example, Bundle(files)) == ["carrier beta: removed", "carrier gamma: new"]


ROUTES = """
[[route]]
name = "codes"
class = "otp"
carriers = ["alpha"]
[[route]]
prefix = "86139"
carriers = ["beta"]
[[route]]
carriers = ["alpha"]
"""


def routes(text: str) -> Bundle:
    return Bundle({"routes.toml": text})


@pytest.mark.parametrize(
    ("edit", "lines"),
    [
        (
            replaced('carriers = ["beta"]', 'carriers = ["beta", "alpha"]'),
            ['route 2: carriers: ["beta"] → ["beta", "alpha"]'],
        ),
        (replaced('"otp"', '"notice"'), ['route 1 codes: class: "otp" → "notice"']),
        (
            replaced("86139", "86138"),
            [
                'route 2: new: prefix = "86138", carriers = ["beta"]',
                'route 2: removed: prefix = "86139", carriers = ["beta"]',
            ],
        ),
        (
            lambda text: '[[route]]\naccount = "shop"\ncarriers = ["beta"]\n' + text,
            ['route 1: new: account = "shop", carriers = ["beta"]'],
        ),
        (lambda text: text + "[[test]]\naccount = 'shop'\n", ["routes.toml: test: 0 → 1 assertions"]),
    ],
)
def test_routes_are_told_by_what_they_are(edit: Edit, lines: list[str]) -> None:
    assert said(routes(ROUTES), routes(edit(ROUTES))) == lines


def test_a_route_that_moved_is_neither_new_nor_gone() -> None:
    first, second, third = ROUTES.split("[[route]]\n")[1:]
    moved = "".join("[[route]]\n" + each for each in (second, third, first))
    assert said(routes(ROUTES), routes(moved)) == ["route 3 codes: moved here from place 1"]


def test_a_new_table_shows_no_secret() -> None:
    before = Bundle({"carriers/a.toml": 'name = "a"\n'})
    after = Bundle({"carriers/a.toml": 'name = "a"\noutbind = { port = 1, password = "hush1234" }\n'})
    (change,) = differences(before, after)
    assert "port" in str(change)
    assert "hush1234" not in str(change)
