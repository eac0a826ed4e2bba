//go:build unix

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"github.com/spreadd/spreadd/internal/spreadconf"
)

// dropPrivileges changes from root to DaemonUser and DaemonGroup, and into
// RuntimeDir as the root directory if the file sets it (spread-conf §7,
// daemon-operations §3). Where the defaults do not exist on this host the
// daemon stays root, and reports that: a trial has to start.
// The user gets the UNIX sockets, and the directory that was made for one, to remove them at the end.
// Sockets with a group of their own keep it.
func dropPrivileges(o *spreadconf.Options, log *slog.Logger, made string, sockets []string, keepGroup bool) (root bool, err error) {
	if os.Geteuid() != 0 {
		return false, nil
	}
	def := spreadconf.DefaultOptions()
	uid, gid, err := lookUp(o.DaemonUser, o.DaemonGroup)
	var unknownUser user.UnknownUserError
	var unknownGroup user.UnknownGroupError
	if errors.As(err, &unknownUser) || errors.As(err, &unknownGroup) {
		if o.DaemonUser == def.DaemonUser && o.DaemonGroup == def.DaemonGroup {
			return true, nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("changing from root to user %s and group %s: %w; make them, or name others with DaemonUser and DaemonGroup",
			o.DaemonUser, o.DaemonGroup, err)
	}
	if made != "" {
		sockets = append(sockets, made)
	}
	group := gid
	if keepGroup {
		group = -1
	}
	for _, path := range sockets {
		if err := os.Lchown(path, uid, group); err != nil {
			return false, fmt.Errorf("giving the UNIX socket to user %s: %w", o.DaemonUser, err)
		}
	}
	if o.RuntimeDir != def.RuntimeDir && o.RuntimeDir != "" {
		if err := errors.Join(os.Chdir(o.RuntimeDir), syscall.Chroot(o.RuntimeDir)); err != nil {
			return false, fmt.Errorf("making RuntimeDir %s the root directory: %w", o.RuntimeDir, err)
		}
	}
	if err := errors.Join(syscall.Setgroups([]int{gid}), syscall.Setgid(gid), syscall.Setuid(uid)); err != nil {
		return false, fmt.Errorf("changing from root to user %s and group %s: %w", o.DaemonUser, o.DaemonGroup, err)
	}
	log.Info("privileges dropped", slog.String("user", o.DaemonUser), slog.String("group", o.DaemonGroup))
	return false, nil
}

// makeRunDir makes the directory of the second UNIX socket and returns it, or nothing if it was
// there. If it cannot be made, opening the socket fails, and says why.
func makeRunDir(dir string) (made string) {
	if dir == "" || os.Mkdir(dir, 0o755) != nil {
		return ""
	}
	return dir
}

func lookUp(userName, groupName string) (uid, gid int, err error) {
	u, err := user.Lookup(userName)
	if err != nil {
		return 0, 0, err
	}
	g, err := user.LookupGroup(groupName)
	if err != nil {
		return 0, 0, err
	}
	uid, uerr := strconv.Atoi(u.Uid)
	gid, gerr := strconv.Atoi(g.Gid)
	return uid, gid, errors.Join(uerr, gerr)
}
