"""Whose address counts: the peer's, unless it is a proxy that we trust."""

from __future__ import annotations

import ipaddress
from types import SimpleNamespace

import pytest
from multidict import CIMultiDict

from api.requests import caller_address
from backend.kernel.settings import Settings

TRUSTING = Settings(trusted_proxies=(ipaddress.ip_network("10.0.0.0/8"),))


def asked(peer: str, *lines: str) -> SimpleNamespace:
    headers = CIMultiDict([("x-forwarded-for", line) for line in lines])
    return SimpleNamespace(ip=peer, headers=SimpleNamespace(getall=headers.getall))


@pytest.mark.parametrize(
    "peer, lines, address",
    [
        ("203.0.113.9", ["6.6.6.6"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["6.6.6.6, 9.9.9.9"], "9.9.9.9"),
        ("10.0.0.1", ["6.6.6.6", "9.9.9.9"], "9.9.9.9"),
        ("10.0.0.1", ["6.6.6.6, 9.9.9.9, 10.0.0.7"], "9.9.9.9"),
        ("10.0.0.1", ["9.9.9.9:1234"], "9.9.9.9"),
        ("10.0.0.1", ["[2001:db8::1]:55"], "2001:db8::1"),
        ("10.0.0.1", ["6.6.6.6, anything"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
    ],
)
def test_the_last_hop_that_we_do_not_trust_is_the_caller(peer: str, lines: list[str], address: str):
    assert caller_address(asked(peer, *lines), TRUSTING) == address
