"""What daka does; knows no HTTP."""
