# sessiond with a redis-server for its private server.
#   docker build -t sessiond .
#   docker run --stop-timeout 30 -p 127.0.0.1:6380:6380 -v sessiond:/data sessiond
# The stop timeout leaves time for the drain and for the private server to write its files.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
# The manifest names a benchmark, which must be there for it to be read.
COPY benches ./benches
COPY src ./src
RUN cargo build --release --locked --bin sessiond

FROM debian:bookworm-slim
# ca-certificates: trusted for rediss:// upstreams. redis-server brings redis-cli, which the health check uses.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 sessiond \
    && useradd --system --uid 10001 --gid sessiond --home-dir /data --no-create-home \
        --shell /usr/sbin/nologin sessiond \
    && install --directory --owner sessiond --group sessiond --mode 0700 /data
COPY --from=build /build/target/release/sessiond /usr/local/bin/sessiond

ENV SESSIOND_LISTEN=0.0.0.0:6380 \
    SESSIOND_DATA_DIR=/data
USER sessiond
WORKDIR /data
VOLUME /data
EXPOSE 6380

# An upstream that wants a password answers NOAUTH, which is an answer.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD redis-cli -p "${SESSIOND_LISTEN##*:}" ping | grep -Eq 'PONG|NOAUTH'

ENTRYPOINT ["/usr/local/bin/sessiond"]
