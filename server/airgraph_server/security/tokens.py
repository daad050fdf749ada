"""Bearer tokens: who a caller is, from a file that holds only the hashes of the tokens.

A line of the file is ``NAME ROLE HASH``: a name for the log, ``user`` or ``admin``, and ``sha256:`` with the SHA-256
of the token in hexadecimal; empty lines and lines that begin with ``#`` are passed over. Tokens are 256 random bits
(`new_token`), so an unsalted fast hash cannot be reversed. ``python -m airgraph_server.security.new_token`` makes one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from airgraph_server.log import logger

HASH = re.compile(r"sha256:[0-9a-f]{64}")


class Role(StrEnum):
    """What a caller may do: ask for answers and read models, or also change which models are served."""

    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    """One line of the file."""

    name: str
    role: Role
    digest: str


class AccessFileError(ValueError):
    """The access file cannot be understood. Names the line, never what is in it: it could be a token."""


def new_token() -> str:
    """256 random bits in letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """The token as the file holds it."""
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


def parse(text: str) -> tuple[Caller, ...]:
    """Reads the lines of an access file.

    Raises:
        AccessFileError: A line is not of the form, or there is none.
    """
    callers = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = line.split()
        if len(words) != 3 or words[1] not in tuple(Role) or not HASH.fullmatch(words[2]):
            raise AccessFileError(f"line {number}: expected NAME ROLE sha256:HEX with ROLE user or admin")
        callers.append(Caller(words[0], Role(words[1]), words[2]))
    if not callers:
        raise AccessFileError("expected at least one line NAME ROLE sha256:HEX, got none")
    return tuple(callers)


class AccessFile:
    """The callers of the file as it is now; the last good ones where it is damaged or gone."""

    def __init__(self, path: Path) -> None:
        """Reads the file.

        Raises:
            OSError: It cannot be read or understood.
        """
        self._path = path
        self._lock = threading.Lock()
        self._stamp = self._look()
        try:
            self._callers = parse(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise OSError(f"access_file {path}: {_reason(error)}") from None

    def caller(self, token: str) -> Caller | None:
        """Whose token it is. Takes the same time whichever line matches, if any."""
        self._refresh()
        digest, found = digest_of(token), None
        for caller in self._callers:
            if hmac.compare_digest(caller.digest, digest):
                found = caller
        return found

    def _refresh(self) -> None:
        with self._lock:
            stamp = self._look()
            if stamp == self._stamp:
                return
            # Kept also where reading fails below: a damaged file is reported once, not at every call.
            self._stamp = stamp
            try:
                self._callers = parse(self._path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                logger().error("access_file_not_reloaded", path=str(self._path), reason=_reason(error))
                return
            logger().info("access_file_reloaded", path=str(self._path), callers=len(self._callers))

    def _look(self) -> tuple[int, int, int] | None:
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_ino, state.st_size


def _reason(error: Exception) -> str:
    # A decoding error quotes the bytes it stumbled over.
    return "not UTF-8 text" if isinstance(error, UnicodeError) else str(error)
