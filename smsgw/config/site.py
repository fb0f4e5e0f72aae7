"""A site: everything its files say, checked, frozen, and ready to be handed over.

Owns: what belongs to several files at once (paths, who owns a number). Made only by ``load_site``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smsgw.config.account import AccountSettings
from smsgw.config.alarms import DEFAULT, AlarmSettings
from smsgw.config.carrier import CarrierSettings
from smsgw.config.codes import CodesFile
from smsgw.config.links import LinksSettings
from smsgw.config.node import (
    ChannelSettings,
    ClockSettings,
    ConsoleSettings,
    ListenerSettings,
    LogSettings,
    LongSettings,
    NodeFile,
    OpsSettings,
    PauseSettings,
    UncertainSettings,
)
from smsgw.config.people import PersonSettings
from smsgw.config.site_routes import SiteRoutes
from smsgw.config.store import StoreSettings
from smsgw.errors import ConfigError
from smsgw.policy.calendar import Workdays
from smsgw.policy.profile import Profile
from smsgw.policy.routing import RouteTable


@dataclass(frozen=True, slots=True)
class NumberOwner:
    """Whose a dialled number is. ``signature`` is empty where the number is not one signature's own."""

    account: str
    signature: str


@dataclass(frozen=True, slots=True)
class Site:
    """The settings of one site. Accounts are by system_id, carriers and profiles by name, numbers as digits."""

    directory: Path
    file: NodeFile
    accounts: Mapping[str, AccountSettings]
    carriers: Mapping[str, CarrierSettings]
    profiles: Mapping[str, Profile]
    site_routes: SiteRoutes
    workdays: Workdays
    numbers: Mapping[str, NumberOwner]
    people: Mapping[str, PersonSettings] = field(default_factory=dict)
    codes: Mapping[str, CodesFile] = field(default_factory=dict)
    alarms: AlarmSettings = DEFAULT
    warnings: tuple[ConfigError, ...] = ()

    @property
    def node_name(self) -> str:
        """Names this process among others of the fleet."""
        return self.file.node.name

    @property
    def routes(self) -> RouteTable:
        """The compiled routes."""
        return self.site_routes.table

    @property
    def listener(self) -> ListenerSettings:
        """``[listener]``."""
        return self.file.listener

    @property
    def store(self) -> StoreSettings:
        """``[store]``; its paths are ``state_dir`` and ``secrets_file`` of the site."""
        return self.file.store

    @property
    def ops(self) -> OpsSettings:
        """``[ops]``."""
        return self.file.ops

    @property
    def console(self) -> ConsoleSettings:
        """``[console]``."""
        return self.file.console

    @property
    def links(self) -> LinksSettings:
        """``[links]``."""
        return self.file.links

    @property
    def clock(self) -> ClockSettings:
        """``[clock]``."""
        return self.file.clock

    @property
    def long(self) -> LongSettings:
        """``[long]``."""
        return self.file.long

    @property
    def uncertain(self) -> UncertainSettings:
        """``[uncertain]``."""
        return self.file.uncertain

    @property
    def channels(self) -> ChannelSettings:
        """``[channels]``."""
        return self.file.channels

    @property
    def pause(self) -> PauseSettings:
        """``[pause]``."""
        return self.file.pause

    @property
    def log(self) -> LogSettings:
        """``[log]``."""
        return self.file.log

    @property
    def state_dir(self) -> Path:
        """Where everything is written; relative to the site directory unless absolute."""
        return self.directory / Path(self.store.state_dir).expanduser()

    @property
    def secrets_file(self) -> Path:
        """Keys of the store; made at the first start unless it exists."""
        if self.store.secrets:
            return self.directory / Path(self.store.secrets).expanduser()
        return self.state_dir / "secrets.toml"

    @property
    def records_dir(self) -> Path:
        """The event log; relative to the state directory unless absolute."""
        return self.state_dir / Path(self.file.records.directory).expanduser()

    @property
    def country(self) -> str:
        """How staff write numbers without a country code: as the profiles' country does; of several the first one's."""
        return next(iter(self.profiles.values())).country

    def profile_of(self, account: AccountSettings) -> Profile:
        """The rules that an account is under."""
        return self.profiles[account.profile]
