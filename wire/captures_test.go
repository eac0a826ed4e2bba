package wire

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/pcap"
)

// TestRingCaptures decodes every datagram that was captured between C daemons, to the last byte,
// and encodes it to the same bytes. Meaningless bytes that C daemons do not clear (padding, unused
// slots of lists) are compared as zeros.
func TestRingCaptures(t *testing.T) {
	for _, dir := range []string{"ring", "membership"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.pcap"))
		if err != nil || len(files) < 16 {
			t.Fatalf("%d captures in testdata/%s (%v)", len(files), dir, err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".pcap")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := capture{t: t, kinds: make(map[string]int), partial: make(map[DaemonID][]byte)}
				list := pcap.Read(t, file)
				for i := range list {
					c.datagram(&list[i])
				}
				if got := c.summary(len(list)); captureKinds[name] != got {
					t.Errorf("kinds of datagrams: %q, want %q", got, captureKinds[name])
				}
			})
		}
	}
}

// captureKinds is the number of datagrams of each kind in each capture, which the decoder must
// find.
var captureKinds = map[string]string{
	"add2":                     "189: ALIVE 5, DATA:GROUPS 3, DATA:JOIN 2, FORM1 8, FORM2 10, HURRY 2, JOIN 14, TOKEN 145",
	"bigstate":                 "187: ALIVE 2, DATA 78, DATA:GROUPS 3, FORM1 6, FORM2 8, JOIN 14, TOKEN 76",
	"cascade":                  "159: ALIVE 39, FORM1 10, FORM2 14, HURRY 1, JOIN 10, TOKEN 85",
	"crash":                    "52: ALIVE 9, FORM1 2, FORM2 4, JOIN 5, TOKEN 32",
	"ggt_member":               "155: ALIVE 24, DATA:GROUPS 3, FORM1 14, FORM2 18, JOIN 19, TOKEN 77",
	"ggt_newcomer":             "163: ALIVE 25, DATA:GROUPS 2, FORM1 14, FORM2 18, JOIN 20, TOKEN 84",
	"groups":                   "151: DATA:JOIN 7, DATA:KILL 2, DATA:LEAVE 1, HURRY 9, TOKEN 132",
	"idlemerge":                "525: ALIVE 25, DATA:GROUPS 2, FORM1 14, FORM2 20, JOIN 20, TOKEN 444",
	"lossy_crash":              "364: ALIVE 23, DATA 223, FORM1 6, FORM2 8, JOIN 5, TOKEN 99",
	"merge":                    "186: DATA 2, DATA:GROUPS 2, FORM1 8, FORM2 10, JOIN 10, TOKEN 154",
	"monitor":                  "247: ALIVE 25, CONTROL 8, DATA 1, DATA:GROUPS 2, FORM1 14, FORM2 20, JOIN 20, TOKEN 157",
	"partition":                "144: ALIVE 25, DATA:JOIN 1, DATA:LEAVE 1, FORM1 6, FORM2 10, HURRY 1, JOIN 10, TOKEN 90",
	"restart":                  "101: ALIVE 2, DATA:GROUPS 2, DATA:JOIN 1, FORM1 4, FORM2 6, HURRY 1, JOIN 14, TOKEN 71",
	"start3":                   "72: ALIVE 16, DATA:GROUPS 3, FORM1 4, FORM2 6, JOIN 5, TOKEN 38",
	"two_foreign":              "251: ALIVE 26, DATA 3, DATA:GROUPS 6, FORM1 14, FORM2 18, JOIN 56, TOKEN 128",
	"two_leader_crash":         "125: ALIVE 28, FORM1 6, FORM2 8, JOIN 40, TOKEN 43",
	"two_partition":            "281: ALIVE 28, DATA:GROUPS 6, FORM1 10, FORM2 14, JOIN 63, REFER 2, TOKEN 158",
	"two_refer":                "121: ALIVE 2, DATA:GROUPS 6, FORM1 6, FORM2 8, JOIN 39, REFER 10, TOKEN 50",
	"two_refer2":               "125: ALIVE 2, DATA:GROUPS 6, FORM1 8, FORM2 10, JOIN 30, REFER 10, TOKEN 59",
	"bcast-accel-services":     "664: DATA 68, DATA:JOIN 2, DATA:KILL 1, DATA:LEAVE 2, HURRY 18, TOKEN 573",
	"unicast-three-segments":   "91: DATA 12, DATA:JOIN 2, DATA:KILL 2, DATA:LEAVE 2, HURRY 5, TOKEN 68",
	"two-seg-token-loss":       "54: DATA 6, TOKEN 48",
	"two-seg-original":         "198: DATA 30, DATA:JOIN 6, DATA:KILL 3, DATA:LEAVE 6, HURRY 9, TOKEN 144",
	"token-loss-original":      "83: DATA 7, DATA:KILL 1, HURRY 3, TOKEN 72",
	"reload-accel-unset":       "155: ALIVE 16, CONTROL 4, DATA 30, DATA:KILL 1, FORM1 4, FORM2 6, JOIN 5, TOKEN 89",
	"two-seg-loss":             "359: DATA 172, DATA:KILL 6, HURRY 5, TOKEN 176",
	"evs-recovery-original":    "133: ALIVE 9, DATA 84, DATA:KILL 1, FORM1 2, FORM2 4, JOIN 5, TOKEN 28",
	"evs-crash-accel":          "211: ALIVE 9, DATA 65, DATA:KILL 2, FORM1 2, FORM2 4, HURRY 2, JOIN 5, TOKEN 122",
	"bcast-original-services":  "557: DATA 66, DATA:JOIN 2, DATA:KILL 1, DATA:LEAVE 2, HURRY 18, TOKEN 468",
	"message-100-fragments":    "118: DATA 100, TOKEN 18",
	"mcast-original-load":      "211: DATA 114, DATA:KILL 3, HURRY 4, TOKEN 90",
	"bcast-original-form-idle": "75: ALIVE 16, DATA:GROUPS 3, FORM1 4, FORM2 6, JOIN 5, TOKEN 41",
	"loss-original":            "170: DATA 88, DATA:KILL 1, TOKEN 81",
	"mcast-accel-load":         "206: DATA 114, HURRY 2, TOKEN 90",
	"loss-accel":               "220: DATA 93, DATA:KILL 1, TOKEN 126",
	"two_start":                "107: ALIVE 16, DATA:GROUPS 9, FORM1 4, FORM2 6, JOIN 40, TOKEN 32",
}

