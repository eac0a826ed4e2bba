#!/bin/sh
set -e
# User and group of all services.
if ! getent group spread >/dev/null; then
	groupadd --system spread
fi
if ! getent passwd spread >/dev/null; then
	useradd --system --gid spread --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin spread
fi
