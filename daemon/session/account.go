package session

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spreadd/spreadd/wire"
)

// Account is what people want to know of a session.
type Account struct {
	ID          ID
	Group       wire.Name // its private group
	Peer        string    // address, or "local"
	Version     string
	Since       time.Time
	Memberships bool
	Behind      bool
	Waiting     Waiting
	Taken       Taken
	// Sent and SentBytes are the messages from the client.
	Sent, SentBytes int64
}

// Account returns the present state of a session. It may be called at any time.
func (s *Session) Account() Account {
	return Account{
		ID: s.id, Group: s.group, Peer: peer(s.conn), Version: versionText(s.version), Since: s.since, Memberships: s.memberships,
		Behind: s.Behind(), Waiting: s.Waiting(), Taken: s.Taken(),
		Sent: s.sent.Load(), SentBytes: s.sentBytes.Load(),
	}
}

// After returns the sessions whose private groups come behind a name and match, in order of these, at
// most limit; whether there are more; and how many match in all.
func (s *Server) After(name string, limit int, match func(group string) bool) (page []Account, more bool, total int) {
	type found struct {
		group   string
		session *Session
	}
	s.mu.Lock()
	list := make([]found, 0, len(s.sessions))
	for _, sess := range s.sessions {
		list = append(list, found{session: sess})
	}
	s.mu.Unlock()
	behind := list[:0]
	for _, f := range list {
		f.group = f.session.group.String()
		if !match(f.group) {
			continue
		}
		total++
		if f.group > name {
			behind = append(behind, f)
		}
	}
	slices.SortFunc(behind, func(a, b found) int { return cmp.Compare(a.group, b.group) })
	more = len(behind) > limit
	for _, f := range behind[:min(limit, len(behind))] {
		page = append(page, f.session.Account())
	}
	return page, more, total
}

// Waiting returns the sessions that are behind or have messages queued, those with most bytes first, at
// most limit, and how many there are.
func (s *Server) Waiting(limit int) (list []Account, total int) {
	type found struct {
		bytes   int64
		session *Session
	}
	var all []found
	s.mu.Lock()
	for _, sess := range s.sessions {
		if w := sess.Waiting(); w.Messages > 0 || sess.Behind() {
			all = append(all, found{w.Bytes, sess})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(b.bytes, a.bytes) })
	for _, f := range all[:min(limit, len(all))] {
		list = append(list, f.session.Account())
	}
	return list, len(all)
}

// MaxSessions returns the bound of the sessions.
func (s *Server) MaxSessions() int { return s.cfg.MaxSessions }

// versionText returns the version of a client.
func versionText(v wire.Version) string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }
