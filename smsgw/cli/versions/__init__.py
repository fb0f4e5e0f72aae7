"""Commands about versions of the site: diff, apply, confirm, rollback, history."""
