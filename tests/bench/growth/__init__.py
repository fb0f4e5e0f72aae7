"""How the cost of a message grows with the size of a site: ``bin/bench --growth NAME…`` and ``--plot``.

``sites`` writes sites of a size, ``filling`` puts millions of entries into Redis, ``curves`` names what is measured,
``measuring`` measures it in turns, ``telling`` has the table and the JSON, ``plotting`` the pictures.
"""
