import hashlib
import json
import threading

import grpc
import numpy as np
import pytest
from requests_to import power_control_request

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_server.app import Server
from airgraph_server.settings import Settings

CALLERS, CALLS = 8, 15


@pytest.fixture
def audited(tmp_path):
    file = tmp_path / "audit.jsonl"
    # What a crash in the middle of a line leaves behind.
    file.write_text('{"request_id":"earlier"}\n{"request_id":"to')
    with Server(Settings(host="127.0.0.1", port=0, metrics_port=None, audit_file=file)) as server:
        yield server, file


def test_every_answer_has_one_whole_line(audited):
    server, file = audited
    gain = np.random.default_rng(0).exponential(size=(4, 4))
    answers = {}
    with grpc.insecure_channel(server.target) as channel:
        stub = allocator_pb2_grpc.AllocatorStub(channel)

        def call(caller):
            for i in range(CALLS):
                name = f"{caller}-{i}"
                answers[name] = stub.Allocate(power_control_request(gain, name, noise_power=0.1), timeout=60)

        threads = [threading.Thread(target=call, args=(i,)) for i in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        batch = [power_control_request(gain, f"batch-{i}") for i in range(3)]
        stub.AllocateBatch(allocator_pb2.AllocateBatchRequest(requests=batch), timeout=60)
        items = [
            allocator_pb2.AllocateStreamRequest(request=power_control_request(gain, f"stream-{i}")) for i in range(3)
        ]
        assert all(answer.result.HasField("response") for answer in stub.AllocateStream(iter(items), timeout=60))
    first, torn, *rest = file.read_text().splitlines()
    assert first == '{"request_id":"earlier"}'
    assert torn == '{"request_id":"to'
    lines = [json.loads(line) for line in rest]
    by_id = {line["request_id"]: line for line in lines}
    wanted = {*answers, *(f"{kind}-{i}" for kind in ("batch", "stream") for i in range(3))}
    assert len(answers) == CALLERS * CALLS
    assert wanted <= by_id.keys()
    assert sum(line["request_id"] in wanted for line in lines) == len(wanted)
    problem = power_control_request(gain, noise_power=0.1).power_control.SerializeToString(deterministic=True)
    for name, answer in answers.items():
        line, source = by_id[name], answer.provenance
        assert line["input_sha256"] == hashlib.sha256(problem).hexdigest()
        assert line["solver"] == source.solver
        assert line["margin"] == source.constraint_margin >= 0
        assert bool(line["model_sha256"]) == bool(source.model_name)


def test_an_answer_that_cannot_be_recorded_is_not_sent():
    # A device that is always full.
    with (
        Server(Settings(host="127.0.0.1", port=0, metrics_port=None, audit_file="/dev/full")) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        with pytest.raises(grpc.RpcError) as caught:
            allocator_pb2_grpc.AllocatorStub(channel).Allocate(power_control_request(np.eye(2)), timeout=60)
        assert caught.value.code() is grpc.StatusCode.INTERNAL
