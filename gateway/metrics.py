"""What the gateway counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter


class Metrics:
    """One registry an app. Label values come from small fixed sets, never from clients."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._limits = Counter(
            "gateway_limits_exceeded_total",
            "Operations over a limit: refused, or with WARN_ONLY let through.",
            ("limit",),
            registry=self.registry,
        )
        self._callbacks = Counter(
            "gateway_callbacks_total",
            "Callbacks of backends by what became of them.",
            ("outcome",),
            registry=self.registry,
        )
        self._cache_failures = Counter(
            "gateway_shared_cache_failures_total",
            "Failures of the shared cache, each of which was treated as a miss.",
            ("kind",),
            registry=self.registry,
        )

    def count_limit(self, limit: str) -> None:
        """Counts one operation over the limit of this name."""
        self._limits.labels(limit).inc()

    def count_callback(self, outcome: str) -> None:
        """Counts one callback: new, repeated, full, forged, malformed; unknown or unsettled once it was followed."""
        self._callbacks.labels(outcome).inc()

    def count_cache_failure(self, kind: str) -> None:
        """Counts one failure of the shared cache: timeout, connection, other."""
        self._cache_failures.labels(kind).inc()
