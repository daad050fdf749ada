"""The command ``airgraph``."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from airgraph_client.answers import Answer
from airgraph_client.client import Client
from airgraph_client.demo import run_demo
from airgraph_client.errors import AirGraphError, InvalidInstance, Unavailable
from airgraph_client.hybrid import HybridPrecoding
from airgraph_client.instance_files import read_instance, write_answer
from airgraph_client.instances import Instance, Precoding
from airgraph_client.load.bench import bench as bench_command
from airgraph_client.load.command import load as load_command
from airgraph_client.models import Model
from airgraph_client.security import Security

NOT_LOADED = 1
BAD_INPUT = 2
SERVER_ERROR = 3
PIPE_WIDTH = 160

app = typer.Typer(
    help="Powers and beamformers for radio networks, from an AirGraph server.",
    no_args_is_help=True,
    add_completion=False,
)

Target = Annotated[str, typer.Option(help="Address of the server.", envvar="AIRGRAPH_TARGET")]
Timeout = Annotated[float, typer.Option(min=0.0, help="Seconds until the answer must be here.")]


class Policy(StrEnum):
    """Who may answer."""

    AUTO = "auto"
    LEARNED = "learned"
    CLASSICAL = "classical"


_File = Path | None


@app.callback()
def connection(
    context: typer.Context,
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS; implied by the files below.")] = False,
    ca: Annotated[_File, typer.Option(help="PEM certificates of who signs the server's.", envvar="AIRGRAPH_CA")] = None,
    cert: Annotated[_File, typer.Option(help="PEM client certificate.", envvar="AIRGRAPH_CLIENT_CERT")] = None,
    key: Annotated[_File, typer.Option(help="PEM key of --cert.", envvar="AIRGRAPH_CLIENT_KEY")] = None,
    token_file: Annotated[_File, typer.Option(help="File with a bearer token.", envvar="AIRGRAPH_TOKEN_FILE")] = None,
    server_name: Annotated[str | None, typer.Option(help="Name in the server's certificate.")] = None,
) -> None:
    """Powers and beamformers for radio networks, from an AirGraph server."""
    if tls or any((ca, cert, key, token_file, server_name)):
        try:
            context.obj = Security(ca, cert, key, token_file=token_file, server_name=server_name)
        except ValueError as error:
            _fail(str(error), BAD_INPUT)


def _client(context: typer.Context, target: str, timeout: float) -> Client:
    return Client(target, timeout=timeout, security=context.obj)


@app.command()
def solve(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="npz file with arrays named as the fields of an instance: 'gain' [K,K], 'channel' [K,J,N] or [K,N] "
            "(one transmitter), 'fading' [M,K] and 'snr', or 'f_opt' [N,S] and 'rf_chains'; optionally 'weights', "
            "'noise_power', 'max_power' and others. Receiver first and linear; for sparse links index arrays "
            "'receiver' and 'transmitter', and one entry or row a link."
        ),
    ],
    target: Target = "localhost:50051",
    policy: Annotated[Policy, typer.Option(help="Who may answer.")] = Policy.AUTO,
    model: Annotated[str | None, typer.Option(help="Model to use, NAME or NAME:VERSION.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the answer, npz.")] = None,
    timeout: Timeout = 10.0,
) -> None:
    """Solve the instance of an npz file."""
    with _one_line_errors():
        instance = read_instance(file)
        with _client(context, target, timeout) as client:
            answer = client.allocate(instance, policy=policy.value, model=model)
        if out is not None:
            write_answer(out, answer)
    Console().print(_answer_table(answer, _unit(instance)))


@app.command()
def models(context: typer.Context, target: Target = "localhost:50051", timeout: Timeout = 10.0) -> None:
    """List the models of the server."""
    with _one_line_errors(), _client(context, target, timeout) as client:
        listed = client.models()
    console = Console()
    if not console.is_terminal:
        # Whoever reads a pipe has no width.
        console.width = PIPE_WIDTH
    console.print(_model_table(listed) if listed else f"{target} has no models and answers classically")


@app.command()
def reload(context: typer.Context, target: Target = "localhost:50051", timeout: Timeout = 60.0) -> None:
    """Let the server look for new models in its zoo; exit status 1 where one could not be loaded."""
    with _one_line_errors(), _client(context, target, timeout) as client:
        changed = client.reload_models()
    said = [
        f"{what} {model.problem}/{model.name} {model.version}"
        for what, changes in (("loaded", changed.loaded), ("unloaded", changed.unloaded))
        for model in changes
    ]
    typer.echo("\n".join(said) or "nothing was loaded or unloaded")
    for model in changed.failed:
        typer.echo(f"airgraph: {model.problem}/{model.name} {model.version}: {model.state_detail}", err=True)
    if changed.failed:
        raise typer.Exit(NOT_LOADED)


@app.command()
def status(context: typer.Context, target: Target = "localhost:50051", timeout: Timeout = 10.0) -> None:
    """Say whether the server takes calls; exit status 3 where it does not."""
    with _one_line_errors(), _client(context, target, timeout) as client:
        state = client.status()
        if not state.serving:
            raise Unavailable(f"{target} does not take calls: {state.health}")
    ready = sum(model.state == "READY" for model in state.models)
    # A port for probes, and a server that does not know the caller, tell of no models.
    listed = f"{ready} of {len(state.models)} models ready" if state.models else "it lists no models"
    Console().print(f"{target} takes calls; {listed}")


@app.command()
def demo(
    context: typer.Context,
    target: Target = "localhost:50051",
    out: Annotated[Path, typer.Option(help="Where to save the picture.")] = Path("airgraph-demo.png"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the network.")] = 7,
    timeout: Annotated[float, typer.Option(min=0.0, help="Seconds to wait for the server.")] = 30.0,
) -> None:
    """Drop 50 pairs on a square kilometre, solve them four ways, draw the answer."""
    with _one_line_errors(), _client(context, target, 10.0) as client:
        run_demo(client, out, seed=seed, wait=timeout, console=Console())


@app.command(help=load_command.__doc__)
@functools.wraps(load_command)
def load(**given: Any) -> None:
    """Run a load test; see `airgraph_client.load`."""
    with _one_line_errors():
        load_command(**given)


@app.command(help=bench_command.__doc__)
@functools.wraps(bench_command)
def bench(**given: Any) -> None:
    """Measure a server at its limit; see `airgraph_client.load.bench`."""
    with _one_line_errors():
        bench_command(**given)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except InvalidInstance as error:
        _fail(error.message, BAD_INPUT)
    except AirGraphError as error:
        _fail(f"{error.code.name}: {error.message}", SERVER_ERROR)
    except ModuleNotFoundError as error:
        _fail(f"needs {error.name}: pip install 'airgraph[demo,load]'", BAD_INPUT)
    except OSError as error:
        _fail(str(error), BAD_INPUT)


def _fail(message: str, status: int) -> None:
    typer.echo(f"airgraph: {' '.join(message.split())}", err=True)
    raise typer.Exit(status)


def _unit(instance: Instance) -> str:
    """Of the objective; the approximation of a digital precoder has none."""
    if isinstance(instance, HybridPrecoding):
        return ""
    energy = isinstance(instance, Precoding) and instance.objective == "ee"
    return " bit/s/Hz per unit of power" if energy else " bit/s/Hz"


def _answer_table(answer: Answer, unit: str) -> Table:
    receivers = f", {answer.rates.size} receivers" if answer.rates.size else ""
    table = Table(title=answer.problem.replace("_", " ") + receivers, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    rows = {
        "objective": f"{answer.objective:.6g}{unit}",
        "closed-form baseline": f"{answer.baseline_objective:.6g}{unit}",
        "solver": answer.solver,
        "model": answer.model or "none",
        "fallback": " ".join(filter(None, (answer.fallback_reason, answer.fallback_detail))) or "none",
        "constraint margin": f"{answer.constraint_margin:.3g}",
        "iterations": str(answer.polish_iterations),
        "server time": f"{answer.timings.total * 1e3:.3f} ms",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _model_table(listed: list[Model]) -> Table:
    table = Table()
    for name in ("problem", "model", "version", "state", "runtime", "device", "sizes", "parameters"):
        # A name that does not fit goes on in the next line: cut off it could not be used.
        table.add_column(name, justify="right" if name == "parameters" else "left", overflow="fold")
    for model in listed:
        sizes = f"{model.min_nodes} to {model.max_nodes}" if model.max_nodes else f"from {model.min_nodes}"
        state = f"{model.state}: {model.state_detail}" if model.state_detail else model.state
        name = f"{model.name} (default)" if model.is_default else model.name
        table.add_row(
            model.problem,
            name,
            model.version,
            state,
            model.runtime,
            model.device,
            sizes,
            f"{model.num_parameters:,}",
        )
    return table
