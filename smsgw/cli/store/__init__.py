"""``smsgw store``: ``commands`` parses and prints, ``places`` opens the stores of a migration."""
