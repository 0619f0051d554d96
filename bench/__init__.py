"""Load scenarios against the real service, on this machine alone. See README.md in this folder."""
