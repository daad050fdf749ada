"""Append-only record of what was answered: one JSON object a line, none lost and none torn."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from google.protobuf.message import Message

from airgraph.v1 import allocator_pb2
from airgraph_server.decision.types import Decision
from inference import open_inference_pb2


class NamedModel(Protocol):
    """A model, as far as the record names it; where it has a card, the checksums of its files are recorded too."""

    name: str
    version: str


class AuditLog:
    """Writes each line with one system call at the file's end, before the answer is sent.

    A line cut short by a crash or a full disk is ended before the next one, so it cannot spoil that.
    """

    def __init__(self, path: Path) -> None:
        """Opens or creates the file.

        Raises:
            OSError: It cannot be written.
        """
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)

    def answered(
        self, request: allocator_pb2.AllocateRequest, response: allocator_pb2.AllocateResponse, decision: Decision
    ) -> None:
        """Records one answer of the Allocator.

        Raises:
            OSError: The line could not be written whole: the answer must not be sent.
        """
        problem = request.WhichOneof("problem")
        self._write(
            request_id=response.request_id,
            problem=problem,
            message=getattr(request, problem) if problem else None,
            model=decision.model,
            solver=decision.solver,
            margin=decision.margin,
            objective=decision.objective,
            baseline_objective=decision.baseline_objective,
            reason=decision.fallback.reason.value if decision.fallback else None,
        )

    def inferred(self, request: open_inference_pb2.ModelInferRequest, problem: str, model: NamedModel) -> None:
        """Records one answer of the Open Inference Protocol: nobody has weighed or projected it.

        Raises:
            OSError: The line could not be written whole: the answer must not be sent.
        """
        tensors = open_inference_pb2.ModelInferRequest(
            inputs=request.inputs, raw_input_contents=request.raw_input_contents
        )
        self._write(request_id=request.id, problem=problem, message=tensors, model=model, solver=model.name)

    def _write(
        self,
        *,
        request_id: str,
        problem: str | None,
        message: Message | None,
        model: NamedModel | None,
        solver: str,
        margin: float | None = None,
        objective: float | None = None,
        baseline_objective: float | None = None,
        reason: str | None = None,
    ) -> None:
        card = getattr(model, "card", None)
        given = b"" if message is None else message.SerializeToString(deterministic=True)
        entry = {
            "time": datetime.now(UTC).isoformat(),
            "request_id": request_id,
            "process": os.getpid(),
            "problem": problem,
            "input_sha256": hashlib.sha256(given).hexdigest(),
            "model": f"{model.name}:{model.version}" if model else None,
            "model_sha256": card.files if card is not None else None,
            "solver": solver,
            "margin": margin,
            "objective": objective,
            "baseline_objective": baseline_objective,
            "reason": reason,
        }
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            # Other processes of this server append to the same file.
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                self._append(line)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _append(self, line: bytes) -> None:
        size = os.fstat(self._file).st_size
        torn = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
        whole = b"\n" + line if torn else line
        written = os.write(self._file, whole)
        if written < len(whole):
            raise OSError(f"audit record: {written} of {len(whole)} bytes written")

    def close(self) -> None:
        """Closes the file; a second time does nothing."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
