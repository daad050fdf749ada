"""Ids of requests, and a line in the log for each call or for a share of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from airgraph.v1 import allocator_pb2
from airgraph_server.log import logger
from airgraph_server.settings import Settings
from airgraph_server.tracing.facts import LONGEST_ID
from inference import open_inference_pb2


def new_id() -> str:
    """An id for what came without one."""
    # Nobody's secret, and a tenth of the time of `uuid4`, which asks the system.
    return f"{random.getrandbits(128):032x}"


def identify(message: object) -> dict[str, str]:
    """Gives every instance of a message an id where its caller gave none; what log lines about the call name.

    A batch goes by the id of the call, which it has already.
    """
    if isinstance(message, allocator_pb2.AllocateRequest):
        message.request_id = message.request_id or new_id()
        return {"request_id": message.request_id[:LONGEST_ID]}
    if isinstance(message, allocator_pb2.AllocateBatchRequest):
        for request in message.requests:
            request.request_id = request.request_id or new_id()
    if isinstance(message, open_inference_pb2.ModelInferRequest):
        message.id = message.id or new_id()
        return {"request_id": message.id[:LONGEST_ID]}
    return {}


def instance_ids(message: object) -> dict[str, list[str]]:
    """The ids of the instances of a batch; of any other message nothing."""
    if isinstance(message, allocator_pb2.AllocateBatchRequest):
        return {"request_ids": [request.request_id[:LONGEST_ID] for request in message.requests]}
    return {}


class CallLog:
    """Writes access lines: ``call`` when one ends, ``stream_answer`` for each answer of a stream."""

    def __init__(self, settings: Settings) -> None:
        """Keeps how many are wanted."""
        self._all = settings.log_level == "debug"
        self._share = settings.log_calls

    def call(self, service: str, method: str, code: str, seconds: float, message: object) -> None:
        """One call has ended; the ids of call and trace are bound to the thread."""
        write = self._writer()
        if write is not None:
            write("call", service=service, method=method, code=code, seconds=round(seconds, 6), **instance_ids(message))

    def stream_answer(self, request_id: str, code: str, seconds: float, trace_id: str) -> None:
        """One request of a stream was answered or refused, ``seconds`` after it came."""
        write = self._writer()
        if write is not None:
            ids = {"request_id": request_id[:LONGEST_ID], **({"trace_id": trace_id} if trace_id else {})}
            write("stream_answer", code=code, seconds=round(seconds, 6), **ids)

    def _writer(self) -> Callable[..., Any] | None:
        if self._share and random.random() < self._share:
            return logger().info
        return logger().debug if self._all else None
