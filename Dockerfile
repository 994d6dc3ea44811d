# The command `flowmatrix` and nothing else: no compiler, no shell scripts, no root.
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml requirements.txt README.md LICENSE ./
COPY pipeline pipeline
COPY stages stages
COPY matrix matrix
COPY discovery discovery
COPY policy policy
COPY page page
COPY simulate simulate
COPY configs/flowmetrics configs/flowmetrics
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Files that have the hash that is written down; the package itself is built by what was fetched so.
RUN python -m venv /opt/flowmatrix \
 && /opt/flowmatrix/bin/pip install --no-deps --require-hashes --only-binary :all: -r requirements.txt \
 && /opt/flowmatrix/bin/pip install --no-deps --no-index --no-build-isolation .

FROM python:3.11.14-slim-bookworm
RUN groupadd --gid 10001 flowmatrix \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp flowmatrix
COPY --from=build /opt/flowmatrix /opt/flowmatrix
ENV PATH=/opt/flowmatrix/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# The root may be read-only; /tmp is the only place that is written to.
WORKDIR /tmp
USER 10001:10001
EXPOSE 9102
ENTRYPOINT ["flowmatrix"]
CMD ["--help"]