// capture is the state of reading one capture.
type capture struct {
	t       *testing.T
	kinds   map[string]int
	partial map[DaemonID][]byte // messages under assembly, by maker
}

func (c *capture) summary(n int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(c.kinds)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, c.kinds[k]))
	}
	return fmt.Sprintf("%d: %s", n, strings.Join(parts, ", "))
}

func (c *capture) datagram(d *pcap.Datagram) {
	c.t.Helper()
	decode := c.packet
	if d.Token() {
		decode = c.token
	}
	again, noise, err := decode(d.Payload)
	if err != nil {
		c.t.Fatalf("%v: %v", d, err)
	}
	want := slices.Clone(d.Payload)
	for _, n := range noise {
		clear(want[n[0]:n[1]])
	}
	if !bytes.Equal(again, want) {
		c.t.Fatalf("%v: encoded again as\n%x, want\n%x", d, again, want)
	}
}

// noise is the parts of a datagram, from and to, that have no meaning.
type noise [][2]int

func (c *capture) token(b []byte) (again []byte, skip noise, err error) {
	var t Token
	if err := t.Decode(b); err != nil {
		return nil, nil, err
	}
	if t.Type&TokenForms == 0 {
		c.kinds["TOKEN"]++
		if err := t.CheckRequests(); err != nil {
			return nil, nil, err
		}
		var body []byte
		for it := t.Requests(); ; {
			r, ok := it.Next()
			if !ok {
				break
			}
			var seqs []int32
			for i := range r.NumSeqs() {
				seqs = append(seqs, r.Seq(i))
			}
			body = AppendRequest(body, t.ByteOrder, r.Membership, r.Proc, r.Segment, seqs...)
		}
		t.Body = body
		return t.Append(nil), nil, nil
	}
	var f Form
	if err := f.Decode(&t); err != nil {
		return nil, nil, err
	}
	v := f.Value()
	const members = TokenHeaderLen + memberListHeader
	skip = noise{{members + 4*(len(v.Members)+len(v.Pending)), TokenHeaderLen + fixedMembersLen}}
	if t.Type&TokenForm1 != 0 {
		c.kinds["FORM1"]++
		const reps = TokenHeaderLen + fixedMembersLen
		skip = append(skip, [2]int{reps + repListHeader + repLen*len(v.Reps), reps + fixedRepsLen})
	} else {
		c.kinds["FORM2"]++
	}
	t.Body = v.Append(nil, t.ByteOrder, t.Type)
	return t.Append(nil), skip, nil
}

func (c *capture) packet(b []byte) (again []byte, skip noise, err error) {
	var p Packet
	if err := p.Decode(b); err != nil {
		return nil, nil, err
	}
	var body []byte
	switch p.Type.Kind() {
	case KindControl:
		c.kinds["CONTROL"]++
		body = p.Body
	case KindHurry:
		c.kinds["HURRY"]++
	case KindMembership:
		body, err = c.gather(&p)
	case KindData:
		body, skip, err = c.data(&p)
	case KindUnknown:
		err = fmt.Errorf("unknown kind, type %#x", uint32(p.Type))
	}
	p.Body = body
	return p.Append(nil), skip, err
}

