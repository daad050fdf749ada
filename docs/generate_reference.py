"""Writes the reference pages: docs/api.md from ``proto/``, docs/settings.md from the server's settings.

Run with no argument to write them, with ``--check`` to learn whether the committed ones are up to date.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from grpc_tools import protoc  # type: ignore[import-untyped]
from pydantic_core import PydanticUndefined

from airgraph_server.security.settings import SecuritySettings
from airgraph_server.settings import Settings
from airgraph_server.tracing.settings import TracingSettings

DOCS = Path(__file__).resolve().parent
PROTO = DOCS.parent / "proto"
FILES = ("allocator", "problems", "provenance", "tensor", "registry")
MESSAGE, ENUM, SERVICE = 4, 5, 6
"""Field numbers of a file's messages, enums and services, of which the paths of comments are made."""
FIELD, VALUE, METHOD = 2, 2, 2

Comments = dict[tuple[int, ...], str]

API_HEAD = """# API

Generated from `proto/` by `docs/generate_reference.py`; edit the comments there. All quantities are linear (not dB)
and in one consistent power unit, rates are bit/s/Hz, the receiver's axis comes first. What each error means and what to
do about it is in the [failure guide](failures.md). Beside these services the server answers `grpc.health.v1.Health`,
server reflection and the Open Inference Protocol (`inference.GRPCInferenceService`).
"""
SETTINGS_HEAD = """# Settings

Generated from the server's settings by `docs/generate_reference.py`. Each can be given as `AIRGRAPH_<NAME>` in the
environment or as `<name>` in a TOML file (`airgraph-server --config FILE`), the common ones as flags. Flags win over
the environment, the environment over the file.
"""


def descriptors() -> list[FileDescriptorProto]:
    """The contract with its comments.

    Raises:
        RuntimeError: The compiler failed.
    """
    names = [f"airgraph/v1/{name}.proto" for name in FILES]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        include = resources.files("grpc_tools") / "_proto"
        arguments = ["protoc", f"--proto_path={PROTO}", f"--proto_path={include}", "--include_source_info"]
        if protoc.main([*arguments, f"--descriptor_set_out={out}", *names]) != 0:
            raise RuntimeError("protoc failed")
        found = {file.name: file for file in FileDescriptorSet.FromString(out.read_bytes()).file}
    return [found[name] for name in names]


def api() -> str:
    """The page of the API: services first, then messages and enums, in the order of the files."""
    files = [(file, _comments(file)) for file in descriptors()]
    parts = [API_HEAD]
    for file, comments in files:
        parts += [_service(one, comments, (SERVICE, i)) for i, one in enumerate(file.service)]
    for file, comments in files:
        parts.append(f"## {file.name}\n")
        parts += [_message(one, comments, (MESSAGE, i)) for i, one in enumerate(file.message_type)]
        parts += [_enum(one, comments, (ENUM, i)) for i, one in enumerate(file.enum_type)]
    return "\n".join(parts).rstrip() + "\n"


def _comments(file: FileDescriptorProto) -> Comments:
    # Each line begins with the space that follows the slashes.
    return {
        tuple(one.path): "\n".join(line.removeprefix(" ") for line in one.leading_comments.rstrip().splitlines())
        for one in file.source_code_info.location
    }


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")


def _type(name: str) -> str:
    return name.removeprefix(".").removeprefix("airgraph.v1.")


def _service(service: ServiceDescriptorProto, comments: Comments, path: tuple[int, ...]) -> str:
    lines = [f"## Service {service.name}\n", comments[path], "", "| method | takes | gives | |", "|---|---|---|---|"]
    for number, method in enumerate(service.method):
        takes = ("stream " if method.client_streaming else "") + f"`{_type(method.input_type)}`"
        gives = ("stream " if method.server_streaming else "") + f"`{_type(method.output_type)}`"
        said = _cell(comments[(*path, METHOD, number)])
        lines.append(f"| `{method.name}` | {takes} | {gives} | {said} |")
    return "\n".join(lines) + "\n"


def _message(message: DescriptorProto, comments: Comments, path: tuple[int, ...]) -> str:
    lines = [f"### {message.name}\n", comments[path], ""]
    if message.field:
        lines += ["| field | type | |", "|---|---|---|"]
    for number, field in enumerate(message.field):
        said = _cell(comments[(*path, FIELD, number)])
        lines.append(f"| `{field.name}` = {field.number} | {_field_type(message, field)} | {said} |")
    return "\n".join(lines) + "\n"


def _field_type(message: DescriptorProto, field: FieldDescriptorProto) -> str:
    base = _type(field.type_name) or FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated `{base}`"
    if field.proto3_optional:
        return f"optional `{base}`"
    if field.HasField("oneof_index"):
        return f"`{base}`, one of `{message.oneof_decl[field.oneof_index].name}`"
    return f"`{base}`"


def _enum(enum: EnumDescriptorProto, comments: Comments, path: tuple[int, ...]) -> str:
    lines = [f"### {enum.name}\n", comments[path], "", "| value | |", "|---|---|"]
    for number, value in enumerate(enum.value):
        lines.append(f"| `{value.name}` = {value.number} | {_cell(comments[(*path, VALUE, number)])} |")
    return "\n".join(lines) + "\n"


def settings() -> str:
    """The page of the settings: what the server does, what it tells, what guards it."""
    tables = [("Serving", Settings), ("Traces", TracingSettings), ("Security and transport", SecuritySettings)]
    parts = [SETTINGS_HEAD]
    for title, owner in tables:
        parts += [f"## {title}\n", "| setting | default | |", "|---|---|---|"]
        parts += [f"| `{name}` | {_default(name)} | {_cell(said)} |" for name, said in _fields(owner)]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _fields(owner: type) -> Iterator[tuple[str, str]]:
    """Name and docstring of each field that a class itself declares, in order."""
    (declared,) = ast.parse(inspect.getsource(owner)).body
    assert isinstance(declared, ast.ClassDef)
    for field, said in zip(declared.body, declared.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            if not (isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant)):
                raise RuntimeError(f"setting {field.target.id} has no docstring")
            yield field.target.id, str(said.value.value)


def _default(name: str) -> str:
    # What depends on the machine is not the same wherever this page is made.
    special = {"zoo": "the shipped zoo", "threads": "cores over workers, at least 2"}
    if name in special:
        return special[name]
    value = Settings.model_fields[name].default
    if value is PydanticUndefined:
        raise RuntimeError(f"the default of {name} needs words")
    return "none" if value is None else f"`{value}`"


def main() -> int:
    """Writes the pages, or checks them; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 if a committed page is stale")
    check = parser.parse_args().check
    stale = []
    for name, text in (("api.md", api()), ("settings.md", settings())):
        path = DOCS / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if check and stale:
        print(f"stale pages: {', '.join(stale)}; run python docs/generate_reference.py", file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
