package traffic

// Bounds of texts in a session, in bytes. Longer ones are truncated.
const (
	maxClient = 100
	maxAgent  = 200
	maxUser   = 64
	maxPage   = 200 // of the path of a page, in the list of pages too
)

// session is one client with one user agent at one virtual host.
type session struct {
	key                    string // vhost 0 client 0 agent
	vhostLen, clientLen    int
	scope                  *scope // that counts it as online
	newer, older           *session
	first, last            int64 // seconds
	requests, bytes, fails int64
	page, user             []byte // of the last request
}

func (s *session) vhost() string  { return s.key[:s.vhostLen] }
func (s *session) client() string { return s.key[s.vhostLen+1:][:s.clientLen] }
func (s *session) agent() string  { return s.key[s.vhostLen+s.clientLen+2:] }

// sessions are all sessions that are online, in the order of their last request.
type sessions struct {
	limit          int
	timeout        int64 // seconds
	index          map[string]*session
	newest, oldest *session
	key            []byte
	evicted        int64 // for lack of room
	full           int64 // the second when that was last so; -1 for never
}

func newSessions(limit int, timeout int64) sessions {
	return sessions{limit: limit, timeout: timeout, index: make(map[string]*session), full: -1}
}

// hit notes a request.
func (ss *sessions) hit(h *hit, vhost []byte, sc *scope) {
	client := cut(h.fields.Host, maxClient)
	k := append(append(ss.key[:0], vhost...), 0)
	k = append(append(k, client...), 0)
	k = append(k, cut(h.fields.Agent, maxAgent)...)
	ss.key = k
	s := ss.index[string(k)]
	if s == nil {
		if len(ss.index) >= ss.limit {
			ss.drop(ss.oldest)
			ss.evicted++
			ss.full = h.second
		}
		s = &session{key: string(k), vhostLen: len(vhost), clientLen: len(client), first: h.second, scope: sc}
		ss.index[s.key] = s
		sc.online++
	} else {
		ss.unlink(s)
		if s.scope != sc {
			s.scope.online--
			s.scope = sc
			sc.online++
		}
	}
	ss.link(s)
	s.last = h.second
	s.requests++
	s.bytes = saturated(s.bytes, h.fields.Bytes)
	if h.class >= Class4xx {
		s.fails++
	}
	s.page = append(s.page[:0], h.path...)
	s.user = s.user[:0]
	if len(h.fields.User) > 1 || len(h.fields.User) == 1 && h.fields.User[0] != '-' {
		s.user = append(s.user, cut(h.fields.User, maxUser)...)
	}
}

// expire ends the sessions that have timed out.
func (ss *sessions) expire(second int64) {
	for s := ss.oldest; s != nil && second-s.last >= ss.timeout; s = ss.oldest {
		ss.drop(s)
	}
	if ss.full >= 0 && second-ss.full >= ss.timeout {
		ss.full = -1
	}
}

// move moves the sessions of a scope that is forgotten to another.
func (ss *sessions) move(from, to *scope) {
	for s := ss.newest; s != nil && from.online > 0; s = s.older {
		if s.scope == from {
			s.scope = to
			from.online--
			to.online++
		}
	}
}

func (ss *sessions) drop(s *session) {
	ss.unlink(s)
	delete(ss.index, s.key)
	s.scope.online--
}

func (ss *sessions) link(s *session) {
	s.older = ss.newest
	if ss.newest != nil {
		ss.newest.newer = s
	} else {
		ss.oldest = s
	}
	ss.newest = s
}

func (ss *sessions) unlink(s *session) {
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		ss.newest = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		ss.oldest = s.newer
	}
	s.newer, s.older = nil, nil
}

// cut truncates b to n bytes.
func cut(b []byte, n int) []byte { return b[:min(len(b), n)] }
