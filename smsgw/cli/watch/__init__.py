"""What engineers look at while it runs."""
