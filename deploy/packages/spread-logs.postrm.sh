#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
# Log files are data of the operator: they stay.
if [ "$1" = purge ]; then
	rm -rf /var/spool/logpub /var/lib/logpub /var/lib/logsub
	rmdir --ignore-fail-on-non-empty /var/log/spread /etc/spread 2>/dev/null || true
fi
