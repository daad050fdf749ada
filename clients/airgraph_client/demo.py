"""The demonstration: one network, solved four ways by a running server, as a table and a picture."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from airgraph_client.client import Client
from airgraph_client.demo_comparison import Method, compare, comparison_table
from airgraph_client.demo_network import drop_network


def run_demo(
    client: Client, out: Path, *, seed: int = 7, wait: float = 30.0, console: Console | None = None
) -> list[Method]:
    """Solves the demonstration network, prints the comparison, saves the picture.

    Args:
        client: Connected to the server to ask.
        out: Where to save the picture.
        seed: Seed of the network.
        wait: Seconds to wait for the server to take calls.
        console: Where to print; None = standard output.

    Returns:
        What was compared, AUTO last.

    Raises:
        Unavailable: The server takes no calls in that time.
        ModuleNotFoundError: matplotlib is not installed.
    """
    # Here and not at the top: the other commands work without matplotlib.
    from airgraph_client.demo_picture import save_picture

    console = console or Console()
    client.wait_until_serving(wait)
    network = drop_network(seed=seed)
    methods = compare(client, network, console)
    console.print(comparison_table(methods))
    save_picture(network, methods, out)
    console.print(f"saved {out}")
    return methods
