package client

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spreadd/spreadd/spread"
)

// ConnectTimeout bounds connecting, as in the original.
const ConnectTimeout = 5 * time.Second

// Lasting is a connection that comes back when it is lost.
type Lasting struct {
	*spread.Client
	conn    atomic.Pointer[spread.Conn] // the current connection
	failing bool                        // a failed attempt was shown since the last connection
}

// DialLasting connects. The first attempt must succeed; later ones go on until one does.
func DialLasting(ctx context.Context, address string, opts []spread.Option) (*Lasting, error) {
	return dialLasting(ctx, address, opts, false)
}

// dialLasting connects. With exact, a private name that is taken at first is an error.
func dialLasting(ctx context.Context, address string, opts []spread.Option, exact bool) (*Lasting, error) {
	l := &Lasting{}
	var taken error
	connect := func(ctx context.Context, address, name string) (spread.Connection, error) {
		conn, err := spread.Dial(ctx, address, append(slices.Clip(opts), spread.WithName(name))...)
		if exact && errors.Is(err, spread.ErrRejectNotUnique) && l.conn.Load() == nil {
			taken = err
			return nil, errors.New("the name is taken") // without the code for which the client adds a suffix
		}
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
		err = cmp.Or(taken, failed.Err)
	}
	if err != nil {
		_ = l.Client.Close() // there is no connection
		return nil, err
	}
	return l, nil
}

// DaemonVersion returns the version of the current daemon.
func (l *Lasting) DaemonVersion() spread.Version { return l.conn.Load().DaemonVersion() }

// Poll returns how many bytes wait on the current connection.
func (l *Lasting) Poll() (int, error) { return l.conn.Load().Poll() }

// Multicast sends a message. It waits for a connection for at most [ConnectTimeout].
func (l *Lasting) Multicast(ctx context.Context, service spread.Service, messType int16, payload []byte, groups ...string) error {
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	return l.Client.Multicast(ctx, service, messType, payload, groups...)
}

// Receive returns the next event that is worth showing.
func (l *Lasting) Receive(ctx context.Context) (spread.Event, error) {
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
