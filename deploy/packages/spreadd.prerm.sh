#!/bin/sh
set -e
# dpkg passes "remove", rpm 0.
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now spreadd.service || true
	fi
	;;
esac
