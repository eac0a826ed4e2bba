package logsub

import (
	"errors"
	"io"
	"io/fs"
	"net"

	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/peer"
)

//go:generate go tool -modfile=../../.ci/tools/go.mod stringer -type=healFailure -linecomment

// healFailure says why lines could not be fetched from another log host.
type healFailure uint8

const (
	// The other log host cannot be reached, does not serve this one, or its connection ended.
	failConnection healFailure = iota // connection
	// Its files changed again and again meanwhile.
	failChanged // changed
	// It reports an error.
	failPeer // peer
	// Files of this log host cannot be read or written.
	failFiles // files
	// It has another configuration of a log; once for each log.
	failConfig // config
	// The queue has no room for the request to heal.
	failQueue // queue_full
	// The groups were not joined in time.
	failJoin // join
	// It sends too slowly to wait for: what is left is fetched later.
	failSlow // slow
	numHealFailures
)

// HealStats are the counters of log hosts that heal themselves ([Heal]). All are zero without that.
type HealStats struct {
	On           bool // log hosts heal themselves
	Running      bool // the writer waits until files are compared
	Peers        []PeerStats
	Healings     int64 // log hosts whose files were compared with ours, and what was missing fetched
	Lines        int64 // fetched
	Bytes        int64 // of these
	Reordered    int64 // files that were put into the order of another log host
	SentBytes    int64 // of indexes and log files, to other log hosts
	RefusedConns int64 // connections that were refused
	// Failures are attempts that failed, by reason: "connection", "changed", "peer", "files",
	// "config", "queue_full", "join", "slow".
	Failures map[string]int64
}

// PeerStats is another log host that has introduced itself.
type PeerStats struct{ Host, Address string }

// stats returns the counters; h may be nil.
func (h *healer) stats() HealStats {
	st := HealStats{On: h != nil, Failures: make(map[string]int64)}
	if h == nil {
		h = &healer{}
	}
	h.mu.Lock()
	st.Running = h.frozen != nil
	for i := range h.peers {
		st.Peers = append(st.Peers, PeerStats{h.peers[i].Host, h.peers[i].Address})
	}
	h.mu.Unlock()
	st.Healings, st.Lines, st.Bytes, st.Reordered = h.healings.Load(), h.lines.Load(), h.bytes.Load(), h.reordered.Load()
	for i := range h.failures {
		st.Failures[healFailure(i).String()] = h.failures[i].Load()
	}
	if server := h.server.Load(); server != nil {
		st.SentBytes, st.RefusedConns = server.Sent(), server.Refused()
	}
	return st
}

func (h *healer) fail(why healFailure) { h.failures[why].Add(1) }

// failureOf classifies what fetching returned.
func failureOf(err error) healFailure {
	if errors.Is(err, lineindex.ErrChanged) {
		return failChanged
	}
	switch {
	case errors.Is(err, errSilent):
		return failConnection
	case errors.Is(err, errSlow):
		return failSlow
	}
	if _, ok := errors.AsType[*peer.Failure](err); ok {
		return failPeer
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return failFiles
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return failConnection
	}
	return failFiles
}
