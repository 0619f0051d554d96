"""The `daka` command, one file per group of commands."""
