"""Generates stubs for protobuf 3.20 from ``proto/`` into ``clients/protobuf3``.

`ricxappframe`, the xApp framework of the O-RAN Software Community, pins protobuf below 3.21, for which the stubs of
``clients/airgraph`` are too new. Run this in an environment of its own, with ``grpcio-tools==1.49.1``; the tests say
when the result is stale.
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

CLIENTS = Path(__file__).resolve().parent
PROTO = CLIENTS.parent / "proto"
TARGET = CLIENTS / "protobuf3"
SERVICES = ("allocator", "registry")


def main() -> int:
    """Writes the stubs; returns the compiler's exit status."""
    package = TARGET / "airgraph" / "v1"
    package.mkdir(parents=True, exist_ok=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    messages = [str(path.relative_to(PROTO)) for path in sorted((PROTO / "airgraph" / "v1").glob("*.proto"))]
    include = ["protoc", f"--proto_path={PROTO}", f"--proto_path={resources.files('grpc_tools') / '_proto'}"]
    status = protoc.main([*include, f"--python_out={TARGET}", *messages])
    services = [f"airgraph/v1/{name}.proto" for name in SERVICES]
    return int(status or protoc.main([*include, f"--grpc_python_out={TARGET}", *services]))


if __name__ == "__main__":
    sys.exit(main())
