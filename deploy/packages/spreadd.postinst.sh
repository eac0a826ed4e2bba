#!/bin/sh
set -e
install -d -o spread -g spread -m 0750 /var/log/spread
# dpkg passes "configure" and the old version, rpm the number of versions.
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	case "$1:$2" in
	configure:?* | [2-9]*) systemctl try-restart spreadd.service || true ;;
	esac
fi
