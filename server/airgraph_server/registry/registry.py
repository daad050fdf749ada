"""All models of the zoo: which serve, which failed and why, and which one a request gets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from airgraph_server.errors import InvalidInstanceError, ModelCannotServeError, ModelNotFoundError
from airgraph_server.log import logger
from airgraph_server.metrics import Metrics
from airgraph_server.registry.model import LoadedModel, load_model
from airgraph_server.runtime.base import DeviceUnavailableError
from airgraph_server.settings import Settings

CARD = "card.json"
Key = tuple[str, str, str]
Stamp = tuple[tuple[str, int, int], ...]


class State(StrEnum):
    """Whether an entry can answer."""

    READY = "READY"
    UNLOADED = "UNLOADED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Entry:
    """A model directory of the zoo.

    Attributes:
        problem: Its first path component.
        name: Its second.
        version: Its third.
        model: The loaded model, None if it failed or was unloaded.
        failure: Why it failed; beside a model, why what replaced it in the zoo was refused.
        is_default: Whether requests without a pin get it.
        stamp: What its files looked like when it was loaded or refused.
    """

    problem: str
    name: str
    version: str
    model: LoadedModel | None
    failure: str = ""
    is_default: bool = False
    stamp: Stamp = ()

    @property
    def key(self) -> Key:
        """Problem, name and version."""
        return self.problem, self.name, self.version

    @property
    def state(self) -> State:
        """Whether it can answer."""
        if self.model is not None:
            return State.READY
        return State.FAILED if self.failure else State.UNLOADED


@dataclass(frozen=True)
class Changes:
    """What a look through the zoo has changed; ``failed`` could not be loaded, and what served before still serves."""

    loaded: tuple[Entry, ...] = ()
    unloaded: tuple[Entry, ...] = ()
    failed: tuple[Entry, ...] = ()


class ChangesModels(Protocol):
    """Who changes what is served: the registry, or whoever sees to several of them."""

    def load_model(self, name: str, version: str = "") -> Entry:
        """As `Registry.load_model`."""

    def unload_model(self, name: str, version: str = "") -> list[Entry]:
        """As `Registry.unload_model`."""

    def reload(self) -> Changes:
        """As `Registry.reload`."""


class Registry:
    """The models of one server.

    Readers see one tuple of entries, which is replaced whole: a new version is verified, self-tested and warm before
    the tuple names it, and who has the model of an old one keeps it for as long as the call takes.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """Starts empty; `load` reads the zoo."""
        self._settings = settings
        self._metrics = metrics
        self._entries: tuple[Entry, ...] = ()
        self._changing = threading.Lock()
        self.before_traffic: Callable[[LoadedModel], None] = lambda model: None
        """Called with each model that is whole and warm, before it gets its first call."""

    def load(self) -> None:
        """Loads every model of the zoo; one that fails is refused with the reason, the others serve.

        Raises:
            NotADirectoryError: There is no such folder; an empty one serves classically.
            DeviceUnavailableError: The device was asked for by name and does not work: a setting to mend,
                not a model to skip.
        """
        self.reload()
        if not self._entries:
            logger().warning("no_models", zoo=str(self._settings.zoo), answer="classical")

    def reload(self) -> Changes:
        """Looks through the zoo: loads what is new or changed, drops what is gone.

        What was unloaded stays so, and what failed is not tried again, until their files change.

        Raises:
            NotADirectoryError: There is no such folder; all models stay.
        """
        with self._changing:
            if not self._settings.zoo.is_dir():
                raise NotADirectoryError(f"zoo {self._settings.zoo} is not a folder")
            found = {directory_key(path.parent): path.parent for path in self._settings.zoo.glob(f"*/*/*/{CARD}")}
            known = {entry.key: entry for entry in self._entries}
            gone = [entry for key, entry in known.items() if key not in found]
            fresh = [
                self._load_one(found[key], known.get(key))
                for key in sorted(found)
                if key not in known or known[key].stamp != stamp_of(found[key])
            ]
            self._replace(fresh, gone)
            for entry in gone:
                self._tell_metrics(entry, 0)
            failed = tuple(entry for entry in fresh if entry.failure)
            loaded = tuple(entry for entry in fresh if not entry.failure)
            return Changes(loaded, tuple(e for e in gone if e.model is not None), failed)

    def load_model(self, name: str, version: str = "") -> Entry:
        """Loads one model of the zoo, again where it is loaded already.

        Args:
            name: ``name`` or ``problem/name``.
            version: Version; empty takes the newest in the zoo.

        Raises:
            InvalidInstanceError: Several problems have a model of that name.
            ModelNotFoundError: There is none such in the zoo.
            ModelCannotServeError: It is damaged or fails its self-test; what served before still serves.
        """
        with self._changing:
            found = {directory_key(path.parent): path.parent for path in self._settings.zoo.glob(f"*/*/*/{CARD}")}
            fitting = [key for key in found if _named(key, name) and version in ("", key[2])]
            if not fitting:
                raise ModelNotFoundError(f"the zoo has no model {name!r} version {version or 'any'!r}")
            problems = sorted({key[0] for key in fitting})
            if len(problems) > 1:
                raise InvalidInstanceError("name", "problem/name where several problems have it", ", ".join(problems))
            key = max(fitting, key=lambda key: _order(key[2]))
            before = next((entry for entry in self._entries if entry.key == key), None)
            entry = self._load_one(found[key], before)
            self._replace([entry], [])
            if entry.failure:
                raise ModelCannotServeError(f"model {name!r} version {key[2]!r} was refused: {entry.failure}")
            return next(e for e in self._entries if e.key == key)

    def unload_model(self, name: str, version: str = "") -> list[Entry]:
        """Takes a model, or one version of it, out of service; calls that have it already end on it.

        Raises:
            ModelNotFoundError: No such model is loaded.
        """
        with self._changing:
            leaving = [
                entry
                for entry in self._entries
                if entry.model is not None and _named(entry.key, name) and version in ("", entry.version)
            ]
            if not leaving:
                raise ModelNotFoundError(f"no model {name!r} version {version or 'any'!r} is loaded")
            left = [replace(entry, model=None, failure="", is_default=False) for entry in leaving]
            self._replace(left, [])
            for entry in leaving:
                self._tell_metrics(entry, 0)
                logger().info("model_unloaded", problem=entry.problem, model=entry.name, version=entry.version)
            return left

    def _load_one(self, directory: Path, before: Entry | None) -> Entry:
        problem, name, version = directory_key(directory)
        # Taken first: a file that changes while it is read is looked at again.
        stamp = stamp_of(directory)
        try:
            model = load_model(directory, self._settings)
            if (model.card.problem, model.name, model.version) != (problem, name, version):
                raise ValueError(f"the card is for {model.card.problem}/{model.name}/{model.version}")
            self.before_traffic(model)
        except (DeviceUnavailableError, ImportError):
            raise
        except Exception as error:
            logger().error("model_refused", problem=problem, model=name, version=version, reason=str(error))
            serving = before.model if before is not None else None
            entry = Entry(problem, name, version, serving, str(error), stamp=stamp)
            if serving is None:
                self._tell_metrics(entry, 0)
            return entry
        logger().info("model_ready", problem=problem, model=name, version=version, device=model.device)
        entry = Entry(problem, name, version, model, stamp=stamp)
        gpu = model.device

        def device_lost(reason: str) -> None:
            logger().error("gpu_lost", problem=problem, model=name, version=version, reason=reason, device=model.device)
            self._metrics.model_info.remove(*entry.key, model.runtime, gpu)
            self._tell_metrics(entry, 1)

        model.when_device_lost(device_lost)
        self._tell_metrics(entry, 1)
        return entry

    def _replace(self, fresh: Sequence[Entry], gone: Sequence[Entry]) -> None:
        entries = {entry.key: entry for entry in self._entries} | {entry.key: entry for entry in fresh}
        for entry in gone:
            del entries[entry.key]
        # The newest ready version of the model that its card calls the default answers for its problem.
        defaults = {
            entry.problem: entry.key for entry in sorted(entries.values(), key=_precedence) if entry.model is not None
        }
        self._entries = tuple(replace(entries[key], is_default=defaults.get(key[0]) == key) for key in sorted(entries))

    def _tell_metrics(self, entry: Entry, value: int) -> None:
        runtime = entry.model.runtime if entry.model is not None else self._settings.runtime.value
        device = entry.model.device if entry.model is not None else self._settings.device.value
        self._metrics.model_info.labels(*entry.key, runtime, device).set(value)

    def entries(self) -> tuple[Entry, ...]:
        """All model directories, in path order."""
        return self._entries

    def newest(self, name: str, version: str = "") -> Entry | None:
        """The newest ready entry of a name, of that version where one is given; None if there is none."""
        return _newest_ready([e for e in self._entries if _named(e.key, name) and version in ("", e.version)])

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
            failed = "; ".join(f"{e.name}/{e.version}: {e.failure or 'unloaded'}" for e in mine)
            return None, failed or "no model is loaded for this problem"
        name, version = asked
        fitting = [e for e in mine if _named(e.key, name) and version in ("", e.version)]
        newest = _newest_ready(fitting)
        if newest is not None:
            return newest.model, ""
        why = "; ".join(e.failure or "unloaded" for e in fitting) or "it is not in the zoo"
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


def directory_key(directory: Path) -> Key:
    """Problem, name and version of a model directory."""
    problem, name, version = directory.parts[-3:]
    return problem, name, version


def stamp_of(directory: Path) -> Stamp:
    """Name, size and time of change of each file: what a look tells of a change without reading."""
    found = []
    for path in sorted(directory.iterdir()) if directory.is_dir() else ():
        with suppress(FileNotFoundError):
            status = path.stat()
            found.append((path.name, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _named(key: Key, name: str) -> bool:
    return name in (key[1], f"{key[0]}/{key[1]}")
