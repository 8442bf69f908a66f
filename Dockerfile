# Two images from one file: `platform` (API, workers) and `asterisk` (the PBX with its renderer).

FROM python:3.11-slim-bookworm AS platform
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .
ENV SMS_VOIP_VAR_DIR=/data PYTHONUNBUFFERED=1
VOLUME /data
ENTRYPOINT ["sms-voip"]

# Debian's stable release has no Asterisk; unstable carries the current long-term one.
FROM debian:sid-slim AS asterisk
RUN apt-get update \
 && apt-get install -y --no-install-recommends asterisk python3-venv util-linux \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.txt ./
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable .
ENV SMS_VOIP_VAR_DIR=/data PYTHONUNBUFFERED=1 PATH=/opt/venv/bin:$PATH
VOLUME /data
ENTRYPOINT ["sms-voip", "asterisk"]
