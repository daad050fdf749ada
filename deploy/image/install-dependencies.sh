#!/bin/sh
# Within an image build: makes /opt/airgraph, a virtual environment with what the named extras need, and writes what
# it holds to /opt/airgraph/share/sbom.cdx.json (CycloneDX) with a tool that stays outside the image.
#
#     install-dependencies.sh EXTRAS
set -eu
[ ! -s /run/secrets/ca_bundle ] || export PIP_CERT=/run/secrets/ca_bundle

python3 -m venv /opt/airgraph
mkdir models training server clients
/opt/airgraph/bin/pip install --quiet -c constraints.txt ".[$1]" 'setuptools>=77'

python3 -m venv /sbom
/sbom/bin/pip install --quiet -r deploy/image/sbom-requirements.txt
