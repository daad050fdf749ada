"""One stream of a controller: requests in, answers out as they are ready."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter

import grpc

from airgraph.v1 import allocator_pb2
from airgraph_server.allocation import Allocation, CallScope, Outcome
from airgraph_server.errors import InvalidInstanceError

Read = Callable[[], CallScope]
Say = Callable[[allocator_pb2.AllocateRequest, Outcome, float], allocator_pb2.AllocateStreamResponse]


class Stream:
    """Reads while it answers.

    As many requests as the window are read ahead of the answers that the caller has taken; then reading stops, and
    gRPC's flow control holds the caller back. So a caller that does not read its answers holds up nobody but itself.
    """

    def __init__(
        self, allocation: Allocation, scope: Read, say: Say, window: int, default_deadline: float | None = None
    ) -> None:
        """Answers by ``allocation``; ``scope`` gives that of the whole call, ``say`` makes the messages.

        ``say`` takes the request, what became of it, and the seconds that took. A request has ``default_deadline``
        seconds where neither it nor the call has a limit.
        """
        self._default_deadline = default_deadline
        self._allocation, self._scope, self._say = allocation, scope, say
        self._answers: queue.SimpleQueue[allocator_pb2.AllocateStreamResponse | None] = queue.SimpleQueue()
        self._window = threading.Semaphore(window)
        self._lock = threading.Lock()
        self._open = 0
        self._ended = False

    def answers(
        self, requests: Iterator[allocator_pb2.AllocateStreamRequest]
    ) -> Iterator[allocator_pb2.AllocateStreamResponse]:
        """The answers, until the caller has closed its side and all are given."""
        reader = threading.Thread(target=self._read, args=(requests,), name="stream-reader", daemon=True)
        reader.start()
        try:
            while True:
                answer = self._answers.get()
                if answer is None:
                    return
                yield answer
                # Taken by gRPC, which waits where the caller does not read.
                self._window.release()
        finally:
            # Whatever ended the call, the reader must not wait for a window that nobody opens.
            self.end()
            self._window.release()

    def end(self) -> None:
        """Reads no more; `answers` ends once what was read is answered."""
        with self._lock:
            if not self._ended:
                self._ended = True
                if self._open == 0:
                    self._answers.put(None)

    def _read(self, requests: Iterator[allocator_pb2.AllocateStreamRequest]) -> None:
        try:
            for item in requests:
                self._window.acquire()
                with self._lock:
                    if self._ended:
                        return
                    self._open += 1
                self._begin(item)
        except grpc.RpcError:
            # The caller has gone away.
            pass
        finally:
            self.end()

    def _begin(self, item: allocator_pb2.AllocateStreamRequest) -> None:
        began, scope, request = perf_counter(), self._scope(), item.request
        if not request.request_id:
            self._answered(request, InvalidInstanceError("request_id", "an id on a stream", "none"), began)
            return
        if item.HasField("timeout_seconds"):
            if not item.timeout_seconds > 0:
                error = InvalidInstanceError("timeout_seconds", "a positive number", f"{item.timeout_seconds:g}")
                self._answered(request, error, began)
                return
            own = began + item.timeout_seconds
            scope = replace(scope, deadline=own if scope.deadline is None else min(own, scope.deadline))
        elif scope.deadline is None and self._default_deadline is not None:
            scope = replace(scope, deadline=began + self._default_deadline)
        self._allocation.submit(request, scope, lambda outcome: self._answered(request, outcome, began))

    def _answered(self, request: allocator_pb2.AllocateRequest, outcome: Outcome, began: float) -> None:
        self._answers.put(self._say(request, outcome, perf_counter() - began))
        with self._lock:
            self._open -= 1
            if self._ended and self._open == 0:
                self._answers.put(None)
