"""All models of the zoo: which serve, which failed and why, and which one a request gets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from airgraph_server.errors import ModelNotFoundError
from airgraph_server.log import logger
from airgraph_server.metrics import Metrics
from airgraph_server.registry.model import LoadedModel, load_model
from airgraph_server.runtime.base import DeviceUnavailableError
from airgraph_server.settings import Settings

CARD = "card.json"


@dataclass(frozen=True)
class Entry:
    """A model directory of the zoo.

    Attributes:
        problem: Its first path component.
        name: Its second.
        version: Its third.
        model: The loaded model, None if it failed.
        failure: Why it failed.
        is_default: Whether requests without a pin get it.
    """

    problem: str
    name: str
    version: str
    model: LoadedModel | None
    failure: str = ""
    is_default: bool = False


class Registry:
    """The models of one server."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Starts empty; `load` reads the zoo."""
        self._settings = settings
        self._metrics = metrics
        self._entries: tuple[Entry, ...] = ()

    def load(self) -> None:
        """Loads every model of the zoo; one that fails is refused with the reason, the others serve.

        Raises:
            NotADirectoryError: There is no such folder; an empty one serves classically.
            DeviceUnavailableError: The device was asked for by name and does not work: a setting to mend,
                not a model to skip.
        """
        if not self._settings.zoo.is_dir():
            raise NotADirectoryError(f"zoo {self._settings.zoo} is not a folder")
        found = [self._load_one(path.parent) for path in sorted(self._settings.zoo.glob(f"*/*/*/{CARD}"))]
        # The newest ready version of the model that its card calls the default answers for its problem.
        defaults = {
            entry.problem: (entry.name, entry.version)
            for entry in sorted(found, key=_precedence)
            if entry.model is not None
        }
        self._entries = tuple(
            Entry(e.problem, e.name, e.version, e.model, e.failure, defaults.get(e.problem) == (e.name, e.version))
            for e in found
        )
        if not found:
            logger().warning("no_models", zoo=str(self._settings.zoo), answer="classical")

    def _load_one(self, directory: Path) -> Entry:
        problem, name, version = directory.parts[-3:]
        runtime, device = self._settings.runtime.value, self._settings.device.value
        try:
            model = load_model(directory, self._settings)
            if (model.card.problem, model.name, model.version) != (problem, name, version):
                raise ValueError(f"the card is for {model.card.problem}/{model.name}/{model.version}")
        except (DeviceUnavailableError, ImportError):
            raise
        except Exception as error:
            logger().error("model_refused", problem=problem, model=name, version=version, reason=str(error))
            self._metrics.model_info.labels(problem, name, version, runtime, device).set(0)
            return Entry(problem, name, version, None, str(error))
        logger().info("model_ready", problem=problem, model=name, version=version, device=model.device)
        self._metrics.model_info.labels(problem, name, version, model.runtime, model.device).set(1)
        return Entry(problem, name, version, model)

    def entries(self) -> tuple[Entry, ...]:
        """All model directories, in path order."""
        return self._entries

    def newest(self, name: str, version: str = "") -> Entry | None:
        """The newest ready entry of a name, of that version where one is given; None if there is none."""
        return _newest_ready([e for e in self._entries if e.name == name and version in ("", e.version)])

    def find(self, problem: str, asked: tuple[str, str] | None) -> tuple[LoadedModel | None, str]:
        """The model for a request, or None with the reason.

        Args:
            problem: Name of the problem family.
            asked: Pinned (name, version); an empty version takes the newest that is ready.

        Raises:
            ModelNotFoundError: A pinned model that is not ready.
        """
        mine = [entry for entry in self._entries if entry.problem == problem]
        if asked is None:
            for entry in mine:
                if entry.is_default:
                    return entry.model, ""
            failed = "; ".join(f"{e.name}/{e.version}: {e.failure}" for e in mine)
            return None, failed or "no model is loaded for this problem"
        name, version = asked
        fitting = [e for e in mine if e.name == name and version in ("", e.version)]
        newest = _newest_ready(fitting)
        if newest is not None:
            return newest.model, ""
        why = "; ".join(e.failure for e in fitting) or "it is not in the zoo"
        raise ModelNotFoundError(f"model {name!r} version {version or 'any'!r} for {problem} is not ready: {why}")


def _newest_ready(entries: list[Entry]) -> Entry | None:
    return max((e for e in entries if e.model is not None), key=lambda e: _order(e.version), default=None)


def _precedence(entry: Entry) -> tuple[bool, list[int], int]:
    """Sorts what answers without a pin last: models that their card calls the default, the first of them by name."""
    preferred = entry.model is not None and entry.model.card.default
    return preferred, [-ord(letter) for letter in entry.name], _order(entry.version)


def _order(version: str) -> int:
    """Versions are counting numbers; anything else comes before them all."""
    return int(version) if version.isdecimal() else -1
