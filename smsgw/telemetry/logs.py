"""Logs: one event a line, as JSON or text, on standard error.

Owns: the handler, its two formats, and the thin ``EventLog`` through which rooms log. An event has a
stable dotted name and fields; ``logging``'s own ``extra`` works too. The masking filter sits on the
handler, so lines of foreign libraries pass through it as well, tracebacks included.

What can go wrong: a consumer of standard error that stands still stops the process; that is how pipes
work, and a supervisor reads them. A log call itself never raises.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Hashable, Mapping
from typing import Literal, TextIO

from smsgw.telemetry.masking import mask_fields, mask_text
from smsgw.telemetry.repeats import Repeats

ROOT = "smsgw"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "fields", "color_message"}
_RESERVED = frozenset({"at", "level", "log", "event", "message", "traceback"})
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class EventLog:
    """Logs events of one room: ``log = EventLog("smsgw.carrier"); log.event("carrier.bind.lost", carrier="alpha")``."""

    __slots__ = ("_logger",)

    def __init__(self, name: str = ROOT) -> None:
        self._logger = logging.getLogger(name)

    def event(self, name: str, /, **fields: object) -> None:
        """Something normal that an operator wants to see (info)."""
        self.tell(logging.INFO, name, fields)

    def debug(self, name: str, /, **fields: object) -> None:
        """A detail for tracing; costs 0.2 µs when it is off."""
        self.tell(logging.DEBUG, name, fields)

    def warning(self, name: str, /, **fields: object) -> None:
        """Something that the gateway copes with and somebody should know."""
        self.tell(logging.WARNING, name, fields)

    def error(self, name: str, /, *, error: BaseException | None = None, **fields: object) -> None:
        """Something that needs somebody; ``error`` adds its traceback."""
        self.tell(logging.ERROR, name, fields, error)

    def tell(self, level: int, name: str, fields: Mapping[str, object], error: BaseException | None = None) -> None:
        """An event whose level and fields are values; the other methods are short forms of it."""
        if self._logger.isEnabledFor(level):
            self._logger.log(level, name, exc_info=error, extra={"fields": fields})

    def repeated(self, repeats: Repeats, key: Hashable, now_s: float, name: str, /, **fields: object) -> None:
        """A warning that may come thousands of times: told at first, later summed up in ``repeated``."""
        telling = repeats.seen(key, now_s)
        if telling is not None:
            self.tell(logging.WARNING, name, {**fields, "repeated": str(telling)} if telling.again else fields)


#: For who has no log of its own.
log = EventLog()


class MaskingFilter(logging.Filter):
    """Rewrites a record so that nothing in it shows a number or a secret; passes every record."""

    _formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception as error:  # wrong arguments in a foreign library's call must not reach its caller
            message = f"{record.msg} [{type(error).__name__}: {error}]"
        record.msg, record.args = mask_text(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._formatter.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask_text(record.exc_text)
        if record.stack_info:
            record.stack_info = mask_text(record.stack_info)
        given = getattr(record, "fields", {})
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        record.fields = mask_fields({**fields, **given} if isinstance(given, Mapping) else fields)
        return True


def _parts(record: logging.LogRecord, node: str) -> dict[str, object]:
    """A line's parts in their order."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    parts: dict[str, object] = {
        "at": f"{at}.{int(record.msecs):03d}Z",
        "level": record.levelname.lower(),
        "log": record.name,
        "event": record.getMessage(),
    }
    if node:
        parts["node"] = node
    for name, value in getattr(record, "fields", {}).items():
        parts[f"{name}_" if name in _RESERVED or (node and name == "node") else name] = value
    traceback = "\n".join(part for part in (record.exc_text, record.stack_info) if part)
    if traceback:
        parts["traceback"] = traceback
    return parts


class JsonFormatter(logging.Formatter):
    """One JSON object a line. ``node``: the process's name, on every line."""

    def __init__(self, node: str = "") -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_parts(record, self._node), ensure_ascii=False, separators=(",", ":"), default=str)


class TextFormatter(logging.Formatter):
    """``time LEVEL log event name=value …``, with a traceback below it."""

    def __init__(self, node: str = "") -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        parts = _parts(record, self._node)
        at, level, log_name, event = (str(parts.pop(name)) for name in ("at", "level", "log", "event"))
        head = f"{at} {level.upper():<7} {log_name} {_one_line(event)}"
        traceback = parts.pop("traceback", "")
        fields = "".join(f" {name}={_shown(value)}" for name, value in parts.items())
        below = "".join(f"\n    {line}" for line in str(traceback).splitlines())
        return head + fields + below


def configure(
    level: str = "info",
    log_format: Literal["json", "text"] = "json",
    stream: TextIO | None = None,
    node: str = "",
) -> None:
    """Send all logs to ``stream`` (standard error); call again to change the level or the format.

    ``node`` is this process's name, for who reads the lines of several. ``level`` is debug, info, warning or error and
    holds for smsgw; foreign libraries are heard from warning on. Raises ValueError for another level.
    """
    if level not in _LEVELS:
        raise ValueError(f"log level {level!r} is not one of {', '.join(_LEVELS)}")
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.addFilter(MaskingFilter())
    handler.setFormatter(JsonFormatter(node) if log_format == "json" else TextFormatter(node))
    handler.set_name("smsgw.telemetry")
    root = logging.getLogger()
    for old in [each for each in root.handlers if each.get_name() == handler.get_name()]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(_LEVELS[level], logging.WARNING))
    logging.getLogger(ROOT).setLevel(_LEVELS[level])
    logging.captureWarnings(True)


def _one_line(text: object) -> str:
    """Control characters escaped: a peer's text must not begin a line of its own."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def _shown(value: object) -> str:
    if isinstance(value, str) and value.isprintable() and value and not any(c in value for c in ' "=\\'):
        return value
    return _one_line(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))
