package sim

import (
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/clock"
	"github.com/spreadd/spreadd/internal/testkit"
	"github.com/spreadd/spreadd/internal/topology"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// mutant is a fault of a daemon that the checkers must detect. It is planted between the engine and
// its surroundings: in what the daemon sends, or in what it delivers.
type mutant struct {
	name string
	// seen are the properties of which at least one must be found violated.
	seen  []string
	plant func() *tamper
}

// everyNth returns a function that is true at each nth call.
func everyNth(n int) func() bool {
	calls := 0
	return func() bool {
		calls++
		return calls%n == 0
	}
}

// onWire changes or drops data packets.
func onWire(f func(h *host, p *wire.Packet) bool) *tamper {
	return &tamper{send: func(h *host, to topology.Target, b *[]byte) bool {
		var p wire.Packet
		if to.Token || p.Decode(*b) != nil || p.Type.Kind() != wire.KindData {
			return true
		}
		if !f(h, &p) {
			return false
		}
		*b = p.Append(nil)
		return true
	}}
}

// onToken changes or drops regular tokens, onForm form tokens.
func onToken(f func(h *host, t *wire.Token) bool) *tamper {
	return &tamper{send: func(h *host, to topology.Target, b *[]byte) bool {
		var t wire.Token
		if !to.Token || t.Decode(*b) != nil || t.Type&wire.TokenForms != 0 {
			return true
		}
		if !f(h, &t) {
			return false
		}
		*b = t.Append(nil)
		return true
	}}
}

func onForm(f func(h *host, t *wire.Token, v *wire.FormValue)) *tamper {
	return &tamper{send: func(h *host, to topology.Target, b *[]byte) bool {
		var t wire.Token
		var form wire.Form
		if !to.Token || t.Decode(*b) != nil || t.Type&wire.TokenForms == 0 || form.Decode(&t) != nil {
			return true
		}
		v := form.Value()
		f(h, &t, &v)
		t.Body = v.Append(nil, t.ByteOrder, t.Type&wire.TokenForms)
		*b = t.Append(nil)
		return true
	}}
}

// delivering changes what is delivered, entry by entry.
func delivering(f func(h *host, e Entry) []Entry) *tamper {
	return &tamper{stream: func(h *host, entries []Entry) (out []Entry) {
		for _, e := range entries {
			out = append(out, f(h, e)...)
		}
		return out
	}}
}

func isOrdered(e Entry) bool { return e.Kind == EntryData && !e.Message.early() }

func mutants() []mutant {
	return []mutant{
		{"retransmissions are skipped", []string{"C7", "M12", "M4"}, func() *tamper {
			type packet struct {
				life *Life
				ring wire.MembershipID
				seq  int32
			}
			first := make(map[packet]clock.Time)
			return onWire(func(h *host, p *wire.Packet) bool {
				k := packet{h.life, p.Membership, p.Seq}
				if _, ok := first[k]; !ok && p.Transmitter == p.Proc {
					first[k] = h.w.now
				}
				return first[k] == h.w.now
			})
		}},
		{"aru says that all have what this daemon has sent", []string{"M9", "M10"}, func() *tamper {
			return onToken(func(_ *host, t *wire.Token) bool {
				if t.Aru < t.Seq {
					t.Aru = t.Seq
				}
				return true
			})
		}},
		{"a hole is forgotten in FORM2", []string{"C7", "C8", "M12"}, func() *tamper {
			return onForm(func(_ *host, t *wire.Token, v *wire.FormValue) {
				for i := range v.Rings {
					if n := len(v.Rings[i].Holes); n > 0 {
						v.Rings[i].Holes = v.Rings[i].Holes[:n-1]
					}
				}
			})
		}},
		{"the highest number on form tokens falls", []string{"C7"}, func() *tamper {
			return onForm(func(_ *host, t *wire.Token, v *wire.FormValue) {
				for i := range v.Rings {
					if r := &v.Rings[i]; r.HighestSeq > r.Aru && len(r.Holes) == 0 {
						r.HighestSeq--
					}
				}
			})
		}},
		{"a message is delivered twice", []string{"M2"}, func() *tamper {
			nth := everyNth(40)
			return delivering(func(_ *host, e Entry) []Entry {
				if e.Kind == EntryData && nth() {
					return []Entry{e, e}
				}
				return []Entry{e}
			})
		}},
		{"a message is not delivered", []string{"M4", "M12"}, func() *tamper {
			nth := everyNth(60)
			return delivering(func(_ *host, e Entry) []Entry {
				if e.Kind == EntryData && nth() {
					return nil
				}
				return []Entry{e}
			})
		}},
		{"a daemon does not deliver what others sent in the transitional configuration", []string{"M5", "M10", "M9"}, func() *tamper {
			in := make(map[*Life]bool)
			return delivering(func(h *host, e Entry) []Entry {
				if e.Conf != nil {
					in[h.life] = e.Kind == EntryTransitional
				}
				if in[h.life] && e.Kind == EntryData && e.Message.From.Life != h.life {
					return nil
				}
				return []Entry{e}
			})
		}},
		{"two messages are swapped", []string{"M6", "FIFO", "M7"}, func() *tamper {
			nth := everyNth(30)
			return &tamper{stream: func(_ *host, entries []Entry) []Entry {
				for i := 1; i < len(entries); i++ {
					if isOrdered(entries[i]) && isOrdered(entries[i-1]) && nth() {
						entries[i], entries[i-1] = entries[i-1], entries[i]
					}
				}
				return entries
			}}
		}},
		{"messages of the transitional configuration are delivered in the next", []string{"M3"}, func() *tamper {
			held := make(map[*Life][]Entry)
			in := make(map[*Life]bool)
			return delivering(func(h *host, e Entry) []Entry {
				switch {
				case e.Kind == EntryTransitional:
					in[h.life] = true
				case e.Kind == EntryRegular:
					in[h.life] = false
					out := append([]Entry{e}, held[h.life]...)
					held[h.life] = nil
					return out
				case in[h.life] && e.Kind == EntryData:
					held[h.life] = append(held[h.life], e)
					return nil
				}
				return []Entry{e}
			})
		}},
		{"a safe message is delivered before its transitional configuration", []string{"M9"}, func() *tamper {
			return &tamper{stream: func(_ *host, entries []Entry) []Entry {
				at := slices.IndexFunc(entries, func(e Entry) bool { return e.Kind == EntryTransitional })
				end := slices.IndexFunc(entries, func(e Entry) bool { return e.Kind == EntryRegular })
				if at < 0 || end < at {
					return entries
				}
				t := entries[at]
				return slices.Insert(slices.Delete(slices.Clone(entries), at, at+1), end-1, t)
			}}
		}},
		{"the transitional set is the old configuration", []string{"C4", "C5", "C6"}, func() *tamper {
			last := make(map[*Life]*Conf)
			return delivering(func(h *host, e Entry) []Entry {
				switch {
				case e.Kind == EntryRegular:
					last[h.life] = e.Conf
				case e.Kind == EntryTransitional && last[h.life] != nil:
					e.Conf = &Conf{e.Conf.ID, last[h.life].Daemons}
				}
				return []Entry{e}
			})
		}},
		{"a daemon that restarts does not know the times that it has used", []string{"C2", "C3"}, func() *tamper {
			return &tamper{forget: true}
		}},
		{"a group's id is used again", []string{"G2", "G3"}, func() *tamper {
			last := make(map[wire.Name]wire.GroupID)
			nth := everyNth(20)
			return delivering(func(h *host, e Entry) []Entry {
				if e.Kind != EntryView || !e.View.regular() {
					return []Entry{e}
				}
				if id, ok := last[e.View.Group]; ok && nth() {
					v := *e.View
					v.ID = id
					e.View = &v
				}
				last[e.View.Group] = e.View.ID
				return []Entry{e}
			})
		}},
		{"a view lacks a member", []string{"G1", "G2", "G4"}, func() *tamper {
			nth := everyNth(20)
			return delivering(func(_ *host, e Entry) []Entry {
				if e.Kind == EntryView && e.View.regular() && len(e.View.Members) > 1 && nth() {
					v := *e.View
					v.Members = v.Members[1:]
					e.View = &v
				}
				return []Entry{e}
			})
		}},
		{"signals are left out", []string{"G8"}, func() *tamper {
			return delivering(func(_ *host, e Entry) []Entry {
				if e.Kind == EntryView && e.View.signal() {
					return nil
				}
				return []Entry{e}
			})
		}},
		{"a member does not get a message to its group", []string{"G7"}, func() *tamper {
			nth := everyNth(20)
			return delivering(func(_ *host, e Entry) []Entry {
				if e.Kind == EntryData && len(e.To) > 1 && nth() {
					e.To = slices.DeleteFunc(slices.Clone(e.To), func(c *Client) bool { return !c.Watcher })
				}
				return []Entry{e}
			})
		}},
		{"who is no member gets a message to a group", []string{"G7"}, func() *tamper {
			var all []*Client
			nth := everyNth(10)
			return delivering(func(h *host, e Entry) []Entry {
				for _, c := range e.To {
					if !slices.Contains(all, c) {
						all = append(all, c)
					}
				}
				if e.Kind == EntryData && nth() {
					e.To = slices.Clone(e.To)
					for _, c := range all {
						if c.Life == h.life && c.Ended == 0 && !slices.Contains(e.To, c) {
							e.To = append(e.To, c)
						}
					}
				}
				return []Entry{e}
			})
		}},
		{"all of a view are one set", []string{"G2", "G4", "G5"}, func() *tamper {
			return delivering(func(_ *host, e Entry) []Entry {
				if e.Kind == EntryView && e.View.network() {
					v := *e.View
					v.Own, v.Sets = 0, [][]wire.Name{v.Members}
					e.View = &v
				}
				return []Entry{e}
			})
		}},
		{"the last message of a session is delivered after its end", []string{"G14"}, func() *tamper {
			var last []Entry // the last one of each session
			return &tamper{stream: func(h *host, entries []Entry) (out []Entry) {
				last = slices.DeleteFunc(last, func(e Entry) bool {
					ended := e.Message.From.Life == h.life && e.Message.From.Ended != 0
					if ended {
						out = append(out, e)
					}
					return ended
				})
				for _, e := range entries {
					if e.Kind != EntryData || e.Message.From.Life != h.life {
						out = append(out, e)
						continue
					}
					i := slices.IndexFunc(last, func(o Entry) bool { return o.Message.From == e.Message.From })
					if i < 0 {
						last = append(last, e)
						continue
					}
					out = append(out, last[i])
					last[i] = e
				}
				return out
			}}
		}},
		{"a leader does not answer those outside its ring", []string{"C7"}, func() *tamper {
			return &tamper{send: func(h *host, to topology.Target, b *[]byte) bool {
				var p wire.Packet
				return to.Token || p.Decode(*b) != nil || p.Type&wire.PacketMemberships != wire.PacketJoin || h.engine.Status().Ring.State != ring.Operational
			}}
		}},
		{"a lost token is never repeated", []string{"C7", "C8", "M12"}, func() *tamper {
			return onToken(func(_ *host, t *wire.Token) bool { return t.Type.Retrans() == 0 })
		}},
	}
}

func TestMutants(t *testing.T) {
	limit := fewerUnderRace(400, 3)
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= limit; seed++ {
				r := run(Draw(seed), m.plant(), nil)
				for _, v := range r.Violations {
					text, _, _ := strings.Cut(v.String(), "\n")
					if slices.Contains(m.seen, v.Property) {
						t.Logf("after %d seeds: %v", seed, text)
						return
					}
				}
			}
			if !testkit.Race {
				t.Errorf("not seen by %v in %d seeds", m.seen, limit)
			}
		})
	}
}
