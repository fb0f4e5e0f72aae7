"""What engineers order of carriers, binds and accounts."""
