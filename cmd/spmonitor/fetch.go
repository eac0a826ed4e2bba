package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spreadd/spreadd/daemon/status"
)

// maxAnswer bounds an answer over HTTP, in bytes.
const maxAnswer = 16 << 20

// httpAddress completes the address of a daemon's state.
func httpAddress(text string) (string, error) {
	if _, err := strconv.ParseUint(text, 10, 16); err == nil {
		return net.JoinHostPort("127.0.0.1", text), nil
	}
	if _, _, err := net.SplitHostPort(text); err != nil {
		return "", errors.New("want HOST:PORT or PORT, as the daemon's -http has it")
	}
	return text, nil
}

// fetch gets JSON from a daemon.
func fetch[T any](ctx context.Context, address, path string, q url.Values, patience time.Duration) (v T, err error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	u := url.URL{Scheme: "http", Host: address, Path: path, RawQuery: q.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return v, err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return v, fmt.Errorf("cannot ask %s: %w; is a daemon running there with -http?", address, reason(err))
	}
	defer func() { _ = r.Body.Close() }() // it was read
	b, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	switch {
	case err != nil:
		return v, fmt.Errorf("cannot read the answer of %s: %w", address, err)
	case r.StatusCode != http.StatusOK:
		return v, fmt.Errorf("%s answers %s: %s", address, r.Status, strings.TrimSpace(string(b)))
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("cannot read the answer of %s: %w", address, err)
	}
	return v, nil
}

// reason returns an error of the network without the request that it repeats.
func reason(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// fetchCluster asks daemons that serve their state, all at a time, and puts together what they see. The
// error names those that do not answer; the cluster is nil if none does.
func fetchCluster(ctx context.Context, addresses []string, patience time.Duration) (*status.Cluster, error) {
	all, errs := make([]*status.Cluster, len(addresses)), make([]error, len(addresses))
	var wait sync.WaitGroup
	for i, a := range addresses {
		wait.Go(func() { all[i], errs[i] = fetch[*status.Cluster](ctx, a, "/status/cluster", nil, patience) })
	}
	wait.Wait()
	var out *status.Cluster
	for _, c := range all {
		switch {
		case c == nil:
		case out == nil:
			out = c
		default:
			out.Merge(c)
		}
	}
	return out, errors.Join(errs...)
}
