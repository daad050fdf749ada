"""The model card: what a network is, how good it is, and how to tell that the files are the right ones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CARD_FILE = "card.json"
SCHEMA_VERSION = 1
ANY_NUMBER = 0
"""Of antennas, where the network does not see them."""


class CardError(ValueError):
    """The card is malformed, or the files beside it are not the ones it was made for."""


@dataclass(frozen=True)
class Card:
    """What serving needs of a card; ``document`` holds all of it.

    Attributes:
        name: Model name.
        version: Counting number as text.
        problem: Problem family.
        antennas: Antennas a transmitter; 1 for scalar gains, `ANY_NUMBER` where it is no matter.
        parameters: Number of trained parameters.
        layout: Which inputs the network reads; a name of `airgraph_models.problems.layouts`.
        default: Whether it is the one of its problem that answers where no model is pinned.
        nodes: Smallest and largest instance of the training domain.
        domain: Range of each input statistic in the training domain, ``nodes`` among them.
        files: SHA-256 of each file, by name.
        golden: ``instance``, ``output`` and ``tolerance`` of the self-test.
        document: The whole card.
    """

    name: str
    version: str
    problem: str
    antennas: int
    parameters: int
    layout: str
    default: bool
    nodes: tuple[int, int]
    domain: dict[str, tuple[float, float]]
    files: dict[str, str]
    golden: dict[str, Any]
    document: dict[str, Any]

    def verify(self, directory: Path, *names: str) -> None:
        """Checks files against their SHA-256.

        Raises:
            CardError: A file is missing, not listed, or differs.
        """
        for name in names:
            if name not in self.files:
                raise CardError(f"{CARD_FILE}: files lists no sha256 for {name}")
            try:
                found = sha256(directory / name)
            except OSError as error:
                raise CardError(f"{name}: cannot be read: {error.strerror}") from error
            if found != self.files[name]:
                raise CardError(f"{name}: sha256 is {found[:12]}..., the card says {self.files[name][:12]}...")


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_card(directory: Path) -> Card:
    """Reads and checks ``card.json``.

    Raises:
        CardError: Not readable, not JSON, or a part is missing or of the wrong kind.
    """
    try:
        document = json.loads((directory / CARD_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise CardError(f"{CARD_FILE}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CardError(f"{CARD_FILE}: not JSON: {error}") from error
    return parse_card(document)


def parse_card(document: Any) -> Card:
    """Checks a card's document.

    Raises:
        CardError: A part is missing or of the wrong kind.
    """
    if not isinstance(document, dict):
        raise CardError(f"{CARD_FILE}: expected an object, got {type(document).__name__}")
    if document.get("schema_version") != SCHEMA_VERSION:
        raise CardError(f"{CARD_FILE}: schema_version is {document.get('schema_version')}, expected {SCHEMA_VERSION}")
    try:
        domain = {name: (float(low), float(high)) for name, (low, high) in document["domain"].items()}
        golden = document["golden"]
        for part in ("instance", "output", "tolerance"):
            golden[part]
        return Card(
            name=str(document["name"]),
            version=str(document["version"]),
            problem=str(document["problem"]),
            antennas=int(document["antennas"]),
            parameters=int(document["architecture"]["parameters"]),
            layout=str(document["architecture"]["layout"]),
            default=bool(document["default"]),
            nodes=(int(domain["nodes"][0]), int(domain["nodes"][1])),
            domain=domain,
            files={str(name): str(digest) for name, digest in document["sha256"].items()},
            golden=golden,
            document=document,
        )
    except KeyError as error:
        raise CardError(f"{CARD_FILE}: {error.args[0]!r} is missing") from error
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise CardError(f"{CARD_FILE}: {error}") from error
