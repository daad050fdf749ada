"""A port that several processes of one server listen on."""

from __future__ import annotations

import socket


def reserve(host: str, port: int) -> socket.socket:
    """A socket that holds a port and never listens; 0 takes a free one.

    The kernel deals connections to the sockets that listen on the port with ``SO_REUSEPORT``, so not to this one.

    Raises:
        OSError: The port is taken.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        if port:
            # Whoever else shares this port would silently get some of the calls.
            with _bound(family, kind, address, shared=False):
                pass
        return _bound(family, kind, address, shared=True)
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error}") from error


def _bound(family: int, kind: int, address: tuple[object, ...], *, shared: bool) -> socket.socket:
    bound = socket.socket(family, kind)
    try:
        # What an earlier server's connections have left behind is no reason to wait.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
