"""The files of a site → frozen settings; every error says file, line, key, and what was expected.

``load.load_site`` is the way in; ``site.Site`` is what comes out. One module per kind of file (``node``,
``account``, ``carrier``, ``profile``, ``routes``, ``calendar``) holds its keys. Reads files and the
environment, constructs, and hands over; nothing else of smsgw imports it but ``app``, ``cli`` and the console.
"""
