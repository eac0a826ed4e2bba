package spreadconf

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The corpus holds small files with the verdict of the C daemon on each. Ours has to be the same,
// in every detail that the index records; where it differs on purpose stands in deviations.

const corpus = "testdata/conf"

type corpusIndex struct {
	Environment struct {
		LocalAddresses []string `json:"local_addresses"`
		Hosts          []string
	}
	Defaults map[string]any
	Cases    []*corpusCase
}

type corpusCase struct {
	File, Verdict, Parse, Stage, Error, Notes string

	Args       []string
	ExtraLocal []string `json:"extra_local_addresses"`
	LogFiles   []string `json:"log_files"`

	Warnings  []string
	Hash      uint32 `json:"conf_hash"`
	HashInput string `json:"hash_input"`
	Options   map[string]any
	Self      *struct {
		Name string
		ID   uint32
		Addr string
		Port uint16
	}
	Segments []struct {
		Addresses []string
		Port      uint16
		Daemons   []struct {
			Name, Addr string
			ID         uint32
			AutoID     bool `json:"auto_id"`
			Interfaces []struct{ Roles, Addr string }
		}
	}
}

// deviation is a file on which we differ from the C daemon on purpose, or of which the index does
// not tell all. Fields that are not zero replace those of the index.
type deviation struct {
	why      string
	accepted bool // although the C daemon refuses it
	parse    Code // refused already by Parse
	warnings []string
	allowed  []any  // AllowedAuthMethods
	selfName string // of this host's daemon
}

var deviations = map[string]deviation{
	"invalid/bom.conf": {
		why:      "the C daemon takes a byte order mark for a part of the first word (spread-conf §15)",
		accepted: true,
	},
	"valid/opt-window-int16.conf": {
		why:   "the C daemon keeps 16 bits of a window and runs with 4464 (spread-conf §15)",
		parse: CodeWindowRange,
	},
	"valid/segment-empty-first-version.conf": {
		why:   "the C daemon finds out only when its membership starts, and aborts (spread-conf §15)",
		parse: CodeEmptySegment,
	},
	"valid/segment-empty-last.conf": {
		why:   "the same",
		parse: CodeEmptySegment,
	},
	"valid/opt-logfile-nodir.conf": {
		why:      "the C daemon runs on with its output lost (spread-conf §15), the warning of this file included",
		warnings: []string{"segment-address-is-loopback"},
	},
	"valid/opt-auth-pword.conf": {
		why:     "a C daemon knows PWORD only in special builds; we always do (client-protocol §4.4)",
		allowed: []any{"PWORD"},
	},
	"valid/own-n-too-long.conf": {
		why:      "the C daemon stops at its arguments before it reads the file, so that nobody saw the warning",
		warnings: []string{"segment-address-is-loopback"},
	},
	"valid/name-utf8.conf": {
		why:      "the index has the UTF-8 bytes of the name as Latin-1 in this one place",
		selfName: "größe",
	},
}

func loadIndex(t testing.TB) *corpusIndex {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpus, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var x corpusIndex
	if err := json.Unmarshal(b, &x); err != nil {
		t.Fatal(err)
	}
	if len(x.Cases) != 250 {
		t.Fatalf("%d cases, want 250", len(x.Cases))
	}
	return &x
}

func readCorpus(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpus, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// loopbackIndex is the number of the loopback device where the corpus was made.
const loopbackIndex = 1

// environment is the host on which the corpus was made, for one case.
func (x *corpusIndex) environment(extraLocal ...string) Environment {
	hosts := map[string][]netip.Addr{}
	for _, line := range x.Environment.Hosts {
		addr, name, _ := strings.Cut(line, " ")
		hosts[name] = append(hosts[name], netip.MustParseAddr(addr))
	}
	var local []netip.Addr
	for _, s := range slices.Concat(x.Environment.LocalAddresses, extraLocal) {
		a := netip.MustParseAddr(s)
		if a.Is6() {
			a = a.WithZone("lo")
		}
		local = append(local, a)
	}
	return Environment{
		LookupHost: func(name string) ([]netip.Addr, error) {
			if addrs := hosts[name]; addrs != nil {
				return addrs, nil
			}
			return nil, errors.New("no such host")
		},
		LocalAddrs: func() ([]netip.Addr, error) { return local, nil },
		Hostname:   func() (string, error) { return "vm", nil },
		ZoneIndex: func(zone string) (int, bool) {
			return loopbackIndex, zone == "lo" || zone == strconv.Itoa(loopbackIndex)
		},
	}
}

// codeOf returns the code of the first *Error in err.
func codeOf(t testing.TB, err error) Code {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v is of type %T, want *Error", err, err)
	}
	return e.Code
}

func TestCorpus(t *testing.T) {
	x := loadIndex(t)
	unused := deviationNames()
	for _, c := range x.Cases {
		t.Run(c.File, func(t *testing.T) { checkCase(t, x, c) })
		unused = slices.DeleteFunc(unused, func(s string) bool { return s == c.File })
	}
	if len(unused) > 0 {
		t.Errorf("deviations of no file: %v", unused)
	}
}

func deviationNames() (names []string) {
	for name := range deviations {
		names = append(names, name)
	}
	return names
}

func checkCase(t *testing.T, x *corpusIndex, c *corpusCase) {
	dev := deviations[c.File]
	env := x.environment(c.ExtraLocal...)
	name := ""
	if len(c.Args) == 2 && c.Args[0] == "-n" {
		name = c.Args[1]
	} else if c.Args != nil {
		t.Fatalf("unknown arguments %q", c.Args)
	}

	wantParse := dev.parse
	if wantParse == "" && c.Parse == "reject" && !dev.accepted {
		wantParse = Code(c.Error)
	}
	cfg, err := Parse(c.File, readCorpus(t, c.File), env)
	if wantParse != "" {
		if cfg != nil || err == nil {
			t.Fatalf("accepted, want %s", wantParse)
		}
		if got := codeOf(t, err); got != wantParse {
			t.Errorf("refused with %s, want %s: %v", got, wantParse, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if dev.accepted {
		return // The index has nothing more on it.
	}
	checkConfig(t, x, c, cfg)

	var wantStart Code
	if c.Verdict == "reject" {
		wantStart = Code(c.Error)
	}
	self, err := cfg.Self(env, name)
	if err == nil {
		checkSelf(t, c, self)
		_, err = cfg.EffectiveTimeouts()
	} else if c.Self != nil {
		t.Errorf("not a daemon of the file: %v", err)
	}
	switch {
	case wantStart == "bind" || wantStart == "bind-tcp": // found out by opening the sockets, elsewhere
	case wantStart == "" && err != nil:
		t.Errorf("would not start: %v", err)
	case wantStart != "" && err == nil:
		t.Errorf("would start, want %s", wantStart)
	case wantStart != "":
		if got := codeOf(t, err); got != wantStart {
			t.Errorf("would not start for %s, want %s", got, wantStart)
		}
	}
}

// plain returns an address as the index writes those with zones.
func plain(a netip.Addr) string {
	if a.Zone() == "lo" {
		a = a.WithZone(strconv.Itoa(loopbackIndex))
	}
	return a.String()
}

func checkSelf(t *testing.T, c *corpusCase, self Self) {
	t.Helper()
	if c.Self == nil {
		return // the C daemon's log did not show it
	}
	name := c.Self.Name
	if dev := deviations[c.File]; dev.selfName != "" {
		name = dev.selfName
	}
	if self.Daemon.Name != name || self.Daemon.ID != c.Self.ID || plain(self.Addr) != c.Self.Addr || self.Segment.Port != c.Self.Port {
		t.Errorf("self is %s %d %s %d, want %+v",
			self.Daemon.Name, self.Daemon.ID, plain(self.Addr), self.Segment.Port, *c.Self)
	}
}

func checkConfig(t *testing.T, x *corpusIndex, c *corpusCase, cfg *Config) {
	t.Helper()
	dev := deviations[c.File]
	if got := cfg.Hash(); got != c.Hash {
		t.Errorf("hash %d, want %d", got, c.Hash)
	}
	if got := string(cfg.HashTextFor(cfg.AcceleratedAtStart())); c.HashInput != "" && got != c.HashInput {
		t.Errorf("hash text\n%s\nwant\n%s", got, c.HashInput)
	}

	wantWarnings := c.Warnings
	if dev.warnings != nil {
		wantWarnings = dev.warnings
	}
	if got := commonWarnings(cfg); !slices.Equal(got, slices.Sorted(slices.Values(wantWarnings))) {
		t.Errorf("warnings %q, want %q", got, wantWarnings)
	}

	want := map[string]any{}
	maps.Copy(want, x.Defaults)
	maps.Copy(want, c.Options)
	if dev.allowed != nil {
		want["AllowedAuthMethods"] = dev.allowed
	}
	got := indexOptions(t, cfg)
	for name, value := range want {
		if !reflect.DeepEqual(got[name], value) {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("options that the index does not have: %v", got)
	}

	if len(c.LogFiles) == 1 {
		if path, err := cfg.Options.LogFile(x.environment()); err != nil || path != c.LogFiles[0] {
			t.Errorf("log file %q, %v, want %q", path, err, c.LogFiles[0])
		}
	}
	checkSegments(t, c, cfg)
}

func checkSegments(t *testing.T, c *corpusCase, cfg *Config) {
	t.Helper()
	if len(cfg.Segments) != len(c.Segments) {
		t.Fatalf("%d segments, want %d", len(cfg.Segments), len(c.Segments))
	}
	for i, want := range c.Segments {
		seg := cfg.Segments[i]
		var addrs []string
		for _, a := range seg.Addrs {
			addrs = append(addrs, canonical(a))
		}
		if !slices.Equal(addrs, want.Addresses) || seg.Port != want.Port {
			t.Errorf("segment %d is %v %d, want %v %d", i, addrs, seg.Port, want.Addresses, want.Port)
		}
		if len(seg.Daemons) != len(want.Daemons) {
			t.Fatalf("segment %d has %d daemons, want %d", i, len(seg.Daemons), len(want.Daemons))
		}
		for j, want := range want.Daemons {
			d := seg.Daemons[j]
			if d.Name != want.Name || canonical(d.Addr) != want.Addr || d.ID != want.ID || d.IDGiven == want.AutoID {
				t.Errorf("daemon %d of segment %d is %+v, want %+v", j, i, d, want)
			}
			got := indexInterfaces(d)
			if len(got) != len(want.Interfaces) {
				t.Fatalf("daemon %s has interfaces %v, want %v", d.Name, got, want.Interfaces)
			}
			for k, want := range want.Interfaces {
				if got[k] != [2]string{want.Roles, want.Addr} {
					t.Errorf("interface %d of %s is %v, want %v", k, d.Name, got[k], want)
				}
			}
		}
	}
}

// indexInterfaces returns roles and addresses in the words of the index.
func indexInterfaces(d Daemon) (list [][2]string) {
	if d.Interfaces == nil {
		return [][2]string{{"DCM any", plain(d.Addr)}}
	}
	for _, i := range d.Interfaces {
		list = append(list, [2]string{strings.ReplaceAll(i.Roles.String(), " ", ""), plain(i.Addr)})
	}
	return list
}

// commonWarnings returns the codes of those warnings that the C daemon gives too, sorted.
func commonWarnings(cfg *Config) (codes []string) {
	for _, w := range cfg.Warnings {
		switch w.Code {
		case WarnLoopbackSegment, WarnIPv6NotMulticast, WarnNotAnAddress, WarnNameEndsInSemicolon:
			codes = append(codes, string(w.Code))
		default: // ours alone: TestWarnings
		}
	}
	slices.Sort(codes)
	return codes
}

// indexOptions returns the options by name, with values as JSON decodes them from the index.
func indexOptions(t *testing.T, cfg *Config) map[string]any {
	t.Helper()
	o := cfg.Options
	tri := func(x Tri) any {
		if x == Auto {
			return nil
		}
		return x == On
	}
	methods := func(list []AuthMethod) []AuthMethod { return append([]AuthMethod{}, list...) }
	m := map[string]any{
		"DebugFlags":                fmt.Sprintf("0x%x", uint32(o.DebugFlags)),
		"EventPriority":             o.EventPriority,
		"DangerousMonitor":          o.DangerousMonitor,
		"SocketPortReuse":           strings.ToUpper(o.SocketPortReuse.String()),
		"RuntimeDir":                o.RuntimeDir,
		"DaemonUser":                o.DaemonUser,
		"DaemonGroup":               o.DaemonGroup,
		"MaxSessionMessages":        o.MaxSessionMessages,
		"ActiveIPVersion":           cfg.IPVersion.String(),
		"Window":                    o.Window,
		"PersonalWindow":            o.PersonalWindow,
		"AcceleratedRing":           tri(o.AcceleratedRing),
		"AcceleratedWindow":         o.AcceleratedWindow,
		"WideAreaNetwork":           tri(o.WideAreaNetwork),
		"ExcludeSegAddrsFromHash":   o.ExcludeSegAddrsFromHash,
		"IgnoreMulticastJoinErrors": o.IgnoreMulticastJoinErrors,
		"AllowedAuthMethods":        methods(o.AllowedAuthMethods),
		"RequiredAuthMethods":       methods(o.RequiredAuthMethods),
		"AccessControlPolicy":       o.AccessControlPolicy,
	}
	for i, d := range o.Timeouts.fields() {
		m[timeoutOptions()[i]] = d.Milliseconds()
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(b, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// A deviation that the index agrees with is none, and has to go.
func TestDeviationsAreReal(t *testing.T) {
	x := loadIndex(t)
	for _, c := range x.Cases {
		dev, ok := deviations[c.File]
		if !ok {
			continue
		}
		if dev.why == "" {
			t.Errorf("%s: the deviation has no reason", c.File)
		}
		differs := dev.accepted && c.Parse == "reject" ||
			dev.parse != "" && c.Parse == "accept" ||
			dev.warnings != nil && !slices.Equal(dev.warnings, c.Warnings) ||
			dev.allowed != nil && !reflect.DeepEqual(dev.allowed, c.Options["AllowedAuthMethods"]) ||
			dev.selfName != "" && dev.selfName != c.Self.Name
		if !differs {
			t.Errorf("%s: the index has what the deviation says", c.File)
		}
	}
}
