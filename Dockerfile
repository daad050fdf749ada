# The server's images, none of which runs as root or writes to its own file system:
#     make image               the CPU image, without torch        (target cpu, the default)
#     make image TARGET=gpu    CUDA, ONNX Runtime for CUDA         (target gpu)
#     docker run --rm --read-only -p 50051:50051 -p 9464:9464 airgraph-server
# Any image with `python3 -m venv` (3.11 or later) can be the base of the CPU image. Build and final stage share a
# base, because a virtual environment keeps the path of the interpreter that made it. Both are pinned by the digest of
# their multi-architecture index; where the tag has moved on, `docker buildx imagetools inspect TAG` says the new one.
ARG BASE_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d
ARG CUDA_IMAGE=nvidia/cuda:13.0.2-cudnn-runtime-ubuntu24.04@sha256:14d94b039cb94bbd5da559f303b46bc4b0d5d6c24ab1a9d7b186e566ed3400dc

FROM ${BASE_IMAGE} AS cpu-base

FROM ${CUDA_IMAGE} AS gpu-base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*

# ---- What is installed: the same steps for both, with other extras. ----
FROM cpu-base AS cpu-build
ENV PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Dependencies alone first: this layer is reused as long as these files are the same.
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY deploy/image deploy/image
RUN --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    deploy/image/install-dependencies.sh server,tracing
COPY models models
COPY training training
COPY server server
COPY clients clients
RUN deploy/image/install-airgraph.sh

FROM gpu-base AS gpu-build
ENV PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# "gpu,tracing,torch" adds the TorchScript runtime, and some gigabytes.
ARG GPU_EXTRAS=gpu,tracing
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY deploy/image deploy/image
RUN --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    deploy/image/install-dependencies.sh "${GPU_EXTRAS}"
COPY models models
COPY training training
COPY server server
COPY clients clients
RUN deploy/image/install-airgraph.sh

# ---- What is shipped. ----
FROM gpu-base AS gpu
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="airgraph-server" \
      org.opencontainers.image.description="Radio resource management by graph neural networks over gRPC, on CUDA" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.airgraph.sbom="/opt/airgraph/share/sbom.cdx.json"
COPY --from=gpu-build /opt/airgraph /opt/airgraph
ENV PATH=/opt/airgraph/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ORT_DISABLE_TELEMETRY=1 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    AIRGRAPH_HOST=0.0.0.0 AIRGRAPH_PORT=50051 AIRGRAPH_METRICS_PORT=9464 AIRGRAPH_PROBE_PORT=50052
USER 65532:65532
EXPOSE 50051 50052 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["airgraph", "status", "--target", "127.0.0.1:50052"]
ENTRYPOINT ["airgraph-server"]

# The last stage is what a build without a target makes.
FROM cpu-base AS cpu
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="airgraph-server" \
      org.opencontainers.image.description="Radio resource management by graph neural networks over gRPC" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.airgraph.sbom="/opt/airgraph/share/sbom.cdx.json"
COPY --from=cpu-build /opt/airgraph /opt/airgraph
ENV PATH=/opt/airgraph/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ORT_DISABLE_TELEMETRY=1 \
    AIRGRAPH_HOST=0.0.0.0 AIRGRAPH_PORT=50051 AIRGRAPH_METRICS_PORT=9464 AIRGRAPH_PROBE_PORT=50052
# A number, so that Kubernetes can see that it is not root; it needs no entry in /etc/passwd.
USER 65532:65532
EXPOSE 50051 50052 9464
STOPSIGNAL SIGTERM
# The probe port is plain text whether or not the server speaks TLS.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["airgraph", "status", "--target", "127.0.0.1:50052"]
ENTRYPOINT ["airgraph-server"]
