# The image of web, worker, migration and every other command of the shop; docs/containers.md says how to run it.
# tests/deploy/test_dockerfile.py runs the commands of this file in an empty folder.
FROM python:3.11.15-slim-bookworm AS build

WORKDIR /opt/storefront
COPY requirements.txt ./
RUN python -m venv .venv && \
    .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --only-binary :all: \
        --require-hashes --requirement requirements.txt && \
    .venv/bin/python -m pip uninstall --yes --quiet pip setuptools
COPY config.py wsgi.py ./
COPY deploy/gunicorn*.py deploy/
COPY migrations migrations
COPY static static
COPY templates templates
COPY storefront storefront
# The file system is read-only at run time. An unchecked hash: nothing looks at the sources' times again.
RUN .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash config.py wsgi.py deploy migrations storefront
# Made here and empty: the last stage has the shop's user own it.
WORKDIR /var/lib/storefront

FROM python:3.11.15-slim-bookworm

LABEL org.opencontainers.image.title="storefront" \
      org.opencontainers.image.description="A self-hosted shop: web, worker and commands" \
      org.opencontainers.image.licenses="MIT"

# Nothing is installed at run time.
RUN python -m pip uninstall --yes --quiet setuptools wheel pip

COPY --from=build /opt/storefront /opt/storefront
COPY --from=build --chown=10001:10001 /var/lib/storefront /var/lib/storefront
WORKDIR /opt/storefront

ENV PATH=/opt/storefront/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    STOREFRONT_DATA=/var/lib/storefront \
    FLASK_APP=wsgi

USER 10001:10001
VOLUME /var/lib/storefront
EXPOSE 9090

# Of the web server; a container with another command sets its own, or none.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9090/health/live', timeout=4)"]

CMD ["python", "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--bind", "0.0.0.0:9090", "wsgi:app"]
