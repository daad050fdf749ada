"""What the guides show works, names what there is, and leads where it says."""

import importlib.util
import json
import re
import runpy
import shlex
from pathlib import Path

import pytest
from certificates import Authority
from google.rpc import code_pb2
from typer.main import get_command

from airgraph.v1 import provenance_pb2
from airgraph_client import Client
from airgraph_client import cli as client_cli
from airgraph_client.errors import PLAIN
from airgraph_server import cli as server_cli
from airgraph_server.app import Server
from airgraph_server.decision.types import Reason
from airgraph_server.security.tokens import digest_of, new_token
from airgraph_server.settings import Settings
from airgraph_server.status import CODES
from airgraph_training import cli as training_cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
COMMANDS = {
    "airgraph": get_command(client_cli.app),
    "airgraph-server": get_command(server_cli.app),
    "airgraph-train": get_command(training_cli.app),
}


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def run(page, **replaced):
    """Runs a page's Python blocks one after the other, as a reader would, and gives the names they leave."""
    names = {"__name__": page.stem}
    found = blocks(page, "python")
    assert found
    for number, code in enumerate(found):
        for old, new in replaced.items():
            code = code.replace(SHOWN[old], str(new))
        exec(compile(code, f"{page.name}, block {number + 1}", "exec"), names)
    return names


SHOWN = {
    "target": "127.0.0.1:50051",
    "named": "server.example:50051",
    "ca": '"ca.crt"',
    "certificate": '"client.crt"',
    "key": '"client.key"',
    "token": '"token"',
    # The reader's deadline is not the point here, and the machine may be busy.
    "timeout": "timeout=0.05",
    "seconds": "seconds=0.1",
}


@pytest.fixture(scope="module")
def target():
    with Server(Settings(host="127.0.0.1", port=0, metrics_port=None)) as server:
        yield server.target


def test_the_tuning_guide_runs(target):
    names = run(DOCS / "tuning.md", target=target, timeout="timeout=10")
    assert [answer.power.size for answer in names["answers"]] == [5, 10, 20]
    assert names["quick"].polish_iterations == 0
    assert names["careful"].precoder.shape == (8, 4)


def test_the_load_testing_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run(DOCS / "load-testing.md")
    written = (tmp_path / "request.bin").read_bytes()
    assert written[5:] == names["message"]
    assert int.from_bytes(written[:5], "big") == len(names["message"])


def test_the_failure_guide_runs(target, capsys):
    run(DOCS / "failures.md", target=target)
    assert capsys.readouterr().out.startswith("gain ")


def test_the_ran_page_runs(target):
    names = run(DOCS / "ran-controller.md", target=target, seconds="seconds=10")
    assert names["in_time"]
    (request,) = names["cells"].requests
    assert request.keys() == {17, 42}
    assert all(0 <= power <= 1 for power in request.values())


def test_the_operators_guide_runs(tmp_path):
    authority = Authority(tmp_path, "authority")
    own, client, token = authority.issue("server"), authority.issue("client"), new_token()
    (tmp_path / "access").write_text(f"xapp user {digest_of(token)}\n")
    (tmp_path / "token").write_text(token)
    (tmp_path / "server.toml").write_text(
        "".join(blocks(DOCS / "operators-guide.md", "toml"))
        .replace("/etc/airgraph/tls/tls.crt", str(own.certificate))
        .replace("/etc/airgraph/tls/tls.key", str(own.key))
        .replace("/etc/airgraph/tls/ca.crt", str(authority.path))
        .replace("/etc/airgraph/access/access", str(tmp_path / "access"))
        .replace("50052", "0")
    )
    settings = Settings(config_file=tmp_path / "server.toml", port=0, metrics_port=None, zoo=tmp_path)
    with Server(settings) as server:
        names = run(
            DOCS / "operators-guide.md",
            named=server.target,
            ca=repr(str(authority.path)),
            certificate=repr(str(client.certificate)),
            key=repr(str(client.key)),
            token=repr(str(tmp_path / "token")),
        )
    assert names["answer"].power.shape == (2,)


def test_the_researchers_guide_runs(tmp_path):
    # TorchScript reads the source of a network, so this one has to lie in a file, as its reader's does.
    script = tmp_path / "one_round.py"
    script.write_text("\n".join(blocks(DOCS / "researchers-guide.md", "python")))
    names = runpy.run_path(str(script), run_name=script.stem)
    assert names["learned"].model is not None
    assert names["learned"].solver.startswith("one-round")
    assert names["learned"].objective > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert link.startswith("http") or (page.parent / link).exists(), link


