import asyncio
import inspect

import numpy as np
import pytest

from airgraph_client import (
    Answer,
    AsyncClient,
    Client,
    InvalidInstance,
    Overloaded,
    PowerControl,
    Unavailable,
)


def public(kind):
    return {
        name: list(inspect.signature(member).parameters.values())
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") or name == "__init__"
    }


def test_both_clients_have_one_surface():
    blocking, waiting = public(Client), public(AsyncClient)
    # The same parameters, of which asyncio's takes asynchronous iterables too.
    own = [parameter.name for parameter in waiting.pop("allocate_stream")]
    assert own == [parameter.name for parameter in blocking.pop("allocate_stream")]
    assert waiting == blocking


async def test_answers(target):
    async with AsyncClient(target, timeout=10) as client:
        answer = await client.control_power(np.eye(3))
        np.testing.assert_array_equal(answer.power, np.ones(3))
        answer = await client.beamform(np.ones((2, 2, 4), np.complex64))
        assert answer.beamformer.shape == (2, 4)
        answer = await client.precode(np.ones((2, 4), np.complex64))
        assert answer.precoder.shape == (4, 2)
        answer = await client.control_cell_free_power(np.ones((3, 2)), 1.0, pilot_length=2)
        assert answer.power.shape == (2,)


async def test_errors(target, fake, failures):
    async with AsyncClient(target, timeout=10) as client:
        with pytest.raises(InvalidInstance) as caught:
            await client.control_power(-np.eye(2))
        assert (caught.value.field, caught.value.got) == ("gain", "-1")
        fake.failure = failures["Overloaded"]
        with pytest.raises(Overloaded) as shed:
            await client.control_power(np.eye(2))
        assert shed.value.retry_after == pytest.approx(0.25)


async def test_an_instance_that_cannot_be_sent_fails_where_it_is_awaited(target):
    async with AsyncClient(target, timeout=10) as client:
        calls = [client.control_power(gain) for gain in (np.eye(3), "no gains")]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Answer, InvalidInstance]


async def test_a_batch_fails_one_by_one(target):
    async with AsyncClient(target, timeout=10) as client:
        outcomes = await client.allocate_batch([PowerControl(np.eye(3)), PowerControl(-np.eye(2))])
    assert [type(outcome) for outcome in outcomes] == [Answer, InvalidInstance]


async def test_registry_and_health(target, health_of):
    async with AsyncClient(target, timeout=10) as client:
        await client.wait_until_serving(timeout=5)
        assert [model.name for model in await client.models()] == ["wcgcn"]
        assert (await client.describe("wcgcn")).card
        assert (await client.status()).serving
        health_of.enter_graceful_shutdown()
        with pytest.raises(Unavailable, match="NOT_SERVING"):
            await client.wait_until_serving(timeout=0.2, poll=0.05)
