"""Consent to the privacy notice: the current version, and what a member gave or withdrew (个人信息保护法 13–17, 29)."""

from __future__ import annotations

# The version of the notice that the product shows. A change of the notice is a new version, and asks everybody again.
CURRENT = "2026-11"
