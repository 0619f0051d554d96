"""Knows no feature: settings, errors, clock, access, audit, database, redis, security, documents."""