def test_every_page_is_in_the_index():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert all(f"({page.name})" in index for page in PAGES if page.name != "README.md")


def shown_commands():
    found = []
    for page in PAGES:
        for line in "\n".join(blocks(page, "console")).replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if line.startswith("$ ") and words and words[0] in COMMANDS:
                found.append(pytest.param(words, id=" ".join(words)[:60]))
    return found


@pytest.mark.parametrize("words", shown_commands())
def test_shown_commands_and_flags_exist(words):
    command, known = COMMANDS[words[0]], set()
    subcommands = getattr(command, "commands", {})
    levels = [command, *(subcommands[word] for word in words[1:] if word in subcommands)]
    known = {flag for level in levels for parameter in level.params for flag in parameter.opts}
    assert not subcommands or len(levels) > 1, "no such subcommand"
    assert {word for word in words if word.startswith("--")} <= known


def test_make_targets_and_paths_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"^\$ make ([a-z-]+)", text, re.MULTILINE)) <= targets
        for path in re.findall(r"\bdeploy/[a-z0-9/-]+(?:\.[a-z]+)?", text):
            assert (ROOT / path).exists(), path
    for cell in re.findall(r"^\| (`.*?) \|", (DOCS / "operators-guide.md").read_text(encoding="utf-8"), re.MULTILINE):
        for name in re.findall(r"`((?:base|overlays|components|kserve|prometheus-adapter)[a-z/-]*)`", cell):
            assert (ROOT / "deploy" / "kubernetes" / name).exists(), name


def test_named_settings_exist():
    for name in ("tuning.md", "operators-guide.md"):
        text = (DOCS / name).read_text(encoding="utf-8").partition("## Audit record")[0]
        cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for setting in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", " ".join(cells)):
            assert setting in Settings.model_fields or setting.startswith(("airgraph_", "grpc_")), setting


def test_the_audit_record_is_as_described(tmp_path):
    described = (DOCS / "operators-guide.md").read_text(encoding="utf-8").partition("## Audit record")[2]
    cells = re.findall(r"^\| (`.*?) \|", described, re.MULTILINE)
    settings = Settings(port=0, metrics_port=None, zoo=tmp_path, audit_file=tmp_path / "audit")
    with Server(settings) as server, Client(server.target) as client:
        client.control_power([[1.0, 0.1], [0.2, 1.0]])
    assert set(re.findall("`(.*?)`", " ".join(cells))) == json.loads((tmp_path / "audit").read_text()).keys()


def first_cells(page, title):
    """What the first column of the tables under a title names."""
    section = page.read_text(encoding="utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall("`(.*?)`", cell)}


def test_the_failure_guide_names_every_reason_and_status():
    reasons = {name.removeprefix("FALLBACK_REASON_") for name in dict(provenance_pb2.FallbackReason.items())}
    assert reasons - {"UNSPECIFIED"} == {reason.value for reason in Reason}
    statuses = {name for source in sources("models") for name in re.findall(r'"(MINIMUM_RATES_[A-Z_]+)"', source)}
    assert len(statuses) == 2
    assert first_cells(DOCS / "failures.md", "Fallback reasons") == {reason.value for reason in Reason} | statuses


def test_the_failure_guide_names_every_code():
    own = {code_pb2.Code.Name(code) for code in CODES.values()} | {"INTERNAL"}
    # By gRPC itself: no server, no such method, a caller that leaves.
    grpcs = {"UNAVAILABLE", "UNIMPLEMENTED", "CANCELLED"}
    named = first_cells(DOCS / "failures.md", "gRPC codes")
    assert named == own | grpcs
    assert {code.name for code in PLAIN} <= named


def test_the_failure_guide_names_every_event():
    events = {
        name
        for source in sources("server")
        for name in re.findall(r'(?:logger\(\)\.\w+|\bwrite|\blog)\(\s*"([a-z_]+)"', source)
    }
    assert "model_ready" in events
    assert first_cells(DOCS / "failures.md", "Events in the log") == events


def sources(place):
    return [file.read_text(encoding="utf-8") for file in sorted((ROOT / place).rglob("*.py"))]


def test_reference_pages_are_up_to_date():
    spec = importlib.util.spec_from_file_location("generate_reference", DOCS / "generate_reference.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert (DOCS / "api.md").read_text(encoding="utf-8") == generator.api()
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == generator.settings()
