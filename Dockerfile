# egxds as the first process of a container, without root and on a root that nobody can write to.
# docs/run/container.md has the commands to build and run it, with docker and with podman; compose.yaml has an Envoy beside it.
#
# Any image with Python 3.11 or newer, its venv module and coreutils will do as a base.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS tools
# A package index of your own, and the file that its certificate is checked with: /run/secrets/ca, given as a secret.
ARG PIP_INDEX_URL
ARG PIP_CERT
# Without a network: 1, and a directory of wheels that is mounted.
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
ENV INSTALL="install --no-cache-dir --require-hashes --no-deps --only-binary :all:"
WORKDIR /src
COPY config/container/*.lock ./
RUN --mount=type=secret,id=ca \
    python3 -m venv /build && /build/bin/python -m pip $INSTALL -r build.lock

FROM tools AS build
ARG PIP_INDEX_URL
ARG PIP_CERT
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
# Each file is one that the lock names, and wheels only: nothing is compiled, and nothing of a package is run.
RUN --mount=type=secret,id=ca \
    python3 -m venv --without-pip /opt/egxds && \
    /build/bin/python -m pip --python /opt/egxds/bin/python $INSTALL -r requirements.lock
COPY . .
RUN /build/bin/python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /dist . && \
    /build/bin/python -m pip --python /opt/egxds/bin/python install --no-index --no-deps /dist/*.whl && \
    version="$(/opt/egxds/bin/python -c 'import egxds; print(egxds.__version__)')" && \
    mkdir /opt/egxds/share && \
    python3 config/container/sbom.py requirements.lock "$version" > /opt/egxds/share/sbom.cdx.json

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.title="egxds" \
      org.opencontainers.image.description="A control plane that gives Envoy what Envoy Gateway gives it, without Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
# What the base installs packages with is of no use to egxds, only to somebody who got in. Volumes belong to its user.
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
           /usr/lib/python3*/ensurepip /usr/lib/python3/dist-packages/pip* /usr/share/python-wheels && \
    mkdir -p /etc/egxds/routes /run/egxds /var/lib/egxds && \
    chown 65532:65532 /run/egxds /var/lib/egxds && chmod 0700 /var/lib/egxds
COPY --from=build /opt/egxds /opt/egxds
# xDS on a Unix socket in /run/egxds, which an Envoy shares; another file mounted here says otherwise.
COPY config/container/egxds.yaml /etc/egxds/egxds.yaml
ENV PATH=/opt/egxds/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /etc/egxds
USER 65532:65532
VOLUME ["/run/egxds", "/var/lib/egxds"]
STOPSIGNAL SIGTERM
# The format OCI has no place for it: buildah and podman keep it with --format docker.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["egxds", "healthcheck", "-c", "/etc/egxds/egxds.yaml"]
# The kernel throws away what is sent to a first process that handles no signals yet; what is blocked it keeps.
ENTRYPOINT ["env", "--block-signal=TERM,INT,HUP", "egxds"]
CMD ["serve", "-c", "/etc/egxds/egxds.yaml"]
