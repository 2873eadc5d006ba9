# Two stages of one base: the first has pip and the sources, the second only Python and what was installed.
#
#   docker build -t egxds .
#   docker run --read-only -m 512m -v "$PWD/my-config:/etc/egxds:ro" -p 18000:18000 egxds
#
# Memory: 83 MB are used with one route, 203 MB with 10,000; allow twice that (README.md has more figures).
#
# Any image with Python 3.11 and its venv module will do as a base. Without a network:
#   --build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS=/wheels --volume "$PWD/wheels:/wheels:ro"
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS build
ARG PIP_INDEX_URL
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/egxds
WORKDIR /src
COPY pyproject.toml README.md ./
COPY egxds egxds
RUN /build/bin/python -m pip --python /opt/egxds/bin/python install --no-cache-dir .

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="egxds" \
      org.opencontainers.image.description="A control plane that gives Envoy what Envoy Gateway gives it, without Kubernetes"
COPY --from=build /opt/egxds /opt/egxds
ENV PATH=/opt/egxds/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1
# Settings and routes are mounted here; to be reached from other containers, xds.address must be 0.0.0.0:18000.
WORKDIR /etc/egxds
USER 65532:65532
EXPOSE 18000
STOPSIGNAL SIGTERM
ENTRYPOINT ["egxds"]
CMD ["serve", "-c", "/etc/egxds/egxds.yaml"]
