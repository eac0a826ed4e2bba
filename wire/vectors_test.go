package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const vectorDir = "testdata/client"

// vector is a captured conversation between clients and the C daemon; see
// testdata/client/README.md.
type vector struct {
	Name, Description, Source, Setup string
	Connections                      map[string]string
	Messages                         []vectorEntry
}

// vectorEntry is what was seen of one connection at one time: bytes, or an event. Long bytes are
// given by their length, hash and first 256.
type vectorEntry struct {
	Conn, Dir, Hex, Event, Note string
	Len                         int
	SHA256                      string
	PrefixHex                   string `json:"prefix_hex"`
}

// vectors reads all vectors, in the order of their names.
func vectors(t testing.TB) []*vector {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s (%v)", vectorDir, err)
	}
	all := make([]*vector, len(files))
	for i, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(src))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&all[i]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if want := strings.TrimSuffix(filepath.Base(file), ".json"); all[i].Name != want {
			t.Fatalf("%s calls itself %q", file, all[i].Name)
		}
	}
	return all
}

// bytes returns the bytes of the entry, or nothing for an event. The payload of a long entry
// continues as it begins: each byte differs from the one before by the same step. Its length and
// hash verify that.
func (e *vectorEntry) bytes() ([]byte, error) {
	if e.Len == 0 {
		return hex.DecodeString(e.Hex)
	}
	b, err := hex.DecodeString(e.PrefixHex)
	if err != nil || len(b) < 2 || e.Hex != "" {
		return nil, fmt.Errorf("entry of %d bytes with prefix %q (%w)", e.Len, e.PrefixHex, err)
	}
	step := b[len(b)-1] - b[len(b)-2]
	for len(b) < e.Len {
		b = append(b, b[len(b)-1]+step)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != e.SHA256 {
		return nil, fmt.Errorf("%d bytes after prefix %q have hash %x, want %s", e.Len, e.PrefixHex, sum, e.SHA256)
	}
	return b, nil
}

// stream names one direction of one connection.
type stream struct{ conn, dir string }

// outcome is how one stream of a vector was split, if it is not one unit for each entry with
// nothing left.
type outcome struct {
	entries, units int
	left           int   // bytes at the end that are no unit
	err            error // why not
}

// replayed is a vector split into units.
type replayed struct {
	entries []entryUnits
	convs   map[string]*conversation
	streams map[stream][]byte  // the bytes of each stream
	odd     map[stream]outcome // streams that are not one unit an entry
	faults  []string           // what is wrong with the vector, or with us
}

// entryUnits are the units that an entry completed.
type entryUnits struct {
	*vectorEntry
	units []unit
}

// replay runs the entries of a vector through the protocol, in order.
func (v *vector) replay() *replayed {
	r := &replayed{
		convs:   make(map[string]*conversation),
		streams: make(map[stream][]byte),
		odd:     make(map[stream]outcome),
	}
	count := make(map[stream]*outcome)
	uneven := make(map[stream]bool)
	for i := range v.Messages {
		e := &v.Messages[i]
		fault := func(format string, args ...any) {
			r.faults = append(r.faults, fmt.Sprintf("entry %d, %s %s: %s", i, e.Conn, e.Dir, fmt.Sprintf(format, args...)))
		}
		b, err := e.bytes()
		if err != nil {
			fault("%v", err)
			continue
		}
		if (len(b) == 0) == (e.Event == "") {
			fault("%d bytes and event %q", len(b), e.Event)
		}
		r.entries = append(r.entries, entryUnits{vectorEntry: e})
		if len(b) == 0 {
			continue
		}
		if _, ok := v.Connections[e.Conn]; !ok || e.Dir != c2d && e.Dir != d2c {
			fault("unknown stream")
			continue
		}
		s := stream{e.Conn, e.Dir}
		if r.convs[s.conn] == nil {
			r.convs[s.conn] = newConversation()
		}
		if count[s] == nil {
			count[s] = new(outcome)
		}
		units := r.convs[s.conn].feed(s.dir, b)
		for _, u := range units {
			if !bytes.Equal(u.raw, u.again) {
				fault("%x\nbecomes %x", u.raw, u.again)
			}
			if u.fault != "" {
				fault("%s: %s", u.line, u.fault)
			}
		}
		count[s].entries++
		count[s].units += len(units)
		if len(units) != 1 || len(units[0].raw) != len(b) {
			uneven[s] = true
		}
		r.streams[s] = append(r.streams[s], b...)
		r.entries[len(r.entries)-1].units = units
	}
	for s, o := range count {
		h := r.convs[s.conn].half[s.dir]
		o.left, o.err = len(h.buf), h.err
		if uneven[s] || o.err != nil {
			r.odd[s] = *o
		}
	}
	return r
}

// oddStreams are the streams that are not one unit for each entry: writes that were split or
// joined, and bytes that are not a unit, with the error that decoding them must return.
var oddStreams = map[string]map[stream]outcome{
	// The daemon's accept in three writes (client-protocol §3.3).
	"auth-ip-ok":       {{"a", d2c}: {entries: 4, units: 2}},
	"auth-ip-tcp":      {{"a", d2c}: {entries: 4, units: 2}},
	"auth-pword-ok":    {{"a", d2c}: {entries: 5, units: 3}},
	"auth-two-methods": {{"a", d2c}: {entries: 4, units: 2}},

	// A client's writes, split and joined (§3.1, §8).
	"connect-split-after-version": {{"a", c2d}: {entries: 2, units: 1}},
	"reject-auth-split":           {{"a", c2d}: {entries: 3, units: 2}},
	"reject-pipelined":            {{"a", c2d}: {entries: 1, units: 2}},
	"split-writes":                {{"a", c2d}: {entries: 16, units: 6}},

	// Requests that are refused for their name's length, or lack a part of it (§3.4).
	"reject-name-negative-length": {{"a", c2d}: {entries: 1, left: 5, err: &DecodeError{"private name length", 4, ErrLength}}},
	"reject-name-too-long":        {{"a", c2d}: {entries: 1, left: 16, err: &DecodeError{"private name length", 4, ErrLength}}},
	"reject-name-short":           {{"a", c2d}: {entries: 1, left: 8, err: &DecodeError{"connect request", 8, ErrShort}}},

	// Counts that are not possible (§8). With half a marker the counts are read in the wrong byte
	// order.
	"bad-data-negative":    {{"a", c2d}: {entries: 4, units: 3, left: 80, err: &DecodeError{"data length", 44, ErrLength}}},
	"bad-groups-negative":  {{"a", c2d}: {entries: 4, units: 3, left: 48, err: &DecodeError{"number of groups", 36, ErrLength}}},
	"bad-type-half-marker": {{"a", c2d}: {entries: 4, units: 3, left: 80, err: &DecodeError{"number of groups", 36, ErrLength}}},

	// Messages that were not sent, or not captured, completely.
	"bad-data-plus-groups-too-long": {{"a", c2d}: {entries: 4, units: 3, left: 80, err: &DecodeError{"message body", 80, ErrShort}}},
	"bad-data-too-long":             {{"a", c2d}: {entries: 4, units: 3, left: 80, err: &DecodeError{"message body", 80, ErrShort}}},
	"close-mid-message":             {{"a", c2d}: {entries: 4, units: 3, left: 20, err: &DecodeError{"message header", 20, ErrShort}}},
	"crash-exact-100-fragments":     {{"a", d2c}: {entries: 4, units: 3, left: 48, err: &DecodeError{"message body", 48, ErrShort}}},

	// REJECT without the old type that completes such a message (§8).
	"reject-bit": {
		{"a", c2d}: {entries: 4, units: 3, left: 88, err: &DecodeError{"message body", 88, ErrShort}},
		{"a", d2c}: {entries: 4, units: 3, left: 48, err: &DecodeError{"message body", 48, ErrShort}},
	},
}

// TestVectors splits the two streams of every connection of every vector. Each entry must be one
// unit that encodes to the same bytes, except for oddStreams.
func TestVectors(t *testing.T) {
	seen := make(map[string]bool)
	for _, v := range vectors(t) {
		seen[v.Name] = true
		t.Run(v.Name, func(t *testing.T) {
			r := v.replay()
			for _, fault := range r.faults {
				t.Error(fault)
			}
			for _, problem := range compareOdd(r.odd, oddStreams[v.Name]) {
				t.Error(problem)
			}
		})
	}
	for name := range oddStreams {
		if !seen[name] {
			t.Errorf("oddStreams has %s, which is no vector", name)
		}
	}
}

// TestVectorsBite damages vectors in ways that TestVectors must detect.
func TestVectorsBite(t *testing.T) {
	all := make(map[string]*vector)
	for _, v := range vectors(t) {
		all[v.Name] = v
	}
	spoil := []struct {
		what, vector string
		entry        int
		edit         func(e *vectorEntry)
	}{
		{"a message without its last byte", "join-leave-self", 4, func(e *vectorEntry) { e.Hex = e.Hex[:len(e.Hex)-2] }},
		{"a byte behind a message", "join-leave-self", 5, func(e *vectorEntry) { e.Hex += "00" }},
		{"a bad count of sets", "join-leave-self", 5, func(e *vectorEntry) {
			sets := 2 * (HeaderLen + NameLen + offNumSets)
			e.Hex = e.Hex[:sets] + "02" + e.Hex[sets+2:]
		}},
		{"an entry without bytes or event", "connect-membership", 0, func(e *vectorEntry) { e.Hex = "" }},
		{"an event with bytes", "connect-membership", 0, func(e *vectorEntry) { e.Event = "eof" }},
		{"a connection that is not listed", "connect-membership", 0, func(e *vectorEntry) { e.Conn = "nobody" }},
		{"a message of another hash", "max-payload", 6, func(e *vectorEntry) { e.SHA256 = strings.Repeat("0", 64) }},
		{"bytes behind a rejection", "quota", 0, func(e *vectorEntry) { e.Hex += "01" }},
	}
	for _, s := range spoil {
		v := *all[s.vector]
		v.Messages = slices.Clone(v.Messages)
		s.edit(&v.Messages[s.entry])
		r := v.replay()
		if len(r.faults)+len(compareOdd(r.odd, oddStreams[v.Name])) == 0 {
			t.Errorf("%s: %s, entry %d: not noticed", s.what, s.vector, s.entry)
		}
	}
	if len(compareOdd(nil, oddStreams["split-writes"])) == 0 {
		t.Error("an exception that is not needed any more: not noticed")
	}
}

// compareOdd reports streams that were split in another way than expected.
func compareOdd(got, want map[stream]outcome) (problems []string) {
	for s, g := range got {
		w, ok := want[s]
		if !ok {
			problems = append(problems, fmt.Sprintf("%v: %v; want one unit an entry, with nothing left", s, g))
		} else if !g.equal(w) {
			problems = append(problems, fmt.Sprintf("%v: %v; want %v", s, g, w))
		}
	}
	for s, w := range want {
		if _, ok := got[s]; !ok {
			problems = append(problems, fmt.Sprintf("%v: one unit an entry, with nothing left; want %v", s, w))
		}
	}
	slices.Sort(problems)
	return problems
}

func (o outcome) String() string {
	return fmt.Sprintf("%d units in %d entries, %d bytes left (%v)", o.units, o.entries, o.left, o.err)
}

func (o outcome) equal(w outcome) bool {
	if o.entries != w.entries || o.units != w.units || o.left != w.left {
		return false
	}
	var got, want *DecodeError
	if errors.As(o.err, &got) && errors.As(w.err, &want) {
		return *got == *want
	}
	return errors.Is(o.err, w.err)
}

// indexRow is a line of the vectors' README: file, description, entries.
var indexRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*\\| ([0-9]+) \\|$")

// TestVectorsComplete compares the directory with its index: no file is missing, unlisted or cut
// off.
func TestVectorsComplete(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(vectorDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]int)
	for _, row := range indexRow.FindAllSubmatch(readme, -1) {
		if listed[string(row[1])], err = strconv.Atoi(string(row[2])); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range vectors(t) {
		if n, ok := listed[v.Name]; !ok || n != len(v.Messages) {
			t.Errorf("%s has %d entries; the index has %d (listed: %t)", v.Name, len(v.Messages), n, ok)
		}
		delete(listed, v.Name)
	}
	for name := range listed {
		t.Errorf("%s is listed and missing", name)
	}
}
