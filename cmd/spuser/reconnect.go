package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// lasting is a connection that comes back when it is lost: the flag -k.
type lasting struct {
	*spread.Client
	conn    atomic.Pointer[spread.Conn] // the current connection
	failing bool                        // a failed attempt was shown since the last connection
}

// dialLasting connects. The first attempt must succeed; later ones go on until one does.
func dialLasting(ctx context.Context, address string, opts []spread.Option) (*lasting, error) {
	l := &lasting{}
	connect := func(ctx context.Context, address, name string) (spread.Connection, error) {
		conn, err := spread.Dial(ctx, address, append(slices.Clip(opts), spread.WithName(name))...)
		if err != nil {
			return nil, err
		}
		l.conn.Store(conn)
		return conn, nil
	}
	var err error
	l.Client, err = spread.NewClient([]string{address}, append(opts, spread.WithConnect(connect))...)
	if err != nil {
		return nil, err
	}
	ev, err := l.Client.Receive(ctx)
	if failed, ok := ev.(*spread.ConnectFailed); ok {
		err = failed.Err
	}
	if err != nil {
		_ = l.Client.Close() // there is no connection
		return nil, err
	}
	return l, nil
}

// DaemonVersion returns the version of the current daemon.
func (l *lasting) DaemonVersion() spread.Version { return l.conn.Load().DaemonVersion() }

// Poll returns how many bytes wait on the current connection.
func (l *lasting) Poll() (int, error) { return l.conn.Load().Poll() }

// Multicast sends a message. It waits for a connection for at most [connectTimeout].
func (l *lasting) Multicast(ctx context.Context, service spread.Service, messType int16, payload []byte, groups ...string) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return l.Client.Multicast(ctx, service, messType, payload, groups...)
}

// Receive returns the next event that is worth showing.
func (l *lasting) Receive(ctx context.Context) (spread.Event, error) {
	for {
		ev, err := l.Client.Receive(ctx)
		switch ev.(type) {
		case *spread.Joined: // the views are shown
			continue
		case *spread.Connected:
			l.failing = false
		case *spread.ConnectFailed:
			if l.failing {
				continue
			}
			l.failing = true
		}
		return ev, err
	}
}

// clientText returns the text of an event of a lasting connection.
func clientText(e spread.Event) string {
	switch e := e.(type) {
	case *spread.Connected:
		return ruler + fmt.Sprintf("connected again to %s with private group %s after %v\n",
			e.Address, e.PrivateGroup, e.Away.Round(time.Millisecond))
	case *spread.Disconnected:
		return ruler + fmt.Sprintf("lost the connection to %s: %v\n", e.Address, e.Err)
	case *spread.ConnectFailed:
		return ruler + fmt.Sprintf("cannot connect to %s; will keep retrying: %v\n", e.Address, e.Err)
	case *spread.Slow:
		return ruler + fmt.Sprintf("slow: %d bytes wait to be received\n", e.Bytes)
	default:
		return ""
	}
}

// clientRecord returns an event of a lasting connection as a record.
func clientRecord(e spread.Event) record {
	switch e := e.(type) {
	case *spread.Connected:
		return record{Event: "connected", Daemon: e.Address, PrivateGroup: e.PrivateGroup}
	case *spread.Disconnected:
		r := errorRecord(e.Err)
		r.Event, r.Daemon, r.PrivateGroup = "disconnected", e.Address, e.PrivateGroup
		return r
	case *spread.ConnectFailed:
		r := errorRecord(e.Err)
		r.Daemon = e.Address
		return r
	case *spread.Slow:
		return record{Event: "slow", Bytes: &e.Bytes}
	default:
		return record{Event: "unknown"}
	}
}
