#!/bin/sh
set -e
# Where the system has a group for readers of logs, new files get it from their directory.
group=spread
if getent group adm >/dev/null; then group=adm; fi
install -d -o spread -g "$group" -m 2750 /var/log/spread
# dpkg passes "configure" and the old version, rpm the number of versions.
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	case "$1:$2" in
	configure:?* | [2-9]*) systemctl try-restart spreadd.service || true ;;
	esac
fi
