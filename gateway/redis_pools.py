"""Connections to Redis: what all who use one set alike."""

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def waiting_pool(url: str, *, most: int, connect_s: float) -> BlockingConnectionPool:
    """At most so many connections, for one of which is waited at most `connect_s`.

    Nothing is tried again: who asks has a time limit of his own, and something to do without an answer.
    """
    return BlockingConnectionPool.from_url(
        url,
        max_connections=most,
        timeout=connect_s,
        socket_connect_timeout=connect_s,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        decode_responses=False,
    )


def retry() -> Retry:
    """For a pool of connections: one that broke while it was idle, as at a restart, is made anew at once."""
    return Retry(NoBackoff(), 1)
