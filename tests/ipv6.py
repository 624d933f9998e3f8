"""Whether this machine has IPv6: containers often have not."""

import socket


def has_ipv6(address: str) -> bool:
    """Whether something can listen there."""
    try:
        socket.create_server((address, 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
