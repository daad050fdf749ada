"""The contract: clean to buf, present in full, and the committed stubs up to date."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airgraph.v1 import allocator_pb2, provenance_pb2, registry_pb2
from inference import open_inference_pb2

ROOT = Path(__file__).parents[2]
PROBLEMS = {"power_control", "beamforming", "precoding", "cell_free", "hybrid_precoding"}
BUF = Path(sys.executable).parent / "buf"


def buf(*arguments):
    return subprocess.run([BUF, *map(str, arguments)], cwd=ROOT / "proto", capture_output=True, text=True, check=False)


def methods(service):
    return {method.name for method in service.methods}


@pytest.mark.skipif(not BUF.exists(), reason="buf is not installed")
def test_lint():
    result = buf("lint")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.skipif(not BUF.exists(), reason="buf is not installed")
def test_a_changed_field_number_is_seen_as_breaking(tmp_path):
    changed = tmp_path / "proto"
    shutil.copytree(ROOT / "proto", changed)
    tensor = changed / "airgraph" / "v1" / "tensor.proto"
    tensor.write_text(tensor.read_text().replace("bytes data = 3", "bytes data = 4"))
    assert buf("breaking", "--against", ROOT / "proto").returncode == 0
    result = buf("breaking", changed, "--against", ROOT / "proto")
    assert result.returncode != 0
    assert 'field "3" with name "data"' in result.stdout


def test_stubs_are_fresh():
    pytest.importorskip("grpc_tools")
    path = ROOT / "clients" / "generate_stubs.py"
    spec = importlib.util.spec_from_file_location("generate_stubs", path)
    generate_stubs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate_stubs)
    assert generate_stubs.stale() == []


def test_every_problem_has_a_request_and_an_answer():
    request = allocator_pb2.AllocateRequest.DESCRIPTOR.oneofs_by_name["problem"]
    answer = allocator_pb2.AllocateResponse.DESCRIPTOR.oneofs_by_name["answer"]
    assert {field.name for field in request.fields} == PROBLEMS
    assert {field.name for field in answer.fields} == PROBLEMS


@pytest.mark.parametrize("problem", ["power_control", "beamforming"])
def test_problems_on_graphs_take_sparse_links(problem):
    message = allocator_pb2.AllocateRequest.DESCRIPTOR.fields_by_name[problem].message_type
    assert message.fields_by_name["links"].message_type.full_name == "airgraph.v1.Links"


def test_every_fallback_reason_has_a_name():
    assert set(provenance_pb2.FallbackReason.keys()) == {
        f"FALLBACK_REASON_{name}"
        for name in (
            "UNSPECIFIED",
            "MODEL_UNAVAILABLE",
            "OUT_OF_DOMAIN",
            "NON_FINITE",
            "RUNTIME_ERROR",
            "DEADLINE",
            "BEATEN_BY_BASELINE",
            "REQUESTED",
        )
    }


def test_services_offer_what_the_design_names():
    allocator = allocator_pb2.DESCRIPTOR.services_by_name["Allocator"]
    assert methods(allocator) == {"Allocate", "AllocateBatch", "AllocateStream"}
    registry = registry_pb2.DESCRIPTOR.services_by_name["Registry"]
    assert methods(registry) == {"ListModels", "DescribeModel", "LoadModel", "UnloadModel", "ReloadModels"}


def test_open_inference_protocol_on_the_wire():
    service = open_inference_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    assert service.full_name == "inference.GRPCInferenceService"
    request = {field.name: field.number for field in open_inference_pb2.ModelInferRequest.DESCRIPTOR.fields}
    assert request == {
        "model_name": 1,
        "model_version": 2,
        "id": 3,
        "parameters": 4,
        "inputs": 5,
        "outputs": 6,
        "raw_input_contents": 7,
    }
    reply = {field.name: field.number for field in open_inference_pb2.ModelInferResponse.DESCRIPTOR.fields}
    assert reply == {
        "model_name": 1,
        "model_version": 2,
        "id": 3,
        "parameters": 4,
        "outputs": 5,
        "raw_output_contents": 6,
    }
