"""One network trained on 50 pairs in a square kilometre, tested on other numbers of pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from airgraph_training.studies.field_networks import ONE, best_of_name, field_network, field_rates, ratios
from airgraph_training.studies.fields import Field, FieldInstances
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.study import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BySize = dict[int, dict[str, float]]


def size_ratios(
    lab: Lab, counts: dict[int, int], field_of: Callable[[int], Field], starts: int
) -> tuple[BySize, BySize]:
    """Ratios of every system by number of pairs: over one WMMSE, and over the best of ``starts``.

    Args:
        lab: Where.
        counts: Test instances by number of pairs.
        field_of: The field of so many pairs; the network is always that of the default field.
        starts: Random starts of the second denominator.
    """
    network = field_network(lab, Field())
    over_one, over_best = {}, {}
    for pairs, count in counts.items():
        lab.report(f"measuring K = {pairs}")
        instances = FieldInstances.test_set(field_of(pairs), pairs, count)
        rates = field_rates(lab, network, instances, starts)
        over_one[pairs] = ratios(rates, ONE)
        over_best[pairs] = ratios(rates, best_of_name(starts))
    return over_one, over_best


def size_tables(over_one: BySize, over_best: BySize, starts: int) -> tuple[Table, Table]:
    """Both as tables, a change in percent against the first size in brackets."""
    return (
        size_table(f"Mean weighted sum rate over that of {ONE}, 100 iterations; in brackets the change", over_one),
        size_table(f"Mean weighted sum rate over that of the best of {starts} random starts of WMMSE", over_best),
    )


def size_table(title: str, ratio: BySize) -> Table:
    """A row a system, a column a size."""
    first = next(iter(ratio.values()))
    cells = {system: [_cell(by_system[system], first[system]) for by_system in ratio.values()] for system in first}
    columns = ("system", *(f"K = {pairs}" for pairs in ratio))
    return Table(title, columns, tuple((system, *row) for system, row in cells.items()))


def _cell(ratio: float, first: float) -> str:
    return f"{ratio:.3f} ({100 * (ratio / first - 1):+.1f}%)" if ratio != first else f"{ratio:.3f}"


def draw_sizes(axes: Axes, ratio: BySize, ylabel: str = "mean weighted sum rate over WMMSE from full power") -> None:
    """Every system against the number of pairs."""
    learned = ("WCGCN", "shipped")
    for system in next(iter(ratio.values())):
        style = "-o" if system.startswith(learned) else "--"
        axes.semilogx(
            list(ratio), [by_system[system] for by_system in ratio.values()], style, label=system, markersize=5
        )
    axes.set_xticks(list(ratio), [str(pairs) for pairs in ratio])
    axes.minorticks_off()
    axes.set_xlabel("pairs K")
    axes.set_ylabel(ylabel)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
