"""Where several workers listen."""

import socket

import pytest

from gateway.workers import listening_socket


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_all_addresses_are_those_of_both_families(address: str) -> None:
    """On `::` workers are reached over IPv4 as well."""
    with listening_socket("::", 0) as listener:
        socket.create_connection((address, listener.getsockname()[1]), timeout=5).close()


def test_an_address_of_ipv4_is_one_of_ipv4() -> None:
    """Without IPv6 nothing of it is needed."""
    with listening_socket("127.0.0.1", 0) as listener:
        assert listener.family == socket.AF_INET
