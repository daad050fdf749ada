"""Puts the server together, and takes it apart cleanly."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from types import FrameType
from wsgiref.simple_server import WSGIServer

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc, registry_pb2, registry_pb2_grpc
from airgraph_server.allocation import Allocation
from airgraph_server.draining import Draining
from airgraph_server.inference import Inference
from airgraph_server.log import logger
from airgraph_server.metrics import Metrics
from airgraph_server.probes import ProbeServer
from airgraph_server.registry.registry import ChangesModels, Registry
from airgraph_server.rpc.allocator import AllocatorServicer
from airgraph_server.rpc.call_log import CallLog
from airgraph_server.rpc.inference import InferenceServicer
from airgraph_server.rpc.interceptor import CallInterceptor
from airgraph_server.rpc.registry import RegistryServicer
from airgraph_server.rpc.scope import deadline_of
from airgraph_server.scheduler.turns import Turns
from airgraph_server.security.guard import Guard, is_loopback
from airgraph_server.security.limits import transport_options
from airgraph_server.security.slow_readers import SlowReaders
from airgraph_server.security.tls import server_credentials
from airgraph_server.settings import Settings
from airgraph_server.tracing.loading import load_tracer
from inference import open_inference_pb2, open_inference_pb2_grpc

ALLOCATOR = allocator_pb2.DESCRIPTOR.services_by_name["Allocator"].full_name
REGISTRY = registry_pb2.DESCRIPTOR.services_by_name["Registry"].full_name
SPARE_THREADS = 16
LAST_WAIT = 1.0
LAST_CALLS = 0.2
"""Seconds for which a server that drains refuses new calls before it closes: controllers that call ten times a second
hear of it in a status that they retry on."""
INFERENCE = open_inference_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name


class Server:
    """One process: the gRPC server, its models and its metrics endpoint.

    A context manager in tests; `run` in production. Health answers NOT_SERVING until every model has been
    verified, has reproduced its golden instance and is warm.
    """

    def __init__(self, settings: Settings, changes: Callable[[Registry], ChangesModels] | None = None) -> None:
        """Prepares everything that cannot fail for lack of a model.

        Args:
            settings: What to serve, and how.
            changes: Who changes the models when a caller asks, where that is not this process alone. Such a process is
                one of several on a port that listens only in `open`.

        Raises:
            OSError: A port cannot be bound, or a certificate or the access file cannot be read.
            ImportError: Traces are asked for and OpenTelemetry is not installed.
        """
        self.settings = settings
        self.metrics = Metrics()
        self.registry = Registry(settings, self.metrics)
        self._one_of_several = changes is not None
        changing = self.registry if changes is None else changes(self.registry)
        self._stopping, self._wake, self._ready = threading.Event(), threading.Event(), threading.Event()
        self._health = health.HealthServicer()
        self._metrics_server: WSGIServer | None = None
        self._tracer = load_tracer(settings) if settings.trace else None
        log = CallLog(settings)
        limit = settings.max_message_bytes
        computing = settings.threads + settings.max_queued_calls
        threads = computing + settings.max_streams + SPARE_THREADS
        self._turns = Turns(computing + SPARE_THREADS)
        self._draining = Draining()
        self._allocation = Allocation(settings, self.registry, self.metrics, self._turns)
        self._grpc = grpc.server(
            # One for each stream; some for health, registry and refusals.
            ThreadPoolExecutor(settings.max_streams + SPARE_THREADS, "call"),
            interceptors=[
                CallInterceptor(self.metrics, log, self._tracer, self._turns, self._look),
                self._draining,
                Guard(settings, settings.host),
                SlowReaders(settings.slow_reader_seconds),
            ],
            # More would wait for a thread without anybody knowing: refused at once instead.
            maximum_concurrent_rpcs=threads,
            options=[
                ("grpc.max_receive_message_length", limit),
                ("grpc.max_send_message_length", limit),
                # Two servers on one port would silently share its calls.
                ("grpc.so_reuseport", int(self._one_of_several)),
                *transport_options(settings),
            ],
        )
        self.registry.before_traffic = self._allocation.warm_up
        self._allocator = AllocatorServicer(self._allocation, log, settings)
        allocator_pb2_grpc.add_AllocatorServicer_to_server(self._allocator, self._grpc)
        registry_pb2_grpc.add_RegistryServicer_to_server(RegistryServicer(self.registry, changing), self._grpc)
        open_inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(
            InferenceServicer(
                Inference(self.registry, self._allocation.scheduler, self.metrics, self._allocation.audit),
                self.registry,
                changing,
                self._ready.is_set,
                settings.default_deadline_seconds,
            ),
            self._grpc,
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        self.services = (ALLOCATOR, REGISTRY, INFERENCE)
        reflection.enable_server_reflection((*self.services, health.SERVICE_NAME, reflection.SERVICE_NAME), self._grpc)
        self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        self._probes: ProbeServer | None = None
        self.port: int | None = None
        self.probe_port: int | None = None
        self.metrics_port: int | None = None
        if not self._one_of_several:
            self._bind()

    @property
    def target(self) -> str:
        """Where a client connects."""
        return f"{self.settings.host}:{self.port}"

    def start(self) -> None:
        """Listens, loads the models, then reports ready."""
        if self.settings.metrics_port is not None:
            self._metrics_server, _ = start_http_server(
                self.settings.metrics_port, self.settings.host.strip("[]"), self.metrics.registry
            )
            self.metrics_port = self._metrics_server.server_port
        self.open()
        self.registry.load()
        if self.settings.watch_seconds is not None:
            threading.Thread(target=self._watch, args=(self.settings.watch_seconds,), daemon=True).start()
        self.report_ready()
        ports = {"port": self.port, "metrics_port": self.metrics_port, "probe_port": self.probe_port}
        logger().info("ready", target=self.target, **ports)

    def open(self) -> None:
        """Takes calls from here on.

        Raises:
            OSError: One of several processes cannot bind the port.
        """
        if self._one_of_several:
            self._bind()
        if self._probes is not None:
            self._probes.start()
        self._grpc.start()

    def report_ready(self) -> None:
        """Tells probes and callers that every model was looked at."""
        self._set_health(health_pb2.HealthCheckResponse.SERVING)
        self._ready.set()

    def drain(self) -> None:
        """Refuses new calls for a moment, then stops; all within the time that the settings give."""
        moment = min(LAST_CALLS, self.settings.drain_seconds)
        self.refuse()
        sleep(moment)
        self.stop(self.settings.drain_seconds - moment)

    def refuse(self) -> None:
        """Answers new calls with UNAVAILABLE from here on, and says so to whoever watches; running ones go on."""
        self._draining.refuse()
        self._stopping.set()
        self._ready.clear()
        # It tells every watcher, and waits for each to listen: one that has stalled must not keep the server up.
        telling = threading.Thread(target=self._health.enter_graceful_shutdown, daemon=True)
        telling.start()
        telling.join(LAST_WAIT)
        self._allocator.drain()

    def stop(self, grace: float | None = None) -> None:
        """Closes to new calls, lets running ones finish within the grace, then ends."""
        self.refuse()
        seconds = self.settings.drain_seconds if grace is None else grace
        # A health watch that its caller cancels meanwhile may leave gRPC waiting for ever.
        self._grpc.stop(seconds).wait(seconds + LAST_WAIT)
        self._turns.shutdown()
        self._allocation.close()
        if self._tracer is not None:
            self._tracer.close(LAST_WAIT)
        if self._probes is not None:
            self._probes.stop()
        if self._metrics_server is not None:
            self._metrics_server.shutdown()
            self._metrics_server.server_close()
            self._metrics_server = None

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT, then drains."""
        quick_to_answer()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, lambda number, frame: self._wake.set())
        self.start()
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            if not self._stopping.is_set():
                self._reload()
        logger().info("draining", seconds=self.settings.drain_seconds)
        self.drain()
        logger().info("stopped")

    def _look(self, context: grpc.ServicerContext) -> None:
        self._allocation.scheduler.door.look(deadline_of(context, self.settings.default_deadline_seconds))

    def _bind(self) -> None:
        settings = self.settings
        try:
            self.port = self._listen(f"{settings.host}:{settings.port}")
        except RuntimeError as error:
            raise OSError(f"cannot listen on {settings.host}:{settings.port}: {error}") from error
        if settings.probe_port is not None:
            self._probes = ProbeServer(settings.host, settings.probe_port, self._health, self._one_of_several)
            self.probe_port = self._probes.port

    def _listen(self, address: str) -> int:
        credentials = server_credentials(self.settings)
        if credentials is not None:
            return self._grpc.add_secure_port(address, credentials)
        if self.settings.access_file is not None and not is_loopback(self.settings.host):
            logger().warning("tokens_without_tls", address=address)
        return self._grpc.add_insecure_port(address)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()
        self._wake.set()

    def _reload(self) -> None:
        try:
            self.registry.reload()
        except Exception as error:
            logger().error("reload_failed", reason=str(error))

    def _watch(self, seconds: float) -> None:
        while not self._stopping.wait(seconds):
            self._reload()

    def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in ("", *self.services):
            self._health.set(service, status)

    def __enter__(self) -> Server:
        """Starts serving."""
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stops serving."""
        self.stop()


def quick_to_answer() -> None:
    """A handler that waits for the interpreter lock waits a millisecond, not five, for one that computes."""
    sys.setswitchinterval(1e-3)
