"""Instances and answers as npz files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from airgraph_client.answers import ALLOCATIONS, Answer
from airgraph_client.cell_free import CellFree
from airgraph_client.errors import InvalidInstance
from airgraph_client.hybrid import HybridPrecoding
from airgraph_client.instances import Beamforming, Instance, Links, PowerControl, PowerModel, Precoding

LINK_FIELDS = ("receiver", "transmitter")
POWER_MODEL_FIELDS = tuple(field.name for field in fields(PowerModel))
MAIN_FIELDS = ("gain", "channel", "fading", "f_opt")
"""A file has one of these, which says what problem it holds."""
COMPOSED = {"links": LINK_FIELDS, "power_model": POWER_MODEL_FIELDS}
"""Fields of an instance that are made of several arrays."""


def read_instance(path: Path) -> Instance:
    """Reads an instance, its fields by their names.

    ``gain`` is power control, ``channel`` beamforming, or precoding where it has two axes and no links, ``fading``
    cell-free, ``f_opt`` hybrid precoding. A sparse instance has the index arrays ``receiver`` and ``transmitter``,
    energy efficiency the numbers of `PowerModel`.

    Raises:
        InvalidInstance: The file is no npz file, or does not hold one instance.
    """
    arrays = _read_arrays(path)
    found = [field for field in MAIN_FIELDS if field in arrays]
    if len(found) != 1:
        raise InvalidInstance(str(path), f"one of the arrays {_names(MAIN_FIELDS)}", _names(found or arrays))
    kind = _kind(found[0], arrays)
    own = [name for field in fields(kind) for name in COMPOSED.get(field.name, (field.name,))]
    unknown = sorted(arrays.keys() - set(own))
    if unknown:
        raise InvalidInstance(str(path), f"of {kind.__name__} only {_names(own)}", _names(unknown))
    missing = [field.name for field in fields(kind) if field.default is MISSING and field.name not in arrays]
    if missing:
        raise InvalidInstance(str(path), f"besides '{found[0]}' also {_names(missing)}", "nothing of that name")
    given: dict[str, Any] = {name: _plain(arrays[name]) for name in own if name in arrays}
    links = _links(path, {name: given.pop(name) for name in LINK_FIELDS if name in given})
    power_model = {name: given.pop(name) for name in POWER_MODEL_FIELDS if name in given}
    if links is not None:
        given["links"] = links
    if power_model:
        given["power_model"] = PowerModel(**power_model)
    return kind(**given)


def write_answer(path: Path, answer: Answer) -> None:
    """Writes the allocation, the rates and the provenance of an answer."""
    arrays: dict[str, npt.ArrayLike] = {
        ALLOCATIONS[answer.problem]: answer.allocation,
        "rates": answer.rates,
        "objective": answer.objective,
        "baseline_objective": answer.baseline_objective,
        "constraint_margin": answer.constraint_margin,
        "solver": answer.solver,
        "model": answer.model or "",
        "fallback_reason": answer.fallback_reason or "",
    }
    if answer.problem == "hybrid_precoding":
        arrays["f_bb"] = answer.f_bb
    # Through a handle: given a path, numpy would append .npz to any other suffix.
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: np.asarray(value) for name, value in arrays.items()})


def _read_arrays(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise InvalidInstance(str(path), "an npz file", "a single array")
            return dict(file)
    except (OSError, ValueError, BadZipFile, EOFError) as error:
        raise InvalidInstance(str(path), "an npz file", str(error)) from error


def _kind(main: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> type[Instance]:
    if main == "channel":
        dense = not arrays.keys() & set(LINK_FIELDS)
        return Precoding if dense and arrays[main].ndim == 2 else Beamforming
    return {"gain": PowerControl, "fading": CellFree, "f_opt": HybridPrecoding}[main]


def _plain(array: npt.NDArray[np.generic]) -> object:
    """A number or a word where the array holds one."""
    return array.item() if array.ndim == 0 else array


def _links(path: Path, given: Mapping[str, npt.ArrayLike]) -> Links | None:
    if len(given) == 1:
        raise InvalidInstance(str(path), "both 'receiver' and 'transmitter'", f"only {_names(list(given))}")
    return Links(given["receiver"], given["transmitter"]) if given else None


def _names(fields: object) -> str:
    names = [f"'{field}'" for field in fields] if isinstance(fields, list | tuple | dict) else []
    return ", ".join(names) or "nothing"
