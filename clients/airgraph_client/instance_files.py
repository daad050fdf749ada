"""Instances and answers as npz files."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from airgraph_client.answers import ALLOCATIONS, Answer
from airgraph_client.errors import InvalidInstance
from airgraph_client.instances import Beamforming, Instance, Links, PowerControl

NODE_FIELDS = ("weights", "noise_power", "max_power")
BEAMFORMING_FIELDS = (*NODE_FIELDS, "serving_transmitter", "max_antenna_power")
LINK_FIELDS = ("receiver", "transmitter")


def read_instance(path: Path) -> Instance:
    """Reads an instance: ``gain`` (power control) or ``channel`` (beamforming), other fields by their names.

    A sparse instance has the index arrays ``receiver`` and ``transmitter`` beside them.

    Raises:
        InvalidInstance: The file is no npz file, or does not hold one instance.
    """
    arrays = _read_arrays(path)
    problems = [field for field in ("gain", "channel") if field in arrays]
    if len(problems) != 1:
        raise InvalidInstance(str(path), "an array 'gain' or an array 'channel'", _names(problems or arrays))
    fields = NODE_FIELDS if problems == ["gain"] else BEAMFORMING_FIELDS
    unknown = sorted(arrays.keys() - {*fields, *LINK_FIELDS, *problems})
    if unknown:
        raise InvalidInstance(
            str(path), f"besides '{problems[0]}' only {_names((*fields, *LINK_FIELDS))}", _names(unknown)
        )
    given = {field: arrays[field] for field in fields if field in arrays}
    links = _links(path, arrays)
    if problems == ["gain"]:
        return PowerControl(arrays["gain"], links=links, **given)
    return Beamforming(arrays["channel"], links=links, **given)


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


def _links(path: Path, arrays: dict[str, npt.NDArray[np.generic]]) -> Links | None:
    given = [field for field in LINK_FIELDS if field in arrays]
    if not given:
        return None
    if len(given) == 1:
        raise InvalidInstance(str(path), "both 'receiver' and 'transmitter'", f"only '{given[0]}'")
    return Links(arrays["receiver"], arrays["transmitter"])


def _names(fields: object) -> str:
    names = [f"'{field}'" for field in fields] if isinstance(fields, list | tuple | dict) else []
    return ", ".join(names) or "nothing"
