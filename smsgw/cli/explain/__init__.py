"""``smsgw explain``: what would become of a message, rule by rule.

``findings`` is what is found out, ``dry_run`` asks the rules, ``stateful`` the store, ``hints`` says what would have to
change, ``page`` and ``answer`` show it to people and to programs.
"""
