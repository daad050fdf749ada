"""A port for probes alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2_grpc

PROBE_THREADS = 2
LARGEST_PROBE = 4096


class ProbeServer:
    """Serves the health service, and nothing else, in plain text: a kubelet's gRPC probe speaks no TLS."""

    def __init__(self, host: str, port: int, servicer: health.HealthServicer, shared: bool = False) -> None:
        """Binds the port, with other processes where it is shared.

        Raises:
            OSError: It cannot be bound.
        """
        self._grpc = grpc.server(
            ThreadPoolExecutor(PROBE_THREADS, "probe"),
            maximum_concurrent_rpcs=PROBE_THREADS,
            options=[("grpc.max_receive_message_length", LARGEST_PROBE), ("grpc.so_reuseport", int(shared))],
        )
        health_pb2_grpc.add_HealthServicer_to_server(servicer, self._grpc)
        try:
            self.port = self._grpc.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(f"cannot listen on {host}:{port}: {error}") from error

    def start(self) -> None:
        """Answers probes from here on."""
        self._grpc.start()

    def stop(self) -> None:
        """Answers no more."""
        self._grpc.stop(None).wait()
