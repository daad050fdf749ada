# The server on the CPU, without torch: `make image`, or
#     docker build -t airgraph-server .
#     docker run --rm -p 50051:50051 -p 9464:9464 airgraph-server
# Any image with `python3 -m venv` (3.11 or later) can be the base; both stages share it, because a
# virtual environment keeps the path of the interpreter that made it.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    ORT_DISABLE_TELEMETRY=1
WORKDIR /src
RUN python3 -m venv /opt/airgraph

# Dependencies alone first: this layer is reused as long as these four files are the same.
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    if [ -s /run/secrets/ca_bundle ]; then export PIP_CERT=/run/secrets/ca_bundle; fi \
    && mkdir models training server clients \
    && /opt/airgraph/bin/pip install --quiet -c constraints.txt '.[server]' 'setuptools>=77'

COPY models models
COPY training training
COPY server server
COPY clients clients
# `--force-reinstall` replaces the empty package of the layer before. What follows it halves the layer:
# pip, tests, type stubs and model-conversion tools go, and importing the programs once leaves bytecode
# of just the modules that they load (and shows that they load).
RUN /opt/airgraph/bin/pip install --quiet --no-deps --no-build-isolation --force-reinstall . \
    && /opt/airgraph/bin/pip uninstall --quiet --yes setuptools pip \
    && cd /opt/airgraph/lib/python3*/site-packages \
    && find . -type d '(' -name tests -o -name __pycache__ ')' -prune -exec rm -rf {} + \
    && find . -name '*.pyi' -delete \
    && rm -rf onnxruntime/transformers onnxruntime/quantization onnxruntime/tools \
    && /opt/airgraph/bin/python -c 'import airgraph_client.cli, airgraph_models.classical, airgraph_server.cli, onnxruntime'

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="airgraph-server" \
      org.opencontainers.image.description="Radio resource management by graph neural networks over gRPC" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/airgraph /opt/airgraph
ENV PATH=/opt/airgraph/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    AIRGRAPH_HOST=0.0.0.0 \
    AIRGRAPH_PORT=50051 \
    AIRGRAPH_METRICS_PORT=9464
# A number, so that Kubernetes can see that it is not root; it needs no entry in /etc/passwd.
USER 65532:65532
EXPOSE 50051 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["airgraph", "status", "--target", "127.0.0.1:50051"]
ENTRYPOINT ["airgraph-server"]
