"""Where several workers listen."""

import socket

import pytest

from gateway.workers import listening_socket
from tests.ipv6 import has_ipv6


def test_all_addresses_are_those_of_both_families() -> None:
    """On `::` workers are reached over IPv4 as well; where there is no IPv6 that is an OSError."""
    if not has_ipv6("::"):
        with pytest.raises(OSError, match="ddress"):
            listening_socket("::", 0)
        return
    addresses = ["127.0.0.1", "::1"] if has_ipv6("::1") else ["127.0.0.1"]
    with listening_socket("::", 0) as listener:
        for address in addresses:
            socket.create_connection((address, listener.getsockname()[1]), timeout=5).close()


def test_an_address_of_ipv4_is_one_of_ipv4() -> None:
    """Without IPv6 nothing of it is needed."""
    with listening_socket("127.0.0.1", 0) as listener:
        assert listener.family == socket.AF_INET
