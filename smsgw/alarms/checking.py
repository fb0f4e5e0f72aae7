"""Whether what ``alarms.toml`` names can be used: a channel's URL is there, and apprise knows what it means."""

from __future__ import annotations

from smsgw.alarms.sending import understood
from smsgw.config.alarms import ALARMS_FILE
from smsgw.config.site import Site
from smsgw.documents.document import Document
from smsgw.documents.problems import Problems
from smsgw.errors import ConfigError


def channel_faults(site: Site) -> tuple[ConfigError, ...]:
    """What is wrong with channels' URLs, by file and line, without a word of any URL. Sends nothing.

    A variable that the environment lacks is no fault here: the process that sends has its own.
    """
    problems = Problems()
    document = Document.read(site.directory / ALARMS_FILE, problems) if site.alarms.channels else None
    if document is None:
        return problems.errors
    for index, channel in enumerate(site.alarms.channels.values()):
        key = ("channel", index, "url" if channel.variable else "url_file")
        try:
            url = channel.secret_url()
        except ValueError as error:
            if not channel.variable:
                document.error(problems, key, str(error))
            continue
        if not understood(url):
            document.error(problems, key, "apprise does not know what its URL means")
    return problems.errors
