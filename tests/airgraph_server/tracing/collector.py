"""An OTLP collector in this process: the real protocol, and nothing behind it."""

import threading
from concurrent import futures
from contextlib import contextmanager

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps every span with the attributes of its resource."""

    def __init__(self):
        self.spans, self.resources = [], []
        self.stalled = None
        self._go = threading.Event()
        self._go.set()

    def stall(self):
        """From here on answers nothing until `release`."""
        self._go.clear()

    def release(self):
        self._go.set()

    def Export(self, request, context):  # noqa: N802
        self.stalled = context
        self._go.wait(60)
        for part in request.resource_spans:
            self.resources.append(plain(part.resource.attributes))
            self.spans += [span for scope in part.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    def named(self, name):
        return [span for span in self.spans if span.name == name]

    def children(self, parent):
        """In the order in which they began."""
        found = [span for span in self.spans if span.parent_span_id == parent.span_id]
        return sorted(found, key=lambda span: span.start_time_unix_nano)


@contextmanager
def collecting():
    """A collector and the address it listens on."""
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector, f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def plain(attributes):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}
