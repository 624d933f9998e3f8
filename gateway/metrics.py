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

    def count_limit(self, limit: str) -> None:
        """Counts one operation over the limit of this name."""
        self._limits.labels(limit).inc()