func (c *capture) gather(p *Packet) ([]byte, error) {
	if p.Type&PacketRefer != 0 {
		c.kinds["REFER"]++
		if id, kind := p.Refer(); id == 0 || kind != RepSegment && kind != RepRing {
			return nil, fmt.Errorf("REFER to %d, kind %d", id, kind)
		}
		return nil, nil
	}
	var g Gather
	if err := g.Decode(p); err != nil {
		return nil, err
	}
	var members []DaemonID
	for _, id := range g.Members.All() {
		members = append(members, id)
	}
	body := AppendMembers(nil, p.ByteOrder, g.Pending, members...)
	if p.Type&PacketJoin == 0 {
		c.kinds["ALIVE"]++
		return body, nil
	}
	c.kinds["JOIN"]++
	var reps []Rep
	for _, r := range g.Reps.All() {
		reps = append(reps, r)
	}
	if reps[0].Daemon != p.Proc || reps[0].Kind == RepPotential {
		return nil, fmt.Errorf("the first representative is %v, not the sender", reps[0])
	}
	return AppendReps(body, p.ByteOrder, g.RepIndex, reps...), nil
}

// data decodes a data packet, and its messages as far as they are whole.
func (c *capture) data(p *Packet) (body []byte, skip noise, err error) {
	if err := p.CheckFragments(); err != nil {
		return nil, nil, err
	}
	kind := "DATA"
	it := p.Fragments()
	for first := true; ; first = false {
		f, ok := it.Next()
		if !ok {
			break
		}
		if first {
			body = append(body, f.Data...)
		} else {
			pad := PacketHeaderLen + len(body)
			body = AppendFragment(body, 0, p.ByteOrder, f.Index, f.Data)
			skip = append(skip, [2]int{pad, PacketHeaderLen + len(body) - len(f.Data) - fragmentHeaderLen})
		}
		msg := c.assemble(p.Proc, f)
		if msg == nil {
			continue
		}
		sub, err := c.message(msg)
		if err != nil {
			return nil, nil, err
		}
		if sub != "" {
			kind = "DATA:" + sub
		}
	}
	c.kinds[kind]++
	return body, skip, nil
}

// assemble returns a message when its last fragment has arrived. Captures may begin in the middle
// of a message, and have fragments twice.
func (c *capture) assemble(maker DaemonID, f Fragment) []byte {
	const full = MaxPacketBody
	have := c.partial[maker]
	n := int(max(f.Index, -f.Index))
	switch {
	case n == 1:
		have = nil
	case len(have) != (n-1)*full:
		delete(c.partial, maker)
		return nil
	}
	have = append(slices.Clip(have), f.Data...)
	if f.Index > 0 {
		c.partial[maker] = have
		return nil
	}
	delete(c.partial, maker)
	return have
}

// message decodes a whole message and, if it is a message between daemons, returns its kind.
func (c *capture) message(b []byte) (string, error) {
	var m Message
	n, err := m.Decode(b)
	if err != nil || n != len(b) {
		return "", fmt.Errorf("message of %d bytes, %d decoded: %w", len(b), n, err)
	}
	if again := m.Append(nil); !bytes.Equal(again, b) {
		return "", fmt.Errorf("message encoded again as %x, want %x", again, b)
	}
	switch {
	case m.Type&Join != 0:
		return "JOIN", nil
	case m.Type&Leave != 0:
		return "LEAVE", nil
	case m.Type&Kill != 0:
		return "KILL", nil
	case m.Type&Groups == 0:
		return "", nil
	}
	var s GroupState
	if err := s.Decode(&m); err != nil {
		return "", err
	}
	var synced []DaemonID
	if s.First {
		synced = []DaemonID{}
		for _, id := range s.Synced.All() {
			synced = append(synced, id)
		}
	}
	body := AppendStateHeader(nil, s.ByteOrder, s.Membership, synced)
	for g := range s.Groups() {
		body = AppendGroupEntry(body, s.ByteOrder, g.Name, g.ID, g.Changed, len(slices.Collect(g.Daemons())))
		for d := range g.Daemons() {
			members := make([]Name, 0, d.Len())
			for _, n := range d.Members() {
				members = append(members, *n)
			}
			body = AppendGroupDaemon(body, s.ByteOrder, d.Daemon, d.Membership, members...)
		}
	}
	if !bytes.Equal(body, m.Payload) {
		return "", fmt.Errorf("group state encoded again as\n%x, want\n%x", body, m.Payload)
	}
	if want := StateSender(s.ByteOrder, string(s.Daemon), int(s.NumSynced)); want != m.Sender {
		return "", fmt.Errorf("sender of a group state %x, want %x", m.Sender, want)
	}
	return "GROUPS", nil
}
