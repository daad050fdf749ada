#!/usr/bin/env bash
# Prints the first container builder on this host that can really build: a docker client without its
# daemon cannot, so it has to answer `docker info` before it is chosen.
set -euo pipefail

if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
    echo docker
elif command -v podman >/dev/null; then
    echo podman
elif command -v buildah >/dev/null; then
    echo buildah
else
    echo "no container builder: install docker (with its daemon running), podman or buildah" >&2
    exit 1
fi
