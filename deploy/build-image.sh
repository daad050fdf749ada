#!/usr/bin/env bash
# Builds the server's image with whichever container builder works on this host. In the environment:
#
#     IMAGE          name of the result            (default airgraph-server:latest, airgraph-server:gpu)
#     BASE_IMAGE     image to stand on, Python 3.11+ (default: the Dockerfile's; see base-image.sh)
#     TARGET         cpu or gpu                    (default cpu)
#     CUDA_IMAGE     what the gpu image stands on
#     GPU_EXTRAS     "gpu,tracing,torch" adds the TorchScript runtime to the gpu image
#     IMAGE_BUILDER  docker, podman or buildah     (default: the first that works)
#     CA_BUNDLE      certificates for pip, where a proxy re-signs traffic (default: PIP_CERT)
#     PIP_CONF       pip configuration file, where packages come from a mirror
#
# The last two are build secrets: they reach pip while it runs and leave nothing in the image.
set -euo pipefail
cd "$(dirname "$0")/.."

target="${TARGET:-cpu}"
tag=latest
[ "$target" = cpu ] || tag="$target"
image="${IMAGE:-airgraph-server:$tag}"
ca_bundle="${CA_BUNDLE:-${PIP_CERT:-}}"
builder="${IMAGE_BUILDER:-$(deploy/image-builder.sh)}"

arguments=(--tag "$image" --file Dockerfile --target "$target")
for name in BASE_IMAGE CUDA_IMAGE GPU_EXTRAS; do
    [ -z "${!name:-}" ] || arguments+=(--build-arg "$name=${!name}")
done
arguments+=(--build-arg "VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)")
arguments+=(--build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)")
[ -z "$ca_bundle" ] || arguments+=(--secret "id=ca_bundle,src=$ca_bundle")
[ -z "${PIP_CONF:-}" ] || arguments+=(--secret "id=pip_conf,src=$PIP_CONF")
# The OCI format has no health check; Docker's own has.
[ "$builder" = docker ] || arguments+=(--format docker)

echo "==> building $image with $builder"
"$builder" build "${arguments[@]}" .
