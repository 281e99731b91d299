# Pin the base by its digest where you build for production, so that no rebuild changes it:
#   docker buildx imagetools inspect python:3.13-slim-bookworm
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY connector connector
COPY state state
COPY mappings mappings
# Without pip of its own: what runs later can install nothing.
RUN python -m venv --without-pip /opt/connector && \
    python -m pip --python /opt/connector/bin/python install --no-cache-dir \
        --disable-pip-version-check --constraint constraints.txt '.[fleet,mcp]'

FROM python:3.13-slim-bookworm
COPY --from=build /opt/connector /opt/connector
RUN useradd --system --uid 10001 --home-dir /var/lib/connector --shell /usr/sbin/nologin connector && \
    install --directory --owner 10001 --mode 0700 /var/lib/connector
# The root file system may be read-only: everything that is written lies on the one volume.
ENV PATH=/opt/connector/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    CONNECTOR_DATABASE_URL=sqlite:////var/lib/connector/connector.db \
    CONNECTOR_LISTEN=0.0.0.0:8080 \
    CONNECTOR_LOG_FORMAT=json
USER 10001
WORKDIR /var/lib/connector
VOLUME /var/lib/connector
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-m", "connector.web.probe"]
ENTRYPOINT ["connector"]
CMD ["run"]
