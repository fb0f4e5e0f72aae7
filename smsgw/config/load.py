"""Reads the files of a site and builds its settings.

    smsgw.toml  routes.toml  accounts/*.toml  carriers/*.toml  codes/*.toml  profiles/*.toml  calendar/<year>.toml

All files are read and all checks made before anything is reported. Reads files and nothing else; starts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from smsgw.config.account import AccountSettings
from smsgw.config.alarms import ALARMS_FILE, load_alarms
from smsgw.config.calendar import CalendarFile, read_days, warn_of_unknown_years
from smsgw.config.carrier import CarrierSettings
from smsgw.config.codes import CodesFile, check_codes
from smsgw.config.node import NodeFile
from smsgw.config.people import PEOPLE_FILE, PersonSettings, load_people
from smsgw.config.profile import build_profile
from smsgw.config.profile_tables import ProfileFile
from smsgw.config.references import (
    Entry,
    check_account,
    check_account_rates,
    check_caps,
    check_carrier,
    check_names_differ,
    check_node,
    check_profile_name,
    check_short_links,
    own_numbers,
)
from smsgw.config.route_table import build_routes
from smsgw.config.routes import RoutesFile
from smsgw.config.site import NumberOwner, Site
from smsgw.config.site_routes import SiteRoutes
from smsgw.config.store import StoreSettings, check_store
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.policy.calendar import Workdays
from smsgw.policy.profile import Profile
from smsgw.policy.routing import RouteTable

M = TypeVar("M", bound=BaseModel)

NODE_FILE: Final = "smsgw.toml"
ROUTES_FILE: Final = "routes.toml"
FOLDERS: Final = ("accounts", "carriers", "profiles", "codes", "calendar")
_OPTIONAL: Final = ("codes", "calendar")
_HOW: Final = "name a site with --site or SMSGW_SITE, or make one of a copy of config/example"


def load_site(directory: Path, *, today: date | None = None, home: Path | None = None) -> Site:
    """The settings of the site in ``directory``.

    ``today`` (default: the present day) is what expiry dates and the calendar are compared with. ``home``: where the
    site lives when its files are only laid out in ``directory``; what they name is looked for there. Warnings are in
    ``Site.warnings``. Raises ConfigErrors with every error of every file.
    """
    loader = _Loader(directory, today or datetime.now(UTC).date(), home or directory)
    site = loader.load()
    loader.problems.raise_errors()
    assert site is not None  # no error means that every file could be built
    return site


def load_node(directory: Path) -> Site:
    """A site that only knows its smsgw.toml: enough to find its store. Raises ConfigErrors."""
    loader = _Loader(directory, datetime.now(UTC).date(), directory)
    node = loader.node()
    loader.problems.raise_errors()
    assert node is not None
    routes = SiteRoutes(directory / ROUTES_FILE, RouteTable(()))
    return Site(directory, node, {}, {}, {}, routes, Workdays({}), {})


def load_store(path: Path) -> StoreSettings:
    """The table ``[store]`` of a file that is laid out as smsgw.toml, such as a new one. Raises ConfigErrors."""
    problems = Problems()
    document = Document.read(path, problems)
    node = None if document is None else document.build(NodeFile, path.parent, problems)
    if document is not None and node is not None:
        check_store(node.store, document, problems, datetime.now(UTC).date())
    problems.raise_errors()
    assert node is not None
    return node.store


def _with_owners(profile: Profile, numbers: Mapping[str, NumberOwner]) -> Profile:
    """The profile, knowing whose each source number is."""
    owners = {number: owner.account for number, owner in numbers.items()}
    return replace(profile, source=replace(profile.source, owners=owners))


class _Loader:
    """One run of ``load_site``."""

    def __init__(self, directory: Path, today: date, home: Path) -> None:
        self.directory = directory
        self.home = home
        self.today = today
        self.problems = Problems()

    def node(self) -> NodeFile | None:
        """``smsgw.toml`` alone, or None with the reasons in ``problems``."""
        return self._file(NODE_FILE, NodeFile).settings if self._is_site() else None

    def load(self) -> Site | None:
        """The site, or None with the reasons in ``problems``."""
        if not self._is_site():
            return None
        node = self._file(NODE_FILE, NodeFile)
        routes = self._file(ROUTES_FILE, RoutesFile)
        accounts = self._folder("accounts", AccountSettings, "system_id")
        carriers = self._folder("carriers", CarrierSettings, "name")
        profile_files = self._folder("profiles", ProfileFile, "name")
        profiles = self._profiles(profile_files)
        codes = {entry.name: entry.settings for entry in self._folder("codes", CodesFile, "name")}
        account_names = {entry.name for entry in accounts}
        for carrier in carriers:
            if carrier.document is not None:
                check_codes(carrier.document, codes, self.problems)
                check_account_rates(carrier.document, account_names, self.problems)
        check_caps(profile_files, self.problems)
        workdays = self._workdays(profiles)
        self._warn_of_strangers(node)

        if node.settings is not None and node.document is not None:
            check_node(node.settings, node.document, self.problems)
            check_store(node.settings.store, node.document, self.problems, self.today)
        profile_names = {entry.name for entry in profile_files}
        for entry in accounts:
            if entry.document is not None:
                check_profile_name(entry.document, profile_names, self.problems)
                self._check_account(entry, profiles, node.settings)
        numbers = own_numbers(accounts, self.problems)
        people = self._people(node.settings, accounts)
        alarms = load_alarms(self.home, self.problems, {each.name for each in carriers}, account_names)
        site_routes = self._routes(routes, accounts, carriers, profiles, workdays)
        if self.problems.count or node.settings is None:
            return None
        return Site(
            directory=self.home,
            file=node.settings,
            accounts={entry.name: entry.settings for entry in accounts if entry.settings is not None},
            carriers={entry.name: entry.settings for entry in carriers if entry.settings is not None},
            profiles={name: _with_owners(profile, numbers) for name, profile in profiles.items()},
            site_routes=site_routes,
            workdays=workdays,
            numbers=numbers,
            people=people,
            alarms=alarms,
            codes={name: table for name, table in codes.items() if table is not None},
            warnings=self.problems.warnings,
        )

    def _check_account(
        self, entry: Entry[AccountSettings], profiles: Mapping[str, Profile], node: NodeFile | None
    ) -> None:
        if entry.settings is not None and entry.document is not None:
            check_account(entry.settings, entry.document, profiles, self.today, self.problems)
            if node is not None:
                check_short_links(entry.settings, entry.document, node.links, self.problems)

    def _people(self, node: NodeFile | None, accounts: list[Entry[AccountSettings]]) -> Mapping[str, PersonSettings]:
        known = {entry.name: entry.settings for entry in accounts}
        provider = node.console.oidc if node is not None else None
        return load_people(self.home, self.problems, known, has_provider=provider is not None)

    # -- files

    def _is_site(self) -> bool:
        """Whether the directory holds anything of a site; else that is the one thing to say."""
        if any((self.directory / name).exists() for name in (NODE_FILE, ROUTES_FILE)):
            return True
        is_there = self.directory.exists()
        why = "does not exist" if not is_there else f"holds no {NODE_FILE}" if self.directory.is_dir() else "is a file"
        self.problems.error(self.directory.absolute(), 0, "", f"{why}; expected the directory of a site: {_HOW}")
        return False

    def _entry(self, path: Path, model: type[M], key: str | None) -> Entry[M]:
        document = Document.read(path, self.problems)
        if document is None:
            return Entry(path, path.stem, None, None)
        name = document.data.get(key, path.stem) if key is not None else path.stem
        return Entry(path, str(name), document, document.build(model, self.home, self.problems))

    def _file(self, name: str, model: type[M]) -> Entry[M]:
        path = self.directory / name
        if not path.is_file():
            self.problems.error(path, 0, "", "is missing; every site has one")
            return Entry(path, path.stem, None, None)
        return self._entry(path, model, None)

    def _folder(self, name: str, model: type[M], key: str | None) -> list[Entry[M]]:
        paths = sorted((self.directory / name).glob("*.toml"))
        if not paths and name not in _OPTIONAL:
            self.problems.error(self.directory / name, 0, "", f"expected at least one .toml file of {name}, found none")
        entries = [self._entry(path, model, key) for path in paths]
        if key is not None:
            check_names_differ(entries, key, self.problems)
        return entries

    def _warn_of_strangers(self, node: Entry[NodeFile]) -> None:
        """TOML files that look as if they meant something and are not read."""
        state = node.settings.store.state_dir if node.settings is not None else "state"
        known = {NODE_FILE, ROUTES_FILE, PEOPLE_FILE, ALARMS_FILE}
        for path in sorted([*self.directory.glob("*.toml"), *self.directory.glob("*/*.toml")]):
            place = path.relative_to(self.directory)
            folder = place.parts[0] if len(place.parts) > 1 else ""
            if folder not in (*FOLDERS, state.rstrip("/")) and str(place) not in known:
                why = f"is not read; expected {NODE_FILE}, {ROUTES_FILE} or a file in {', '.join(FOLDERS)}"
                self.problems.warn(path, 0, "", why)

    # -- what is built from several files

    def _profiles(self, files: list[Entry[ProfileFile]]) -> dict[str, Profile]:
        profiles: dict[str, Profile] = {}
        for entry in files:
            if entry.settings is not None and entry.document is not None:
                profile = build_profile(entry.settings, entry.document, self.problems)
                if profile is not None:
                    profiles[entry.name] = profile
        return profiles

    def _workdays(self, profiles: dict[str, Profile]) -> Workdays:
        days: dict[date, bool] = {}
        for entry in self._folder("calendar", CalendarFile, None):
            if entry.settings is not None and entry.document is not None:
                days.update(read_days(entry.settings, entry.document, self.problems))
        workdays = Workdays(days)
        warn_of_unknown_years(workdays, profiles.values(), self.today, self.directory, self.problems)
        return workdays

    def _routes(
        self,
        routes: Entry[RoutesFile],
        accounts: list[Entry[AccountSettings]],
        carriers: list[Entry[CarrierSettings]],
        profiles: Mapping[str, Profile],
        workdays: Workdays,
    ) -> SiteRoutes:
        settings = routes.settings
        routed = {name for route in settings.route for name in route.all_carriers} if settings is not None else None
        for entry in carriers:
            if entry.settings is not None and entry.document is not None:
                check_carrier(entry.settings, entry.document, routed, self.problems)
        zone = min(profiles.items())[1].zone if profiles else ZoneInfo("UTC")
        return build_routes(routes, accounts, carriers, zone, workdays, self.problems)
