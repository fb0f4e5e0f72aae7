"""Commands of the daily work: pause and resume, review, quotas, the audit log; a module each."""
