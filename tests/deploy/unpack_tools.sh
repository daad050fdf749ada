#!/usr/bin/env bash
# Unpacks Debian's prometheus, promtool and kubectl into a folder, for the tests beside this file, where the machine has
# none; nothing is installed. Where they cannot be had, those tests are skipped and say why.
#
#     tests/deploy/unpack_tools.sh FOLDER        # then FOLDER/usr/bin belongs on the PATH
set -euo pipefail

mkdir -p "$1"
folder="$(realpath "$1")"
PATH="$folder/usr/bin:$PATH"

wanted=()
command -v prometheus >/dev/null && command -v promtool >/dev/null || wanted+=(prometheus)
command -v kubectl >/dev/null || wanted+=(kubernetes-client)
[ ${#wanted[@]} -gt 0 ] || exit 0

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
# The lists of packages may be missing or old, and only root may renew them.
get() { timeout 120 apt-get download -qq "${wanted[@]}" >/dev/null 2>&1; }
if ! get && ! { timeout 120 apt-get update -qq >/dev/null 2>&1 && get; }; then
    echo "no ${wanted[*]} from Debian's packages here: the tests that use them are skipped" >&2
    exit 0
fi
for package in ./*.deb; do
    dpkg-deb -x "$package" "$folder"
done
