"""What a command asks the running gateway: its ops port, over HTTP; what acts has a token of the site's secrets."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from smsgw.config.site import Site
from smsgw.errors import ConnectFailed
from smsgw.store.secrets import load
from smsgw.telemetry.token import PURPOSE, SCHEME, token_for

_TIMEOUT_S = 5.0
#: What a supervisor's /status has when none of its workers answers.
_MACHINE_ALONE = {"node", "other_nodes", "not_ready", "workers"}
_ACT = "/act/"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
#: The gateway is asked directly, whatever proxy the environment names.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def address(site: Site) -> str:
    """``http://host:port`` of the site's ops port, as it is reached from here."""
    host = _EVERYWHERE.get(site.ops.host, site.ops.host)
    return f"http://[{host}]:{site.ops.port}" if ":" in host else f"http://{host}:{site.ops.port}"


def ask(site: Site, page: str) -> dict[str, Any]:
    """A page of the gateway, such as ``/status``. Raises ConnectFailed with a line for the user."""
    with _asked(site, page) as answer:
        found = _object(site, page, answer.read())
    if found.keys() == _MACHINE_ALONE:
        why = "; ".join(f"{name}: {each['status']}" for name, each in found["workers"].items())
        raise ConnectFailed(f"the gateway's workers do not answer: {why}")
    return found


def act(site: Site, name: str, **body: object) -> dict[str, Any]:
    """Have the gateway do something. Raises ConnectFailed, also with what it objects."""
    request = _act_request(site, name, body)
    with _asked(site, request) as answer:
        return _object(site, _ACT + name, answer.read())


def watch(site: Site, name: str, **body: object) -> Iterator[dict[str, Any]]:
    """The same for what goes on: an object for each line, until the gateway ends or nobody wants more."""
    request = _act_request(site, name, body)
    with _asked(site, request) as answer:
        for line in answer:
            if line.strip():
                yield _object(site, _ACT + name, line)


def _act_request(site: Site, name: str, body: Mapping[str, object]) -> urllib.request.Request:
    octets = json.dumps(body).encode()
    key = load(site.secrets_file).hasher().key_for(PURPOSE)
    token = SCHEME + token_for(key, _ACT + name, octets, time.time())
    return urllib.request.Request(address(site) + _ACT + name, octets, {"Authorization": token}, method="POST")


@contextmanager
def _asked(site: Site, asked: str | urllib.request.Request) -> Iterator[Any]:
    url = address(site)
    if not site.ops.port:
        raise ConnectFailed("[ops] port is 0 in smsgw.toml: the gateway takes any, so it can't be asked")
    page = asked if isinstance(asked, str) else asked.selector
    try:
        with _open(url + asked if isinstance(asked, str) else asked, timeout=_TIMEOUT_S) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        raise ConnectFailed(_objection(f"{url}{page}", error)) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        why = getattr(reason, "strerror", None) or reason
        raise ConnectFailed(f"the gateway does not answer on {url}: {why}; is it running?") from error


def _objection(url: str, error: urllib.error.HTTPError) -> str:
    """What the gateway says against it; of anybody else only the status."""
    try:
        said = json.loads(error.read())["error"]
    except (OSError, ValueError, KeyError, TypeError):
        said = None
    if isinstance(said, str) and error.code in (400, 403):
        return f"the gateway refuses: {said}"
    return f"{url} answers {error.code} {error.reason}; is that this site's gateway?"


def _object(site: Site, page: str, octets: bytes) -> dict[str, Any]:
    url = address(site)
    try:
        found = json.loads(octets)
    except ValueError as error:
        raise ConnectFailed(f"{url}{page} answers no JSON; is that this site's gateway?") from error
    if not isinstance(found, dict):
        raise ConnectFailed(f"{url}{page} answers something else; is that this site's gateway?")
    return found


def business_now(site: Site) -> tuple[datetime, str]:
    """The time that rules go by now, and whose clock told it.

    In test mode the running gateway's; when it does not answer, where the site says that it starts.
    """
    real = datetime.now(UTC)
    if site.clock.mode == "real":
        return real, "real time"
    try:
        return datetime.fromisoformat(str(ask(site, "/clock")["now"])), "the gateway's test clock"
    except (ConnectFailed, KeyError, ValueError):
        if site.clock.start is None:
            return real, "real time; the gateway with its test clock does not answer"
        return site.clock.start, "where the test clock starts; the gateway does not answer"
