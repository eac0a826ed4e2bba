package spreadconf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// tail is a segment that makes a file complete.
const tail = "\nSpread_Segment 239.1.2.3:4803 { alpha 10.0.0.1 }\n"

func mustParse(t testing.TB, src string) *Config {
	t.Helper()
	cfg, err := Parse("spread.conf", []byte(src), loadIndex(t).environment())
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return cfg
}

// Where an error points to: the culprit, and not what the parser looked at when it noticed.
func TestErrorPlaces(t *testing.T) {
	for _, tt := range []struct {
		src          string
		line, column int
		token        string
		code         Code
	}{
		{"# c\n\n  Window=50" + tail, 3, 3, "Window=50", CodeNoSegments},
		{"Window = 50\n  Windov = 60" + tail, 2, 3, "Windov", CodeNoSegments},
		{tail + "TokenTimeout = 5s\n", 3, 16, "5s", CodeSyntax},
		{tail + "EventLogFile =\nWindow = 5\n", 4, 1, "Window", CodeSyntax},
		{"Spread_Segment 239.1.2.3 {\n alpha 10.0.0.1\n beta 10.0.0.1\n}", 3, 7, "10.0.0.1", CodeDuplicateAddress},
		{"Spread_Segment 239.1.2.3 {\n alpha 10.0.0.1\n alpha 10.0.0.2\n}", 3, 2, "alpha", CodeDuplicateName},
		{"Spread_Segment 239.1.2.3 {\n a 10.0.0.1 VirtualID = 7\n b 10.0.0.2 VirtualID =\n 7 }", 4, 2, "7", CodeDuplicateID},
		{"Spread_Segment 239.1.2.3 {\n a 10.0.0.1 VirtualID = 482711334\n localhost 10.0.0.2 }", 3, 2, "localhost", CodeDuplicateID},
		{"Spread_Segment 239.1.2.3 {\n a 10.0.0.1\n b fd00::2\n}", 3, 4, "fd00::2", CodeAddressFamily},
		{"Spread_Segment 239.1.2.3 {\n nosuch.test\n\n\n}", 2, 2, "nosuch.test", CodeLookupFailed},
		{"Spread_Segment 239.1.2.3 {\n alpha.test:4803 10.0.0.2 \n 10.0.0.1:4803 }", 3, 2, "10.0.0.1:4803", CodeSyntax},
		{"Spread_Segment 239.1.2.3\n 0.0.0.0 {\n a 10.0.0.1\n}", 2, 2, "0.0.0.0", CodeWildcardSegmentAddress},
		{"Spread_Segment 239.1.2.3 {\n a 10.0.0.1 {\n  C 10.0.0.1\n D lo } }", 4, 4, "lo", CodeSyntax},
		{"Spread_Segment 239.1.2.3 {\n a 10.0.0.1 { C 10.0.0.1 D } }", 2, 28, "}", CodeSyntax},
		{"Spread_Segment 239.1.2.3 {\n a 10.0.0.1 {\n", 3, 1, "", CodeSyntax},
		{"Spread_Segment 239.1.2.3 {\n a 10.0.0.1 }\nSpread_Segment 239.1.2.3 { }", 3, 1, "Spread_Segment", CodeEmptySegment},
		{"Spread_Segment 239.1.2.3 {\n a 10.0.0.1\nSpread_Segment 239.1.2.4 { b 10.0.0.2 }", 3, 1, "Spread_Segment", CodeSyntax},
		{"Window = 10\n" + tail, 1, 1, "Window", CodePersonalAboveWindow},
		{"AcceleratedRing = yes PersonalWindow = 5" + tail, 1, 23, "PersonalWindow", CodeAcceleratedAbovePersonal},
		{"EventLogFile = \"\"" + tail, 1, 16, `""`, CodeEmptyValue},
		{"RuntimeDir = /" + strings.Repeat("x", 4096) + tail, 1, 14, "/" + strings.Repeat("x", 4096), CodeValueTooLong},
		{"AcceleratedWindow = 32768" + tail, 1, 21, "32768", CodeWindowRange},
		{"DebugFlags = { ALL\n", 2, 1, "", CodeSyntax},
		{"DebugFlags = { ! }" + tail, 1, 18, "}", CodeSyntax},
		{"DebugFlags = { PRINT }\nDebugFlags =\n", 3, 1, "", CodeSyntax},
		{"EventPreciseTimeStamp \x00", 1, 23, "\x00", CodeSyntax},
		{"ActiveIPVersion = IPv6 Spread_Segment [ff02::1]:5 { dual.test }\nSpread_Segment [ff02::1]:6 { beta.test }", 2, 30, "beta.test", CodeLookupNoAddressOfFamily},
	} {
		_, err := Parse("f", []byte(tt.src), loadIndex(t).environment())
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%q: %v", tt.src, err)
			continue
		}
		if e.Pos.Line != tt.line || e.Pos.Col != tt.column || e.Token != tt.token || e.Code != tt.code {
			t.Errorf("%q: %d:%d %q %s, want %d:%d %q %s: %v", tt.src,
				e.Pos.Line, e.Pos.Col, e.Token, e.Code, tt.line, tt.column, tt.token, tt.code, e)
		}
		checkPlace(t, []byte(tt.src), e)
	}
}

