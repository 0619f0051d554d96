#!/bin/sh
# Runs once, when the PostgreSQL container makes its cluster: the product gets a database and a role of its own that is no superuser,
# and the superuser loses its password: it enters from inside the container alone (docker compose exec postgres psql -U postgres).
set -eu
psql -v ON_ERROR_STOP=1 -v password="$ROLE_PASSWORD" -U postgres -d postgres <<'SQL'
CREATE ROLE daka LOGIN PASSWORD :'password';
CREATE DATABASE daka OWNER daka;
REVOKE ALL ON DATABASE daka FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
ALTER ROLE postgres PASSWORD NULL;
SQL
