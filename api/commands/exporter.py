"""`/metrics` on an address of its own, for whoever watches this process."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import disable_created_metrics, start_http_server

from telephony.settings import Settings


@contextmanager
def exported(settings: Settings) -> Iterator[None]:
    """Answer in a thread of its own, also while the event loop is stuck; OSError where the port
    is taken. Without a port nothing listens."""
    if not settings.metrics_port:
        yield
        return
    disable_created_metrics()  # type: ignore[no-untyped-call]  # twice the series for nothing
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host)
    except OSError as error:
        place = f"{settings.metrics_host} port {settings.metrics_port}"
        said = f"SMS_VOIP_METRICS_PORT: {place} cannot be taken: {error.strerror}"
        raise OSError(said) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
