"""The manifests as kubectl renders them, against the schemas of Kubernetes and against the server itself."""

import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from airgraph_server.app import ALLOCATOR, INFERENCE, Server
from airgraph_server.settings import Settings

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
VERSIONS = ("1.31", "1.33", "1.35")
OVERLAYS = ("cpu", "gpu", "dev")
MOUNTING = ("tls", "access", "model-volume", "model-image")
COMPONENTS = (*MOUNTING, "tracing")
FOREIGN = ("ServiceMonitor", "ServingRuntime", "InferenceService")
"""Kinds of operators, which the schemas of Kubernetes do not know."""


def kubectl_knows_components():
    """Whether there is a kubectl of 1.24 or later: older ones do not tell their kustomize, which may be too old."""
    if shutil.which("kubectl") is None:
        return False
    asked = ["kubectl", "version", "--client", "--output=json"]
    return "kustomizeVersion" in subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout


pytestmark = pytest.mark.skipif(not kubectl_knows_components(), reason="no kubectl of version 1.24 or later")


def rendered(folder):
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def with_component(overlay, component, folder):
    shutil.copytree(KUBERNETES, folder / "kubernetes")
    (folder / "kubernetes" / "site").mkdir()
    document = {"resources": [f"../overlays/{overlay}"], "components": [f"../components/{component}"]}
    (folder / "kubernetes" / "site" / "kustomization.yaml").write_text(yaml.safe_dump(document))
    return rendered(folder / "kubernetes" / "site")


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    """Of each way to install it: what is applied."""
    found = {overlay: rendered(KUBERNETES / "overlays" / overlay) for overlay in OVERLAYS}
    found["kserve"] = rendered(KUBERNETES / "kserve")
    for component in COMPONENTS:
        found[component] = with_component("cpu", component, tmp_path_factory.mktemp(component))
    return found


def of_kind(documents, kind):
    (one,) = [document for document in documents if document["kind"] == kind]
    return one


def pod_of(documents):
    """The pod that runs the server; KServe makes its own from its runtime and what the service says of the pod."""
    kinds = {document["kind"] for document in documents}
    if "Deployment" in kinds:
        return of_kind(documents, "Deployment")["spec"]["template"]["spec"]
    runtime, service = of_kind(documents, "ServingRuntime")["spec"], of_kind(documents, "InferenceService")["spec"]
    said = {key: value for key, value in service["predictor"].items() if key not in ("minReplicas", "model")}
    return {**said, "containers": runtime["containers"], "volumes": runtime["volumes"]}


def environment(documents):
    return {entry["name"]: entry.get("value") for entry in pod_of(documents)["containers"][0]["env"]}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [*OVERLAYS, *COMPONENTS, "kserve"])
def test_every_object_fits_the_schema(manifests, name, version):
    for document in manifests[name]:
        if document["kind"] not in FOREIGN:
            kubernetes_validate.validate(document, version, strict=True)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "airgraph"}, "spec": pod_of(manifests[name])}
    kubernetes_validate.validate(pod, version, strict=True)


