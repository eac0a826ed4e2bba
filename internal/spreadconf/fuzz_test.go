package spreadconf

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/blind"
)

// wantPlace fails unless a place lies within the text it is of, or is none.
func wantPlace(t *testing.T, src []byte, p Pos, what any) {
	t.Helper()
	if p.Line == 0 && p.Col == 0 {
		return
	}
	lines := bytes.SplitAfter(src, []byte("\n"))
	if p.Line < 1 || p.Line > len(lines) || p.Col < 1 || p.Col > len(lines[p.Line-1])+1 {
		t.Errorf("%d:%d is no place of the file: %v", p.Line, p.Col, what)
	}
}

// wantError fails unless an error is what every parser of this package promises: an *Error with a
// code, a message and a place in the text.
func wantError(t *testing.T, src []byte, err error) {
	t.Helper()
	e, ok := err.(*Error) //nolint:errorlint // the very type is promised
	if !ok {
		t.Fatalf("%v is of type %T, want *Error", err, err)
	}
	if e.Code == "" || e.Problem == "" || e.Pos.File != "f" || strings.Contains(e.Problem+e.Expected, "\n") {
		t.Errorf("error %+v", e)
	}
	wantPlace(t, src, e.Pos, e)
	resolved := e.Code == CodeOwnAddressNotLocal
	if !resolved && e.Pos.Line > 0 && !bytes.Contains(src, []byte(e.Token)) {
		t.Errorf("%v: the file has no %q", e, e.Token)
	}
}

// FuzzParse: a file is refused with a place in it, or read into a configuration within the format's
// limits that every part of this package can use.
func FuzzParse(f *testing.F) {
	x := loadIndex(f)
	for _, c := range x.Cases {
		if src := readCorpus(f, c.File); len(src) < 1<<10 {
			f.Add(src)
		}
	}
	f.Add([]byte("\xef\xbb\xbfSpread_Segment 10.0.0.255 { a 10.0.0.1 }"))
	f.Add([]byte("Spread_Segment 10.0.0.255:65535 { \"\" 10.0.0.1 { D 10.0.0.1; C 10.0.0.2 } }\x00"))
	env := x.environment()
	blind.Fuzz(f, func(t *testing.T, src []byte) {
		cfg, err := Parse("f", src, env)
		if (cfg == nil) == (err == nil) {
			t.Fatalf("configuration %v with error %v", cfg, err)
		}
		if err != nil {
			wantError(t, src, err)
			return
		}
		for _, list := range [][]Warning{cfg.Warnings, cfg.Advice} {
			for _, w := range list {
				wantPlace(t, src, w.Pos, w)
				if w.Code == "" || w.Text == "" {
					t.Errorf("warning %+v", w)
				}
			}
		}
		wantLimits(t, cfg)
		again, err := Parse("f", src, env)
		if err != nil || again.Hash() != cfg.Hash() {
			t.Errorf("a second time: %v", err)
		}
		var b bytes.Buffer
		if err := Describe(&b, cfg, nil, Detail{true, true}); err != nil || b.Len() == 0 {
			t.Errorf("described in %d bytes: %v", b.Len(), err)
		}
		if _, err := cfg.Self(env, ""); err != nil {
			wantError(t, src, err)
		}
		if _, err := cfg.EffectiveTimeouts(); err != nil {
			wantError(t, src, err)
		}
	})
}

// wantLimits holds what the other packages rely on (spread-conf §12).
func wantLimits(t *testing.T, cfg *Config) {
	t.Helper()
	names, ids := make(map[string]bool), make(map[uint32]bool)
	for s, d := range cfg.Daemons() {
		if d.Name == "" || len(d.Name) > MaxDaemonName || names[d.Name] || ids[d.ID] || !d.Addr.IsValid() || s.Port == 0 {
			t.Errorf("daemon %+v in a segment of port %d", d, s.Port)
		}
		names[d.Name], ids[d.ID] = true, true
	}
	const maxSegments, maxDaemons, maxHashText = 20, 128, 100_000
	if n := len(cfg.Segments); n == 0 || n > maxSegments || len(names) == 0 || len(names) > maxDaemons {
		t.Errorf("%d segments, %d daemons", n, len(names))
	}
	if n := len(cfg.HashTextFor(cfg.AcceleratedAtStart())); n > maxHashText {
		t.Errorf("%d bytes of hash text", n)
	}
}

