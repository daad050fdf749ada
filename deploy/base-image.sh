#!/usr/bin/env bash
# Builds a small local base image (Debian, Python, CA certificates) with debootstrap, for a host that
# cannot pull `python:3.11-slim` from a registry. Run as root:
#
#     deploy/base-image.sh [NAME]          # NAME defaults to localhost/airgraph-base:bookworm
#     make image BASE_IMAGE=localhost/airgraph-base:bookworm
#
# SUITE, MIRROR and IMAGE_BUILDER (buildah, podman or docker) may be set in the environment.
set -euo pipefail

name="${1:-localhost/airgraph-base:bookworm}"
suite="${SUITE:-bookworm}"
mirror="${MIRROR:-http://deb.debian.org/debian}"
builder="${IMAGE_BUILDER:-$("$(dirname "$0")/image-builder.sh")}"

command -v debootstrap >/dev/null || { echo "debootstrap is not installed (apt-get install debootstrap)" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "debootstrap needs root" >&2; exit 1; }

work="$(mktemp -d)"
trap 'rm -rf --one-file-system "$work"' EXIT
root="$work/root"

echo "==> debootstrap $suite from $mirror"
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$suite" "$root" "$mirror" \
    >"$work/debootstrap.log" 2>&1 || { tail -n 20 "$work/debootstrap.log" >&2; exit 1; }

# What no container reads: package archives and lists, documentation, translations, old character sets.
rm -rf "$root"/var/cache/{apt,debconf}/* "$root"/var/lib/apt/lists/* "$root"/var/log/* \
    "$root"/usr/share/{doc,man,info,locale,lintian,i18n}/* "$root"/usr/lib/*/gconv
find "$root" -xdev -name __pycache__ -type d -prune -exec rm -rf {} +

echo "==> importing as $name with $builder"
case "$builder" in
buildah)
    container="$(buildah from scratch)"
    buildah add --quiet "$container" "$root" / >/dev/null
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd python3 "$container"
    buildah commit --quiet --rm "$container" "$name" >/dev/null
    ;;
podman | docker)
    tar -C "$root" --numeric-owner -c . | "$builder" import --change 'CMD ["python3"]' - "$name" >/dev/null
    ;;
*)
    echo "unknown IMAGE_BUILDER=$builder" >&2
    exit 1
    ;;
esac
echo "==> $name is ready; build on it with: make image BASE_IMAGE=$name"
