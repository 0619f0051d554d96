"""What a team would have built instead, small and fair, on the same tables. See README.md in this folder."""
