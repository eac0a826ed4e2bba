#!/bin/sh
set -e
install -d -o spread -g spread -m 0750 /var/log/spread /var/lib/logsub
install -d -o spread -g spread -m 0750 /var/spool/logpub /var/lib/logpub
# dpkg passes "configure" and the old version, rpm the number of versions.
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	case "$1:$2" in
	configure:?* | [2-9]*) systemctl try-restart logpub.service 'logpub@*.service' logsub.service logmon.service || true ;;
	esac
fi
