#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
	rm -rf /var/lib/spread
	rmdir --ignore-fail-on-non-empty /var/log/spread /etc/spread 2>/dev/null || true
fi
