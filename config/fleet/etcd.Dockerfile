# etcd as Debian has it, without root; compose.fleet.yaml says how it is started.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends etcd-server etcd-client && \
    rm -rf /var/lib/apt/lists/* && \
    install -d -o 65532 -g 65532 -m 0700 /var/lib/etcd
USER 65532:65532
VOLUME ["/var/lib/etcd"]
