"""What a command asks the running gateway: its ops port, over HTTP. Reads only."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

from smsgw.config.site import Site
from smsgw.errors import ConnectFailed

_TIMEOUT_S = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
#: The gateway is asked directly, whatever proxy the environment names.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def address(site: Site) -> str:
    """``http://host:port`` of the site's ops port, as it is reached from here."""
    host = _EVERYWHERE.get(site.ops.host, site.ops.host)
    return f"http://[{host}]:{site.ops.port}" if ":" in host else f"http://{host}:{site.ops.port}"


def ask(site: Site, page: str) -> dict[str, Any]:
    """A page of the gateway, such as ``/status``. Raises ConnectFailed with a line for the user."""
    url = address(site)
    if not site.ops.port:
        raise ConnectFailed("[ops] port is 0 in smsgw.toml: the gateway takes any, so it can't be asked")
    try:
        with _open(url + page, timeout=_TIMEOUT_S) as answer:
            found = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise ConnectFailed(f"{url}{page} answers {error.code} {error.reason}; is that this site's gateway?") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        why = getattr(reason, "strerror", None) or reason
        raise ConnectFailed(f"the gateway does not answer on {url}: {why}; is it running?") from error
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
