"""``alarms.toml``: when alarms ring, whom they are told, and what is done of itself.

Owns: the file's keys, how thresholds are written ("80%", "2s", 50), and what must fit each other. Where alarms go is a
URL that holds secrets, so it stands in a file of its own or in the environment, never here. The file is optional:
without it every kind has its defaults and nobody is told, but the console shows what rings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from smsgw.config.fields import Ranges
from smsgw.documents.document import Document
from smsgw.documents.names import with_hint
from smsgw.documents.problems import Problems
from smsgw.documents.units import parse_duration
from smsgw.documents.values import ExistingFile, Listed, Name, PositiveSeconds, Seconds, Settings, Text, one_word
from smsgw.policy.alarms.kinds import KINDS, LABEL_OF, Kind, Unit
from smsgw.policy.alarms.rules import Rule, Rules
from smsgw.policy.alarms.telling import Listener

ALARMS_FILE: Final = "alarms.toml"
Language = Literal["zh", "en"]
_ENVIRONMENT: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PATTERN_CHARS: Final = frozenset("*?[")


def _kind(value: object) -> str:
    if not isinstance(value, str) or value not in KINDS:
        raise ValueError(with_hint(f"there is no kind of alarm {value!r}", value, KINDS))
    return value


def _url(value: object) -> str:
    # The value is not shown: where it is a URL it holds secrets.
    if not isinstance(value, str) or not _ENVIRONMENT.fullmatch(value):
        raise ValueError(
            'expected the name of a variable such as "${ALARM_URL}": a URL holds secrets; or give url_file'
        )
    return value


KindName = Annotated[str, BeforeValidator(_kind, json_schema_input_type=one_word(KINDS))]
Amount = float | int | str
"""As the unit of its kind has it; see ``amount``."""


class ChannelSettings(Settings):
    """``[[channel]]``: where alarms go, by apprise: DingTalk, WeCom, mail, Slack, a webhook.

    ``severity``: it is told of such and worse. In its ``quiet`` hours only of what has the severity page.
    """

    name: Name
    url: Annotated[str, BeforeValidator(_url, json_schema_input_type=str)] = Field("", repr=False)
    url_file: ExistingFile | None = None
    language: Language = "zh"
    severity: Literal["ticket", "page"] = "ticket"
    quiet: Ranges = ()

    @model_validator(mode="after")
    def _one_place(self) -> ChannelSettings:
        if bool(self.url) == (self.url_file is not None):
            raise ValueError('needs one of url_file = "secrets/duty.url" and url = "${ALARM_URL}"')
        return self

    @property
    def listener(self) -> Listener:
        """As decisions know it."""
        return Listener(self.name, self.severity, self.quiet)

    @property
    def variable(self) -> str:
        """The environment's variable that has the URL; empty where a file has it."""
        match = _ENVIRONMENT.fullmatch(self.url)
        return match[1] if match is not None else ""

    def secret_url(self) -> str:
        """The URL. Raises ValueError, without a word of it, when there is none."""
        if self.url_file is None:
            found = os.environ.get(self.variable, "").strip()
            if not found:
                raise ValueError(f"the environment has no {self.variable}")
            return found
        try:
            found = self.url_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"{self.url_file} can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{self.url_file} is not UTF-8") from None
        if not found or "\n" in found:
            raise ValueError(f"{self.url_file} should hold one URL on one line")
        return found


class AlarmEntry(Settings):
    """``[[alarm]]``: what is otherwise than the kind's default, for all its alarms or for ``only`` some labels."""

    kind: KindName
    only: Mapping[str, Text] = Field(default_factory=dict)
    enabled: bool = True
    threshold: Amount | None = None
    clear: Amount | None = None
    minimum: Annotated[int, Field(ge=0)] | None = None
    window_s: PositiveSeconds | None = Field(None, alias="window")
    for_s: Seconds | None = Field(None, alias="for")
    clear_for_s: Seconds | None = Field(None, alias="clear_for")
    severity: Literal["ticket", "page"] | None = None
    channels: Listed[Name] | None = None
    repeat_s: Seconds | None = Field(None, alias="repeat")
    action: Literal["pause template", "suspend carrier"] | None = None
    action_for_s: Seconds = Field(0.0, alias="action_for")


class AlarmsFile(Settings):
    """The whole of ``alarms.toml``. ``console``: its address in links, where [console] does not say it."""

    every_s: Annotated[float, BeforeValidator(parse_duration, json_schema_input_type=str)] = Field(
        15.0, alias="every", ge=1, le=300
    )
    console: str = ""
    actions_per_hour: Annotated[int, Field(ge=0, le=1000)] = 3
    channel: Annotated[tuple[ChannelSettings, ...], Field(strict=False)] = ()
    alarm: Annotated[tuple[AlarmEntry, ...], Field(strict=False)] = ()


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """What a site says of alarms. ``every_s``: how often it is looked; ``actions_per_hour``: at most, over all."""

    rules: Rules
    channels: Mapping[str, ChannelSettings]
    every_s: float = 15.0
    actions_per_hour: int = 3
    console: str = ""


DEFAULT: Final = AlarmSettings(Rules(), {})


