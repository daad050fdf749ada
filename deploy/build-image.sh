#!/usr/bin/env bash
# Builds the server's image with whichever container builder works on this host. In the environment:
#
#     IMAGE          name of the result            (default airgraph-server:latest)
#     BASE_IMAGE     image to stand on, Python 3.11+ (default: the Dockerfile's; see base-image.sh)
#     IMAGE_BUILDER  docker, podman or buildah     (default: the first that works)
#     CA_BUNDLE      certificates for pip, where a proxy re-signs traffic
#     PIP_CONF       pip configuration file, where packages come from a mirror
#
# The last two are build secrets: they reach pip while it runs and leave nothing in the image.
set -euo pipefail
cd "$(dirname "$0")/.."

image="${IMAGE:-airgraph-server:latest}"
builder="${IMAGE_BUILDER:-$(deploy/image-builder.sh)}"

arguments=(--tag "$image" --file Dockerfile)
[ -z "${BASE_IMAGE:-}" ] || arguments+=(--build-arg "BASE_IMAGE=$BASE_IMAGE")
[ -z "${CA_BUNDLE:-}" ] || arguments+=(--secret "id=ca_bundle,src=$CA_BUNDLE")
[ -z "${PIP_CONF:-}" ] || arguments+=(--secret "id=pip_conf,src=$PIP_CONF")
# The OCI format has no health check; Docker's own has.
[ "$builder" = docker ] || arguments+=(--format docker)

echo "==> building $image with $builder"
"$builder" build "${arguments[@]}" .