// What the advice is where a mistake has a name.
func TestAdvice(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"window=50", "write `Window = 50`"},
		{"Window =", "write `Window = NUMBER`"},
		{"Foo = 1 Foo=2", "comment with `#`"},
		{"=50", "comment with `#`"},
		{"TokenTimout = 5", "write `TokenTimeout`; case matters"},
		{"VirtualID = 5", "VirtualID belongs to a daemon"},
		{"EventLogFile = a b", "EventLogFile takes one value; quote it"},
		{"DebugFlags = { PRINT", "close the list of line 1"},
		{"DebugFlags = PRINT", "write `DebugFlags = { PRINT }`"},
		{"DebugFlags = 5", "write `DebugFlags = { PRINT EXIT }`"},
		{"Spread_Segment 239.1.2.3 [ff02::1] :5", "write `[ff02::1]:5`"},
		{"Spread_Segment ff02::1 {", "close the segment of line 1"},
		{"Spread_Segment ff02::1 { ! x", "quote"},
		{"Spread_Segment ff02::1 { = x", "NAME ADDRESS"},
		{"Spread_Segment ff02::1 { a ::1 {", "close the interface list of line 1"},
		{"Spread_Segment ff02::1 { a ::1 { D }", "write the address that the letters are for"},
		{"Spread_Segment ff02::1 { ::ffff:1.2.3.4 }", "without dots"},
		{"Spread_Segment [ff02::1]:5 [ff02::2]:5", "write `ff02::2`"},
	} {
		_, err := Parse("f", []byte(tt.src), Environment{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want advice %q", tt.src, err, tt.want)
		}
	}
}

// All that is said about files that are accepted: those of the corpus, and some that C daemons have
// nothing to say about.
func TestWarnings(t *testing.T) {
	x := loadIndex(t)
	var b strings.Builder
	describe := func(what string, src []byte, cfg *Config, err error) {
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		all := slices.Concat(cfg.Warnings, cfg.Advice)
		for _, w := range all {
			checkPlace(t, src, &Error{Pos: w.Pos})
		}
		byPlace := func(a, b Warning) int { return a.Pos.Compare(b.Pos) }
		if !slices.IsSortedFunc(cfg.Warnings, byPlace) || !slices.IsSortedFunc(cfg.Advice, byPlace) {
			t.Errorf("%s: warnings out of order", what)
		}
		fmt.Fprintf(&b, "# %s\n", what)
		for _, w := range cfg.Warnings {
			fmt.Fprintf(&b, "%s\n", w)
		}
		for _, w := range cfg.Advice {
			fmt.Fprintf(&b, "%s: advice: %s (%s)\n", w.Pos, w.Text, w.Code)
		}
		b.WriteByte('\n')
	}
	for _, c := range x.Cases {
		if c.Parse == "reject" || deviations[c.File].parse != "" {
			continue
		}
		src := readCorpus(t, c.File)
		cfg, err := Parse("f", src, x.environment(c.ExtraLocal...))
		describe(c.Notes, src, cfg, err)
	}
	for _, src := range []string{
		"EventPreciseTimeStamp EventTimeStamp = \"%H:%M:%S, in a place far, far away from\"",
		"AllowedAuthMethods = \"NULL" + strings.Repeat(" ", 80) + "PWORD\"",
		"AllowedAuthMethods = \"null\" RequiredAuthMethods = \"IP SESAME\"",
		"DaemonUser = '' DaemonGroup = ''",
		"AcceleratedWindow = 30 AcceleratedRing = false",
		"AcceleratedWindow = 30 WideAreaNetwork = yes",
		"AcceleratedRing = true AcceleratedRing = false",
		"MaxSessionMessages = 0",
		"DebugFlags = { ALL } DebugFlags = { NONE }",
	} {
		cfg, err := Parse("f", []byte(src+tail), x.environment())
		describe(src, []byte(src+tail), cfg, err)
	}
	v6 := "Spread_Segment ff02::1:4803%nope { alpha fd00::1%nope }"
	cfg, err := Parse("f", []byte(v6), x.environment())
	describe(v6, []byte(v6), cfg, err)
	golden.File(t, "testdata/warnings.golden", b.String())
}