def load_alarms(
    directory: Path, problems: Problems, carriers: Collection[str] = (), accounts: Collection[str] = ()
) -> AlarmSettings:
    """What the file says, the defaults without it; what is wrong is left in ``problems``."""
    path = directory / ALARMS_FILE
    if not path.is_file():
        return DEFAULT
    document = Document.read(path, problems)
    file = document.build(AlarmsFile, directory, problems) if document is not None else None
    if document is None or file is None:
        return DEFAULT
    channels: dict[str, ChannelSettings] = {}
    for index, channel in enumerate(file.channel):
        if channel.name in channels:
            document.error(problems, ("channel", index, "name"), f"{channel.name!r} is the name of two channels")
        if channel.variable and not os.environ.get(channel.variable):
            why = f"the environment has no {channel.variable} here; the process that sends alarms needs it"
            document.warn(problems, ("channel", index, "url"), why)
        channels[channel.name] = channel
    reading = _Reading(document, problems, channels, {"carrier": carriers, "account": accounts})
    rules = [rule for index, entry in enumerate(file.alarm) if (rule := reading.rule(index, entry)) is not None]
    return AlarmSettings(Rules(rules), channels, file.every_s, file.actions_per_hour, file.console)


class _Reading:
    """The entries of one file, one after the other."""

    def __init__(
        self,
        document: Document,
        problems: Problems,
        channels: Collection[str],
        names: Mapping[str, Collection[str]],
    ) -> None:
        self._document = document
        self._problems = problems
        self._channels = channels
        self._names = names
        self._whole: set[str] = set()

    def rule(self, index: int, entry: AlarmEntry) -> Rule | None:
        """The rule of an entry; None with the reasons in the problems."""
        before = self._problems.count
        kind = KINDS[entry.kind]
        self._check_labels(index, entry, kind)
        made = replace(Rule.of(kind), **self._values(index, entry, kind))
        if made.is_bad(made.clear):
            side = "below" if kind.below else "above"
            self._error(index, "clear", f"lies {side} the threshold, where the alarm rings")
        for name in entry.channels or ():
            if name not in self._channels:
                self._error(index, "channels", with_hint(f"there is no channel {name!r}", name, self._channels))
        if entry.action is not None and not kind.can(entry.action, entry.only):
            what = LABEL_OF[entry.action]
            self._error(index, "action", f"{entry.kind} of these labels is of no {what} as a whole; take another kind")
        return made if self._problems.count == before else None

    def _check_labels(self, index: int, entry: AlarmEntry, kind: Kind) -> None:
        if not entry.only:
            if entry.kind in self._whole:
                self._error(index, "kind", f"two entries are for every {entry.kind}; give one of them only = {{…}}")
            self._whole.add(entry.kind)
        for label in entry.only:
            if label not in kind.labels:
                self._error(index, "only", with_hint(f"{entry.kind} has no label {label!r}", label, kind.labels))
        for label, value in entry.only.items():
            names = self._names.get(label, ())
            if names and value not in names and not _PATTERN_CHARS.intersection(value):
                self._document.warn(
                    self._problems, ("alarm", index, "only"), with_hint(f"there is no {label} {value!r}", value, names)
                )

    def _values(self, index: int, entry: AlarmEntry, kind: Kind) -> dict[str, Any]:
        """What the entry says, as fields of a rule."""
        given = {
            "minimum": entry.minimum, "window_s": entry.window_s, "for_s": entry.for_s,
            "clear_for_s": entry.clear_for_s, "severity": entry.severity, "repeat_s": entry.repeat_s,
        }  # fmt: skip
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if entry.window_s is not None and not kind.window_s:
            self._error(index, "window", f"{entry.kind} is about now, not about a time")
        for name in ("threshold", "clear"):
            written = getattr(entry, name)
            if written is not None:
                try:
                    values[name] = amount(written, kind.unit)
                except ValueError as error:
                    self._error(index, name, str(error))
        if "threshold" in values and "clear" not in values:
            values["clear"] = default_clear(kind, values["threshold"])
        values["only"] = tuple(entry.only.items())
        values["enabled"] = entry.enabled
        values["channels"] = None if entry.channels is None else frozenset(entry.channels)
        values["action"] = entry.action or ""
        values["action_for_s"] = entry.action_for_s
        return values

    def _error(self, index: int, key: str, why: str) -> None:
        self._document.error(self._problems, ("alarm", index, key), why)


def default_clear(kind: Kind, threshold: float) -> float:
    """Where an alarm is over when only its threshold is given: as far from it as by default."""
    if kind.unit == "days":
        return threshold + (kind.clear - kind.threshold)
    clear = threshold * (kind.clear / kind.threshold if kind.threshold else 1.0)
    return min(clear, max(threshold, 1.0)) if kind.unit == "share" and kind.below else clear


def amount(written: Amount, unit: Unit) -> float:
    """A threshold in its unit. Raises ValueError that says how it is written."""
    if unit == "share":
        text = written.strip() if isinstance(written, str) else ""
        value = _number(text[:-1]) / 100 if text.endswith("%") else _number(written)
        if not 0 <= value <= 1:
            raise ValueError(f'expected a share such as "80%" or 0.8, found {written!r}')
        return value
    if unit == "seconds":
        return parse_duration(written)
    if unit == "days":
        return parse_duration(written) / 86_400 if isinstance(written, str) else _number(written)
    value = _number(written)
    if value < 0 or value > 1e12:
        raise ValueError(f"expected a number from 0 on, found {written!r}")
    return value


def _number(written: Amount) -> float:
    try:
        if isinstance(written, bool):
            raise TypeError
        value = float(written)
    except (TypeError, ValueError):
        raise ValueError(f"expected a number, found {written!r}") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"expected a number, found {written!r}")
    return value
