"""Several observers of the same calls."""

from gateway.backends.base import CallObserver
from schema.backend import Backend
from schema.errors import ErrorCode


class Observers:
    """Tells each of them, in their order."""

    def __init__(self, *observers: CallObserver) -> None:
        self._observers = observers

    def called(self, backend: Backend, endpoint: str, failure: ErrorCode | None, seconds: float) -> None:
        for observer in self._observers:
            observer.called(backend, endpoint, failure, seconds)

    def misfit(self, backend: Backend, field: str) -> None:
        for observer in self._observers:
            observer.misfit(backend, field)
