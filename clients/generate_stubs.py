"""Generates the Python stubs of the contract from ``proto/`` into this folder.

Run with no argument to write them, with ``--check`` to learn whether the committed ones are up to date.
Needs grpcio-tools and mypy-protobuf in the versions that constraints.txt names: the stubs record the
generator's version, so another one makes them differ.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

CLIENTS = Path(__file__).resolve().parent
PROTO = CLIENTS.parent / "proto"
PACKAGES = ("airgraph/v1", "inference")


def generate(target: Path) -> None:
    """Writes the stubs of every package below ``target``.

    Raises:
        RuntimeError: The compiler or a plugin failed.
    """
    files = [path for package in PACKAGES for path in sorted((PROTO / package).glob("*.proto"))]
    messages = [str(path.relative_to(PROTO)) for path in files]
    # A file without a service would get an empty service module.
    services = [str(path.relative_to(PROTO)) for path in files if "\nservice " in path.read_text()]
    compile_protos([f"--python_out={target}", f"--mypy_out=quiet:{target}", *messages])
    compile_protos([f"--grpc_python_out={target}", f"--mypy_grpc_out=quiet:{target}", *services])


def compile_protos(arguments: list[str]) -> None:
    """Runs the protobuf compiler with the plugins of this interpreter's environment.

    Raises:
        RuntimeError: The compiler or a plugin failed.
    """
    # The plugins stand beside the interpreter, whose folder need not be on the path.
    plugins = Path(sys.executable).parent
    well_known = resources.files("grpc_tools") / "_proto"
    status = protoc.main(
        [
            "protoc",
            f"--proto_path={PROTO}",
            f"--proto_path={well_known}",
            f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
            f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
            *arguments,
        ]
    )
    if status != 0:
        raise RuntimeError(f"protoc ended with status {status}")


def stubs(root: Path) -> dict[str, bytes]:
    """Contents of the generated files below ``root``, by their relative path."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for package in PACKAGES
        for path in sorted((root / package).glob("*_pb2*.py*"))
        if path.suffix in (".py", ".pyi")
    }


def stale() -> list[str]:
    """Relative paths of the stubs that are missing, superfluous or unlike freshly generated ones."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = stubs(Path(folder))
    committed = stubs(CLIENTS)
    return sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))


def main() -> int:
    """Writes the stubs, or checks them; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 if the committed stubs are stale")
    if parser.parse_args().check:
        differing = stale()
        if differing:
            print(f"stale stubs: {', '.join(differing)}; run python clients/generate_stubs.py", file=sys.stderr)
        return 1 if differing else 0
    for name in stubs(CLIENTS):
        (CLIENTS / name).unlink()
    generate(CLIENTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
