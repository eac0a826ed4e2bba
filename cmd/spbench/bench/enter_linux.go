package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Enter returns a [Config].Dial that connects within the network namespace of each daemon's
// process, given in the order of the daemons. It needs root.
func Enter(pids []int) func(ctx context.Context, daemon int, network, address string) (net.Conn, error) {
	return func(ctx context.Context, daemon int, network, address string) (conn net.Conn, err error) {
		if daemon >= len(pids) {
			return nil, fmt.Errorf("no process id of daemon %d, whose network namespace is to be entered", daemon)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // for good: the thread ends in the namespace
			conn, err = dialIn(ctx, pids[daemon], network, address)
		}()
		<-done
		return conn, err
	}
}

func dialIn(ctx context.Context, pid int, network, address string) (net.Conn, error) {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, fmt.Errorf("cannot find the network namespace of a daemon: %w", err)
	}
	err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
	_ = ns.Close()
	if err != nil {
		return nil, fmt.Errorf("cannot enter the network namespace of process %d: %w; run as root", pid, err)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}
