"""The parent of the workers: starts them, replaces one that ends, stops them, and passes changes on to all.

It answers no call itself, and so holds neither models nor gRPC.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Coroutine
from contextlib import ExitStack, suppress
from uuid import uuid4

from prometheus_client import start_http_server

from airgraph_server.log import logger
from airgraph_server.settings import Device, Settings
from airgraph_server.workers.link import RELOAD
from airgraph_server.workers.metrics import WholeMetrics
from airgraph_server.workers.process import WorkerProcess
from airgraph_server.workers.relay import Relay
from airgraph_server.workers.shared_port import reserve

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a worker that has ended is replaced; doubled where its successor does not last."""
LASTING = 60.0
"""Seconds after which a worker counts as sound."""
LAST_WAIT = 5.0
"""Seconds beyond the drain after which a worker that still runs is killed."""


class WorkersFailedError(RuntimeError):
    """The workers cannot be started as the settings say."""


class Parent:
    """All processes of one server with ``workers`` > 1."""

    def __init__(self, settings: Settings) -> None:
        """Keeps the settings."""
        self._settings = settings
        self._count = settings.workers
        self._workers: dict[int, WorkerProcess] = {}
        self._loaded = 0
        self._ports: dict[str, int | None] = {}
        self._started = False

    def run(self) -> None:
        """Serves until SIGTERM or SIGINT, then drains.

        Raises:
            OSError: A port cannot be bound.
            WorkersFailedError: A worker ended before all were ready, or the workers run on a GPU.
        """
        settings = self._settings
        with ExitStack() as opened:
            self._ports = {
                name: opened.enter_context(reserve(settings.host, port)).getsockname()[1] if port is not None else None
                for name, port in (("port", settings.port), ("probe_port", settings.probe_port))
            }
            self._directory = opened.enter_context(tempfile.TemporaryDirectory(prefix="airgraph-metrics-"))
            self._metrics = WholeMetrics(self._directory)
            self._ports["metrics_port"] = None
            if settings.metrics_port is not None:
                server, _ = start_http_server(settings.metrics_port, settings.host.strip("[]"), self._metrics.registry)
                opened.callback(server.server_close)
                opened.callback(server.shutdown)
                self._ports["metrics_port"] = server.server_port
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._stopping, self._all_loaded, self._relay = asyncio.Event(), asyncio.Event(), Relay()
        self._background: set[asyncio.Task[None]] = set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin(self._reload()))
        if self._settings.watch_seconds is not None:
            self._begin(self._watch(self._settings.watch_seconds))
        keeping = [asyncio.create_task(self._keep(number)) for number in range(self._count)]
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([stopping, *keeping], return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        logger().info("draining", seconds=self._settings.drain_seconds)
        self._signal_all(signal.SIGTERM)
        _, late = await asyncio.wait(keeping, timeout=self._settings.drain_seconds + LAST_WAIT)
        if late:
            self._signal_all(signal.SIGKILL)
        outcomes = await asyncio.gather(*keeping, return_exceptions=True)
        for task in self._background:
            task.cancel()
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        logger().info("stopped")

    async def _keep(self, number: int) -> None:
        """One worker after the other, until the server stops."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = loop.time()
            worker = self._workers[number] = await WorkerProcess.start(number, self._told(), self._directory)
            code = await self._attend(worker)
            if self._stopping.is_set():
                return
            if not self._started:
                raise WorkersFailedError(f"worker {number} ended with {code} before all were ready")
            if loop.time() - began > LASTING:
                pause = FIRST_PAUSE
            self._metrics.ended.inc()
            logger().error("worker_ended", worker=number, pid=worker.process.pid, code=code, replaced_in=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _told(self) -> Settings:
        """What a worker is told to serve; the parent sees to the rest."""
        # That no worker found a GPU is settled once.
        device = Device.CPU if self._started else self._settings.device
        return self._settings.model_copy(
            update={**self._ports, "metrics_port": None, "watch_seconds": None, "config_file": None, "device": device}
        )

    async def _attend(self, worker: WorkerProcess) -> int:
        """Listens to a worker until it ends; its exit status."""
        if self._stopping.is_set():
            worker.process.terminate()
        try:
            while (said := await worker.receive()) is not None:
                if "loaded" in said:
                    refuse_gpu(said["loaded"], self._count)
                    self._begin(self._join(worker))
                elif "ready" in said:
                    self._serves(worker)
                else:
                    self._begin(self._change(worker, said["ask"], said["arguments"], said["id"]))
        except WorkersFailedError:
            worker.process.terminate()
            raise
        finally:
            if worker.serving:
                self._metrics.serving.dec()
            code = await worker.ended()
            self._metrics.forget(worker.process.pid)
        return code

    async def _join(self, worker: WorkerProcess) -> None:
        # None listens before all can: who finds the port open finds the whole server.
        self._loaded += 1
        if self._loaded == self._count:
            self._all_loaded.set()
        await self._all_loaded.wait()
        await self._relay.join(worker)

    def _serves(self, worker: WorkerProcess) -> None:
        worker.serving = True
        self._metrics.serving.inc()
        self._begin(self._mind(worker))
        if not self._started and all(known.serving for known in self._workers.values()):
            self._started = True
            pids = [known.process.pid for known in self._workers.values()]
            logger().info("ready", target=f"{self._settings.host}:{self._ports['port']}", **self._ports, workers=pids)

    async def _mind(self, worker: WorkerProcess) -> None:
        """Ends a worker that hangs, and with it the calls that it would never answer."""
        patience = self._settings.worker_patience_seconds
        while worker.serving and not self._stopping.is_set():
            if not await worker.alive(patience):
                logger().error("worker_hung", pid=worker.process.pid, seconds=patience)
                with suppress(ProcessLookupError):
                    worker.process.kill()
                return
            await asyncio.sleep(patience / 3)

    async def _change(self, asking: WorkerProcess, change: str, arguments: list[str], name: str) -> None:
        failures = await self._relay.change(self._workers.values(), change, arguments, name)
        asking.send({"settled": name, "failures": failures})

    async def _reload(self) -> None:
        await self._relay.change(self._workers.values(), RELOAD, [], uuid4().hex)

    async def _watch(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self._reload()

    def _signal_all(self, number: signal.Signals) -> None:
        for worker in self._workers.values():
            with suppress(ProcessLookupError):
                worker.process.send_signal(number)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        # The loop itself holds tasks weakly.
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def refuse_gpu(devices: list[str], workers: int) -> None:
    """Lets several workers run on the CPU only.

    Raises:
        WorkersFailedError: A worker's models are elsewhere.
    """
    if any(device != Device.CPU for device in devices):
        raise WorkersFailedError(
            f"workers: expected 1 on a GPU, which has one owner, got {workers}; or set device to cpu"
        )