// content is what a line of an access file says: neither comment nor white space around it.
func content(line string) string {
	line, _, _ = strings.Cut(line, "#")
	return strings.TrimLeft(strings.TrimRight(line, " \t\r"), " \t")
}

// FuzzAccessIP: what is permitted is what a rule says, read in the plainest way.
func FuzzAccessIP(f *testing.F) {
	f.Add([]byte("unix\nlocal # all\n\n192.0.2.0/24\n2001:db8::/32\n"), "192.0.2.7")
	f.Add([]byte("::ffff:192.0.2.0/120"), "::ffff:192.0.2.9")
	f.Add([]byte("0.0.0.0/0"), "::1")
	f.Add([]byte("10.0.0.1/33"), "10.0.0.1")
	f.Add([]byte("fe80::1%lo"), "fe80::1%lo")
	blind.Fuzz(f, func(t *testing.T, src []byte, client string) {
		a, err := ParseAccessIP("f", src)
		if err != nil {
			wantError(t, src, err)
			return
		}
		addr, err := netip.ParseAddr(client)
		if err != nil {
			return
		}
		unix, permitted := false, false
		for line := range strings.SplitSeq(string(src), "\n") {
			rule := content(line)
			plain := addr.Unmap().WithZone("")
			switch rule {
			case "":
			case "unix":
				unix = true
			case "local":
				permitted = permitted || plain.IsLoopback()
			default:
				permitted = permitted || matches(t, rule, plain)
			}
		}
		if got := a.Permits(addr, false); got != permitted {
			t.Errorf("permits %v: %v, want %v", addr, got, permitted)
		}
		if got := a.Permits(addr, true); got != unix {
			t.Errorf("permits local clients: %v, want %v", got, unix)
		}
	})
}

// matches compares the bits of an address with those of a rule.
func matches(t *testing.T, rule string, addr netip.Addr) bool {
	t.Helper()
	p, err := netip.ParsePrefix(rule)
	if err != nil {
		ip, err := netip.ParseAddr(rule)
		if err != nil {
			return matchesOdd(t, rule, addr)
		}
		return ip.Unmap() == addr
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Contains(addr)
}

// matchesOdd is for a number of bits with zeros in front, which netip refuses.
func matchesOdd(t *testing.T, rule string, addr netip.Addr) bool {
	t.Helper()
	ip, bits, ok := strings.Cut(rule, "/")
	short := strings.TrimLeft(bits, "0")
	if !ok || short == bits {
		t.Errorf("accepted %q", rule)
		return false
	}
	if short == "" {
		short = "0"
	}
	return matches(t, ip+"/"+short, addr)
}

// FuzzAccessPword: users are found with the hash that stands behind them, and no message repeats a
// hash.
func FuzzAccessPword(f *testing.F) {
	f.Add([]byte("alice:abJnggxhB/yWI\n# bob\n\n bob:cdJnggxhB/yWI \r\n"))
	f.Add([]byte("alice:abJnggxhB/yWI\nalice:abJnggxhB/yWI"))
	f.Add([]byte(":abJnggxhB/yWI"))
	f.Add([]byte("alice:$6$salt$abcdefghijklmnopq"))
	f.Add([]byte("alice abJnggxhB/yWI"))
	blind.Fuzz(f, func(t *testing.T, src []byte) {
		a, err := ParseAccessPword("f", src)
		if err != nil {
			wantError(t, src, err)
			for line := range strings.SplitSeq(string(src), "\n") {
				if _, hash, ok := strings.Cut(line, ":"); ok && len(hash) >= pwordHashLen && strings.Contains(err.Error(), hash) {
					t.Errorf("%v repeats %q", err, hash)
				}
			}
			return
		}
		users := 0
		for line := range strings.SplitSeq(string(src), "\n") {
			user, hash, ok := strings.Cut(content(line), ":")
			if !ok {
				continue
			}
			users++
			if got, ok := a.Hash(user); !ok || got != hash || len(got) != pwordHashLen {
				t.Errorf("user %q has %q (%v), want %q", user, got, ok, hash)
			}
		}
		if a.Len() != users {
			t.Errorf("%d users, want %d", a.Len(), users)
		}
	})
}
