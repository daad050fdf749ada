"""Makes a token: ``python -m airgraph_server.security.new_token NAME ROLE >> access``.

The line for the access file goes to standard output, the token itself, which is stored nowhere, to standard error.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from airgraph_server.security.tokens import AccessFileError, Role, digest_of, new_token, parse


def make(
    name: Annotated[str, typer.Argument(help="Name of the caller in the log; no spaces.")],
    role: Annotated[Role, typer.Argument(help="user asks; admin also loads and unloads models.")] = Role.USER,
) -> None:
    """Prints a line of the access file and, to standard error, its new token."""
    token = new_token()
    line = f"{name} {role.value} {digest_of(token)}"
    try:
        parse(line)
    except AccessFileError:
        print(f"name: expected one word that does not begin with #, got {name!r}", file=sys.stderr)
        raise typer.Exit(2) from None
    print(line)
    print(token, file=sys.stderr)


if __name__ == "__main__":
    typer.run(make)
