"""Load on a gRPC server: bytes out, bytes in, so that the client costs the same whatever it asks."""

import asyncio
import random
from contextlib import AsyncExitStack
from time import perf_counter
from typing import NamedTuple

import grpc

OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Outcome(NamedTuple):
    """What became of a call: its status, its seconds, and by how many seconds the generator began it late."""

    code: str
    seconds: float
    lag: float


def one_by_one(target, method, payload, calls):
    """Seconds of each of ``calls`` calls, one after the other."""
    with grpc.insecure_channel(target, OPTIONS) as channel:
        call = channel.unary_unary(method)
        seconds = []
        for _ in range(calls):
            began = perf_counter()
            call(payload, timeout=20)
            seconds.append(perf_counter() - began)
    return seconds


def closed(target, method, payloads, concurrency, seconds, connections=1, metadata=None):
    """Calls a second and seconds of each, as many callers as ``concurrency``, each with one call in flight."""

    async def run():
        async with AsyncExitStack() as opened:
            own = [*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
            channels = [
                await opened.enter_async_context(grpc.aio.insecure_channel(target, own)) for _ in range(connections)
            ]
            calls = [channel.unary_unary(method) for channel in channels]
            taken = []
            until = perf_counter() + seconds

            async def caller(number):
                call = calls[number % connections]
                while perf_counter() < until:
                    began = perf_counter()
                    await call(payloads[(number + len(taken)) % len(payloads)], timeout=20, metadata=metadata)
                    taken.append(perf_counter() - began)

            began = perf_counter()
            await asyncio.gather(*(caller(number) for number in range(concurrency)))
            return len(taken) / (perf_counter() - began), taken

    return asyncio.run(run())


def streamed(target, method, payloads, window, seconds):
    """Answers a second over one stream with ``window`` requests in flight."""

    async def run():
        async with grpc.aio.insecure_channel(target, OPTIONS) as channel:
            stream = channel.stream_stream(method)()
            for number in range(window):
                await stream.write(payloads[number % len(payloads)])
            answers, began = 0, perf_counter()
            while perf_counter() < began + seconds:
                await stream.read()
                answers += 1
                await stream.write(payloads[answers % len(payloads)])
            took = perf_counter() - began
            stream.cancel()
            return answers / took

    return asyncio.run(run())


def poisson(target, method, payloads, rate, seconds, deadline):
    """Outcomes of calls that arrive in a Poisson stream, whatever became of those before, and seconds of it all."""

    async def run():
        async with grpc.aio.insecure_channel(target, OPTIONS) as channel:
            call = channel.unary_unary(method)
            outcomes, pending, draw = [], set(), random.Random(0)

            async def one(payload, due):
                began, code = perf_counter(), "OK"
                try:
                    # What comes late is seen as DEADLINE_EXCEEDED.
                    await call(payload, timeout=deadline)
                except grpc.aio.AioRpcError as error:
                    code = error.code().name
                outcomes.append(Outcome(code, perf_counter() - began, began - due))

            began = due = perf_counter()
            while due < began + seconds:
                due += draw.expovariate(rate)
                wait = due - perf_counter()
                if wait > 0:
                    await asyncio.sleep(wait)
                task = asyncio.create_task(one(payloads[len(outcomes) % len(payloads)], due))
                pending.add(task)
                task.add_done_callback(pending.discard)
            await asyncio.gather(*pending)
            return outcomes, perf_counter() - began

    return asyncio.run(run())