def test_the_schemas_find_what_is_wrong(manifests):
    wrong = yaml.safe_load(yaml.safe_dump(of_kind(manifests["cpu"], "Deployment")))
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@pytest.mark.parametrize("name", [*OVERLAYS, *COMPONENTS, "kserve"])
def test_containers_keep_the_restricted_pod_security_standard(manifests, name):
    pod = pod_of(manifests[name])
    whole = pod.get("securityContext", {})
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        own = {**whole, **container["securityContext"]}
        assert own["runAsNonRoot"] is True
        assert own["runAsUser"] > 0
        assert own["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is True
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys() & container["resources"]["requests"].keys()
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert not any("hostPath" in volume for volume in pod.get("volumes", ()))


@pytest.mark.parametrize("name", [*OVERLAYS, *COMPONENTS, "kserve"])
def test_the_server_knows_every_variable_it_is_given(manifests, name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for variable, value in environment(manifests[name]).items():
        field = variable.removeprefix("AIRGRAPH_").lower()
        assert field in Settings.model_fields, variable
        # A value from the pod's resources has none here.
        monkeypatch.setenv(variable, value or "4")
    settings = Settings()
    assert settings.host == "0.0.0.0"
    ports = {port["name"]: port["containerPort"] for port in pod_of(manifests[name])["containers"][0]["ports"]}
    assert ports.get("grpc", ports.get("h2c")) == settings.port


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_names_in_one_object_are_those_of_another(manifests, overlay):
    documents = manifests[overlay]
    deployment, service = of_kind(documents, "Deployment"), of_kind(documents, "Service")
    pod, labels = pod_of(documents), deployment["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"] for port in pod["containers"][0]["ports"]}
    assert service["spec"]["clusterIP"] == "None"
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        of_kind(documents, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    if overlay != "dev":
        selectors.append(of_kind(documents, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"])
        monitor = of_kind(documents, "ServiceMonitor")["spec"]
        assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert monitor["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
        scaled = of_kind(documents, "HorizontalPodAutoscaler")["spec"]
        assert scaled["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        assert "replicas" not in deployment["spec"]
    for selector in selectors:
        assert selector
        assert selector.items() <= labels.items()
    for rule in of_kind(documents, "NetworkPolicy")["spec"]["ingress"]:
        assert {port["port"] for port in rule["ports"]} <= ports
    assert {document["metadata"].get("namespace") for document in documents} == {
        "airgraph-dev" if overlay == "dev" else "airgraph"
    }


@pytest.mark.parametrize("name", [*OVERLAYS, "kserve"])
def test_a_pod_ends_only_after_its_calls_and_clients_move_on(manifests, name):
    pod, given = pod_of(manifests[name]), environment(manifests[name])
    waits = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert waits + float(given["AIRGRAPH_DRAIN_SECONDS"]) < pod["terminationGracePeriodSeconds"]
    assert float(given["AIRGRAPH_MAX_CONNECTION_AGE_SECONDS"]) > 0
    # A Service named airgraph would otherwise set AIRGRAPH_PORT=tcp://...
    assert pod["enableServiceLinks"] is False


@pytest.mark.parametrize("name", [*OVERLAYS, "kserve"])
def test_a_server_computes_on_the_cores_of_its_container(manifests, name):
    container = pod_of(manifests[name])["containers"][0]
    (threads,) = [entry["valueFrom"] for entry in container["env"] if entry["name"] == "AIRGRAPH_THREADS"]
    wanted = {"containerName": container["name"], "resource": "limits.cpu", "divisor": "1"}
    assert threads["resourceFieldRef"] == wanted


@pytest.mark.parametrize("name", [*OVERLAYS, "kserve"])
def test_probes_ask_for_services_that_there_are(manifests, name):
    container = pod_of(manifests[name])["containers"][0]
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        if kind in container:
            probe = container[kind]["grpc"]
            assert str(probe["port"]) == environment(manifests[name])["AIRGRAPH_PROBE_PORT"]
            assert probe.get("service", "") in ("", ALLOCATOR, INFERENCE)
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


def test_the_gpu_is_asked_for_and_used(manifests):
    resources = pod_of(manifests["gpu"])["containers"][0]["resources"]
    assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == "1"
    assert environment(manifests["gpu"])["AIRGRAPH_DEVICE"] == "cuda"
    assert "nvidia.com/gpu" not in pod_of(manifests["cpu"])["containers"][0]["resources"]["limits"]


@pytest.mark.parametrize("name", MOUNTING)
def test_what_a_component_mounts_is_where_the_server_looks(manifests, name):
    pod, container = pod_of(manifests[name]), pod_of(manifests[name])["containers"][0]
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    folders = [mount["mountPath"] for mount in container["volumeMounts"] if mount.get("readOnly")]
    added = {key: value for key, value in environment(manifests[name]).items() if (value or "").startswith("/")}
    assert added
    assert all(any(value.startswith(folder) for folder in folders) for value in added.values())


def test_traces_are_let_out_to_their_collector(manifests):
    collector = environment(manifests["tracing"])["AIRGRAPH_TRACE_ENDPOINT"]
    allowed = of_kind(manifests["tracing"], "NetworkPolicy")["spec"]["egress"][0]
    (namespace,) = (peer["namespaceSelector"]["matchLabels"] for peer in allowed["to"])
    assert re.fullmatch(
        rf"http://[a-z-]+\.{namespace['kubernetes.io/metadata.name']}:{allowed['ports'][0]['port']}", collector
    )
    assert "egress" not in of_kind(manifests["cpu"], "NetworkPolicy")["spec"]


def test_the_inference_service_runs_on_the_runtime(manifests):
    runtime, service = of_kind(manifests["kserve"], "ServingRuntime"), of_kind(manifests["kserve"], "InferenceService")
    model = service["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert model["modelFormat"]["name"] == runtime["spec"]["supportedModelFormats"][0]["name"]
    assert service["metadata"]["name"] != "airgraph"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_a_busy_pod_has_its_quantile_and_an_idle_one_zero(tmp_path):
    rules = yaml.safe_load((KUBERNETES / "prometheus-adapter" / "rules.yaml").read_text())["rules"]["custom"]
    (query,) = [rule["metricsQuery"] for rule in rules if rule["name"]["as"] == "airgraph_allocate_p99_seconds"]
    query = query.replace("<<.LabelMatchers>>", 'namespace="airgraph"').replace("<<.GroupBy>>", "pod")
    pods = {pod: f'namespace="airgraph",pod="{pod}"' for pod in ("busy", "idle")}
    calls = 'grpc_service="airgraph.v1.Allocator",grpc_method="Allocate"'
    document = {
        "rule_files": [],
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    *({"series": f"airgraph_queue_depth{{{own}}}", "values": "3x20"} for own in pods.values()),
                    *(
                        {
                            "series": f'grpc_server_handling_seconds_bucket{{{own},{calls},le="{bound}"}}',
                            "values": f"0+{rate}x20" if pod == "busy" else "0x20",
                        }
                        for pod, own in pods.items()
                        for bound, rate in (("0.01", 90), ("0.02", 100), ("+Inf", 100))
                    ),
                ],
                "promql_expr_test": [
                    {
                        "expr": f"round(1000 * ({query}))",
                        "eval_time": "4m",
                        # 90 of 100 calls within 10 ms, all within 20 ms: the 99th lies at nine tenths of the gap.
                        "exp_samples": [
                            {"labels": '{pod="busy"}', "value": 19},
                            {"labels": '{pod="idle"}', "value": 0},
                        ],
                    }
                ],
            }
        ],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(document))
    done = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "test.yaml"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_autoscaling_asks_for_is_what_the_server_measures(manifests, tmp_path):
    rules = yaml.safe_load((KUBERNETES / "prometheus-adapter" / "rules.yaml").read_text())["rules"]["custom"]
    metrics = of_kind(manifests["cpu"], "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert {rule["name"]["as"] for rule in rules} == {metric["pods"]["metric"]["name"] for metric in metrics}
    with Server(Settings(port=0, metrics_port=0, zoo=tmp_path)) as server:
        server.metrics.handling.labels(ALLOCATOR, "Allocate").observe(0.001)
        page = urllib.request.urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics", timeout=10).read().decode()
    for rule in rules:
        for name in re.findall(r"(?:airgraph|grpc)_[a-z_]+(?=\{)", rule["metricsQuery"] + rule["seriesQuery"]):
            assert re.search(rf"^{name}[{{ ]", page, re.MULTILINE), name
        for label, value in re.findall(r'(grpc_service)="([^"]+)"', rule["metricsQuery"]):
            assert f'{label}="{value}"' in page
