"""Door 1: JSON for the mini-program and for programs. HTTP only: parse, one backend call, reply."""