func TestZonesNeedAnInterface(t *testing.T) {
	const src = "Spread_Segment [ff02::1%lo]:5 ff02::2%nope { a fe80::1%1 { fe80::1%lo C fe80::2%nope } }"
	seg := mustParse(t, src).Segments[0]
	d := seg.Daemons[0]
	got := fmt.Sprint(seg.Addrs, d.Addr, d.Interfaces[0].Addr, d.Interfaces[1].Addr)
	if want := "[ff02::1%lo ff02::2] fe80::1%1 fe80::1%lo fe80::2"; got != want {
		t.Errorf("addresses %s, want %s", got, want)
	}
	// Without interfaces to ask, zones are believed.
	cfg, err := Parse("f", []byte(src), Environment{})
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Segments[0].Addrs[1].String(); got != "ff02::2%nope" {
		t.Errorf("zone lost: %s", got)
	}
	if len(cfg.Warnings) != 0 {
		t.Errorf("warnings %v", cfg.Warnings)
	}
}

func TestLookup(t *testing.T) {
	env := Environment{LookupHost: func(name string) ([]netip.Addr, error) {
		switch name {
		case "both":
			return []netip.Addr{netip.MustParseAddr("fd00::1"), netip.MustParseAddr("::ffff:10.0.0.1")}, nil
		case "a-name-longer-than-19-bytes":
			return []netip.Addr{netip.MustParseAddr("10.0.0.2")}, nil
		case "nothing":
			return []netip.Addr{{}}, nil
		case "any":
			return []netip.Addr{netip.IPv4Unspecified()}, nil
		}
		return nil, fmt.Errorf("unexpected look-up of %q", name)
	}}
	for _, tt := range []struct {
		src  string
		addr string
		code Code
	}{
		// The first address fixes the family; later names follow it.
		{"Spread_Segment ff02::1 { both }", "fd00::1", ""},
		{"Spread_Segment 239.1.1.1 { a 10.0.0.9 both }", "10.0.0.1", ""},
		{"ActiveIPVersion = IPv4 Spread_Segment 239.1.1.1 { both }", "10.0.0.1", ""},
		{"Spread_Segment 239.1.1.1 { both }", "", CodeSegmentFamily},
		// The whole name is looked up, although it is cut.
		{"Spread_Segment 239.1.1.1 { a-name-longer-than-19-bytes }", "10.0.0.2", ""},
		{"Spread_Segment 239.1.1.1 { nothing }", "", CodeLookupFailed},
		{"Spread_Segment 239.1.1.1 { any }", "", CodeWildcardDaemonAddress},
		{"Spread_Segment 239.1.1.1 { both ; any }", "", CodeLookupNoAddressOfFamily},
		{"ActiveIPVersion = IPv6 Spread_Segment ff02::1 { any }", "", CodeLookupNoAddressOfFamily},
		{"Spread_Segment 239.1.1.1 { 127.0.0.01 }", "", CodeLookupFailed},
		{"Spread_Segment 239.1.1.1 { '10.0.0.1' }", "", CodeLookupFailed},
	} {
		cfg, err := Parse("f", []byte(tt.src), env)
		if tt.code != "" {
			if err == nil || codeOf(t, err) != tt.code {
				t.Errorf("%s: %v, want %s", tt.src, err, tt.code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		list := cfg.Segments[0].Daemons
		if d := list[len(list)-1]; d.Addr.String() != tt.addr || !d.LookedUp {
			t.Errorf("%s: %+v, want %s", tt.src, d, tt.addr)
		}
	}
	_, err := Parse("f", []byte("Spread_Segment 239.1.1.1 { alpha }"), Environment{})
	if err == nil || !errors.Is(err, errNoResolver) {
		t.Errorf("without a resolver: %v", err)
	}
}

func TestDebugFlagsText(t *testing.T) {
	for _, tt := range []struct {
		set  string
		want string
	}{
		{"", "NONE"},
		{"NONE", "NONE"},
		{"PRINT EXIT", "EXIT PRINT"},
		{"ALL", "ALL"},
		{"ALL !DATA_LINK !ACM", "ALL !DATA_LINK !ACM"},
		{"ALL !ALL GROUPS", "GROUPS"},
	} {
		cfg := mustParse(t, "DebugFlags = { "+tt.set+" }"+tail)
		if got := cfg.Options.DebugFlags.String(); got != tt.want {
			t.Errorf("{ %s } is %q, want %q", tt.set, got, tt.want)
		}
		// What is printed can be read.
		again := mustParse(t, "DebugFlags = { "+tt.want+" }"+tail)
		if again.Options.DebugFlags != cfg.Options.DebugFlags {
			t.Errorf("%s reads as %#x, want %#x", tt.want, again.Options.DebugFlags, cfg.Options.DebugFlags)
		}
	}
	var every DebugFlags
	for i, name := range flagNames {
		if flag := DebugFlags(1) << i; name != "" && (every&flag != 0 || flag.String() != name) {
			t.Errorf("%s: not a bit of its own", name)
		} else {
			every |= flag
		}
	}
}

// The log lines of the corpus show which formats C daemons run with.
func TestTimeStamp(t *testing.T) {
	for _, tt := range []struct {
		src    string
		format string
		micros bool
	}{
		{"", "", false},
		{"EventTimeStamp", DefaultTimeStampFormat, false},
		{"EventTimeStamp = '%H' EventTimeStamp", DefaultTimeStampFormat, false},
		{"EventTimeStamp = ''", "", false},
		{"EventTimeStamp = '%Y-%m-%d %H:%M:%S abcdefghijklmnopqrstuvwxyz'", "%Y-%m-%d %H:%M:%S abcdefghijklmnopqrstu", false},
		{"EventPreciseTimeStamp", DefaultTimeStampFormat, true},
		{"EventTimeStamp = %H:%M EventPreciseTimeStamp", "%H:%M %s", true},
		{"EventPreciseTimeStamp EventTimeStamp = %H:%M:%S", "%H:%M:%S", true},
		{"EventPreciseTimeStamp EventTimeStamp = %s", "%s", true},
		{"EventPreciseTimeStamp EventTimeStamp = 123456789-123456789-123456789-123456", "123456789-123456789-123456789-123456 %s", true},
		{"EventPreciseTimeStamp EventTimeStamp = 123456789-123456789-123456789-1234567", "123456789-123456789-123456789-1234567", false},
	} {
		format, micros := mustParse(t, tt.src+tail).Options.TimeStamp.Effective()
		if format != tt.format || micros != tt.micros {
			t.Errorf("%s: %q %v, want %q %v", tt.src, format, micros, tt.format, tt.micros)
		}
	}
}

func TestEffectiveTimeouts(t *testing.T) {
	const two = "Spread_Segment 239.1.2.4:4804 { beta 10.0.0.2 }"
	var all, some string
	for i, name := range timeoutOptions() {
		all += fmt.Sprintf("%s = %d\n", name, i+1)
		if i > 2 {
			some = all
		}
	}
	ms := time.Millisecond
	set := Timeouts{1 * ms, 2 * ms, 3 * ms, 4 * ms, 5 * ms, 6 * ms, 7 * ms, 8 * ms, 9 * ms}
	for _, tt := range []struct {
		src  string
		want Timeouts
	}{
		{"", LocalAreaTimeouts()},
		{two, WideAreaTimeouts()},
		{"WideAreaNetwork = no " + two, LocalAreaTimeouts()},
		{"WideAreaNetwork = yes", WideAreaTimeouts()},
		{all, set},
		{all + two, set},
	} {
		if got, err := mustParse(t, tt.src+tail).EffectiveTimeouts(); err != nil || got != tt.want {
			t.Errorf("%s: %v, %v, want %v", tt.src, got, err, tt.want)
		}
	}
	_, err := mustParse(t, strings.Replace(some, "TokenTimeout = 1\n", "\n", 1)+tail).EffectiveTimeouts()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != CodeTimeoutsPartial || e.Pos.Line != 2 || e.Token != "HurryTimeout" || !strings.Contains(e.Problem, "TokenTimeout") {
		t.Errorf("some timeouts: %v", err)
	}
	if got := LocalAreaTimeouts(); got.Token != 1250*ms || got.Hurry != 500*ms || got.Rep != 625*ms || got.Lookup != 30*time.Second {
		t.Errorf("local area: %v", got)
	}
	if got := WideAreaTimeouts(); got.Token != 5*time.Second || got.Hurry != 1500*ms || got.Gather != 2500*ms || got.Lookup != 45*time.Second {
		t.Errorf("wide area: %v", got)
	}
}

// Which protocol runs when: the table of spread-conf §10.
func TestAcceleratedRing(t *testing.T) {
	const two = " Spread_Segment 239.1.2.4:4804 { beta 10.0.0.2 }"
	for _, tt := range []struct {
		src             string
		start, reloaded bool
	}{
		{"", false, true},
		{two, false, false},
		{"WideAreaNetwork = no" + two, false, true},
		{"WideAreaNetwork = yes", false, false},
		{"AcceleratedRing = yes" + two, true, true},
		{"AcceleratedRing = no", false, false},
	} {
		cfg := mustParse(t, tt.src+tail)
		if cfg.AcceleratedAtStart() != tt.start || cfg.AcceleratedAfterReload() != tt.reloaded {
			t.Errorf("%s: %v %v, want %v %v", tt.src, cfg.AcceleratedAtStart(), cfg.AcceleratedAfterReload(), tt.start, tt.reloaded)
		}
		if got := cfg.Hash(); got != cfg.HashFor(tt.start) || got == cfg.HashFor(!tt.start) {
			t.Errorf("%s: hash %d", tt.src, got)
		}
		advised := slices.ContainsFunc(cfg.Advice, func(w Warning) bool { return w.Code == AdviceAcceleratedUnset })
		if advised != (tt.start != tt.reloaded) {
			t.Errorf("%s: advice %v", tt.src, cfg.Advice)
		}
	}
}

func TestClientAddrs(t *testing.T) {
	for _, tt := range []struct{ list, want string }{
		{"", "[0.0.0.0]"},
		{"{ 10.0.0.1 }", "[10.0.0.1]"},
		{"{ D 10.0.0.1 C 0.0.0.0 C 10.0.0.1 M 10.0.0.7 }", "[0.0.0.0 10.0.0.1]"},
		{"{ D 10.0.0.1 D M 10.0.0.1 }", "[]"},
	} {
		d := mustParse(t, "Spread_Segment 239.1.2.3 { a 10.0.0.1 "+tt.list+" }").Segments[0].Daemons[0]
		if got := fmt.Sprint(d.ClientAddrs()); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.list, got, tt.want)
		}
	}
	d := mustParse(t, "Spread_Segment ff02::1 { a fd00::1 }").Segments[0].Daemons[0]
	if got := fmt.Sprint(d.ClientAddrs()); got != "[::]" {
		t.Errorf("IPv6: %s", got)
	}
}

func TestDefault(t *testing.T) {
	want := mustParse(t, "Spread_Segment 127.0.0.255:4803 { localhost 127.0.0.1 }")
	got := Default()
	if string(got.HashTextFor(false)) != string(want.HashTextFor(false)) {
		t.Errorf("hash text %s, want %s", got.HashTextFor(false), want.HashTextFor(false))
	}
	if fmt.Sprint(got.Options) != fmt.Sprint(want.Options) || got.IPVersion != IPv4 || len(got.Warnings) != 0 {
		t.Errorf("%+v", got)
	}
	if _, err := got.Self(loadIndex(t).environment(), ""); err != nil {
		t.Error(err)
	}
	for range got.Daemons() {
		break // an iterator must stop when asked to
	}
}
