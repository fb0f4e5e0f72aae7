# The gateway in a small image that runs as nobody in particular.
#
#   docker build -t smsgw .
#   docker run -v ./mysite:/site:ro -v smsgw-state:/state -p 2775:2775 -p 8775:8775 smsgw
#
# The site decides what listens and where state goes. In a container that means, in /site/smsgw.toml:
#   [listener] host = "0.0.0.0"     [ops] host = "0.0.0.0"     [store] state_dir = "/state"
# On anything but x86-64 there is no embedded server: set [store] url to a Redis.

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
WORKDIR /src
RUN python -m venv /opt/smsgw
# Before the source, so that a change of code does not install everything anew.
COPY requirements/runtime.txt requirements/build.txt ./requirements/
RUN /opt/smsgw/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt \
    && /opt/smsgw/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt
# With a compiler the rules cost half; without one they run as Python.
RUN { apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev; } \
    || echo "no compiler: the rules will run as Python"
COPY pyproject.toml setup.py README.md LICENSE ./
COPY smsgw ./smsgw
COPY simulators ./simulators
RUN /opt/smsgw/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/smsgw/bin/pip uninstall --yes setuptools pip

FROM python:3.12-slim-bookworm
RUN groupadd --gid 10001 smsgw \
    && useradd --uid 10001 --gid smsgw --no-create-home --home-dir /state --shell /usr/sbin/nologin smsgw \
    && install --directory --owner smsgw --group smsgw --mode 0750 /site /state
COPY --from=build /opt/smsgw /opt/smsgw
ENV PATH=/opt/smsgw/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SMSGW_SITE=/site
USER 10001:10001
WORKDIR /state
VOLUME ["/site", "/state"]
# SMPP, SMPP over TLS, health and metrics
EXPOSE 2775 3550 8775
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8775/healthz', timeout=4)"]
ENTRYPOINT ["smsgw"]
CMD ["run"]
