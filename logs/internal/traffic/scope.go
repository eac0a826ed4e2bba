package traffic

import (
	"strings"

	"github.com/spreadd/spreadd/logs/internal/logline"
)

// Other is the name of everything that has no place in its table.
const Other = "(other)"

// maxServers bounds the servers of a scope. A ring has at most 128 daemons at a time.
const maxServers = 256

// numStatus is the number of possible status codes.
const numStatus = 1000

// scope holds the counts of all requests, or of those of one virtual host.
type scope struct {
	name    string
	tally   tally
	codes   [numStatus]*tally
	servers map[string]*tally
	pages   sketch
	history history
	online  int
	last    int64 // the second of the last request

	newer, older *scope // by their last request
}

func newScope(name string, second int64, cfg *Config) *scope {
	s := &scope{name: name, servers: make(map[string]*tally), pages: newSketch(cfg.MaxPages)}
	s.history.second = second
	return s
}

// hit is a request.
type hit struct {
	second int64
	server string
	class  Class
	path   []byte // without a query, cut
	fields *logline.Fields
}

// count counts a request. page names its page in this scope.
func (s *scope) count(h *hit, page []byte) {
	bytes := h.fields.Bytes
	s.last = h.second
	s.tally.add(h.second, bytes, h.class)
	s.history.add(bytes, h.class)
	code := s.codes[h.fields.Status]
	if code == nil {
		code = new(tally)
		s.codes[h.fields.Status] = code
	}
	code.add(h.second, bytes, h.class)
	s.server(h.server).add(h.second, bytes, h.class)
	if len(h.path) > 0 {
		s.pages.add(page).tally.add(h.second, bytes, h.class)
	}
}

func (s *scope) server(name string) *tally {
	t := s.servers[name]
	if t == nil {
		if len(s.servers) >= maxServers && name != Other {
			return s.server(Other)
		}
		t = new(tally)
		s.servers[strings.Clone(name)] = t
	}
	return t
}

// vhosts are the scopes of virtual hosts, in the order of their last request.
type vhosts struct {
	limit          int
	index          map[string]*scope
	newest, oldest *scope
	other          *scope // of those for which there is no room
	replaced       int64
}

// idleSeconds is how long a virtual host must be idle before another takes its place. So names that
// clients invent never replace a host that has visitors.
const idleSeconds = 60

// find returns the scope of a virtual host.
func (t *Traffic) find(name []byte, second int64) *scope {
	v := &t.vhosts
	s := v.index[string(name)]
	if s == nil {
		if string(name) == Other {
			return v.other
		}
		if len(v.index) >= v.limit {
			if second-v.oldest.last < idleSeconds {
				return v.other
			}
			t.forget(v.oldest)
		}
		s = newScope(string(name), second, &t.cfg)
		v.index[s.name] = s
	} else if s == v.newest {
		return s
	} else {
		v.unlink(s)
	}
	v.link(s)
	return s
}

// forget removes a virtual host from the table. Its totals and sessions go to the others.
func (t *Traffic) forget(s *scope) {
	v := &t.vhosts
	v.unlink(s)
	delete(v.index, s.name)
	v.replaced++
	v.other.tally.total.sum(&s.tally.total)
	for status, c := range s.codes {
		if c == nil {
			continue
		}
		if v.other.codes[status] == nil {
			v.other.codes[status] = new(tally)
		}
		v.other.codes[status].total.sum(&c.total)
	}
	t.sessions.move(s, v.other)
}

// link is that of sessions once more. The lists run through their entries, so that a line that moves one allocates nothing and
// calls nothing through an interface, as one list for both would.
func (v *vhosts) link(s *scope) {
	s.older = v.newest
	if v.newest != nil {
		v.newest.newer = s
	} else {
		v.oldest = s
	}
	v.newest = s
}

func (v *vhosts) unlink(s *scope) {
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		v.newest = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		v.oldest = s.newer
	}
	s.newer, s.older = nil, nil
}
