#!/bin/sh
# Within an image build: puts AirGraph itself into /opt/airgraph and takes out what serving does not need, which
# halves it: pip, tests, type stubs, model-conversion tools, and the parts of scipy that no solver imports. Importing the programs once leaves bytecode of just
# the modules that they load, and shows that they load.
set -eu

# `--force-reinstall` replaces the empty package of the layer before.
/opt/airgraph/bin/pip install --quiet --no-deps --no-build-isolation --force-reinstall .
/opt/airgraph/bin/pip uninstall --quiet --yes setuptools pip

cd /opt/airgraph/lib/python3*/site-packages
find . -type d '(' -name tests -o -name __pycache__ ')' -prune -exec rm -rf {} +
find . -name '*.pyi' -delete
rm -rf onnxruntime/transformers onnxruntime/quantization onnxruntime/tools
(cd scipy && rm -rf cluster datasets differentiate fftpack integrate interpolate io ndimage odr signal stats)
ORT_DISABLE_TELEMETRY=1 /opt/airgraph/bin/python -c \
    'import airgraph_client.cli, airgraph_models.classical, airgraph_server.cli, onnxruntime'

mkdir -p /opt/airgraph/share
/sbom/bin/cyclonedx-py environment --pyproject /src/pyproject.toml --output-reproducible --of JSON \
    -o /opt/airgraph/share/sbom.cdx.json /opt/airgraph/bin/python
