package logsub

import (
	"strings"
	"testing"

	"github.com/spreadd/spreadd/logs/internal/spreadlogdconf"
)

func fromText(t *testing.T, text string) (Config, error) {
	t.Helper()
	c, err := spreadlogdconf.Parse("spreadlogd.conf", []byte(text))
	if err != nil {
		t.Fatalf("the file does not parse: %v", err)
	}
	return FromSpreadlogd(c)
}

// TestFromSpreadlogd has the example that every tutorial shows.
func TestFromSpreadlogd(t *testing.T) {
	cfg, err := fromText(t, `
BufferSize = 65536
Spread {
	Port = 4913
	Log {
		RewriteTimestamp = CommonLogFormat
		Group = "site1"
		File = "/data/logs/site1"
	}
	Log {
		Group = "site2"
		File = "/data/logs/site2"
		Match = "GET"
		Match = "POST"
		RewriteTimestamp = "%Y"
	}
}
Spread {
	Port = 4913
	Host = loghost
	Log {
		Group = "site3"
		File = "/data/logs/site3"
	}
}
`)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.BufferSize != 65536 || len(cfg.Connections) != 2 {
		t.Fatalf("got %+v", cfg)
	}
	a, b := cfg.Connections[0], cfg.Connections[1]
	if a.Address != "4913" || b.Address != "4913@loghost" {
		t.Errorf("daemons are %q and %q", a.Address, b.Address)
	}
	if l := a.Logs[0]; l.Group != "site1" || l.File != "/data/logs/site1" || l.Rewrite != RewriteCommonLog || l.Match != nil {
		t.Errorf("first log is %+v", l)
	}
	if l := a.Logs[1]; len(l.Match) != 2 || l.Rewrite != "%Y" {
		t.Errorf("second log is %+v", l)
	}
	if l := b.Logs[0]; l.Rewrite != "" {
		t.Errorf("third log is %+v", l)
	}
}

// TestUnsupported: what logsub cannot do is an error that names its place, not
// a line less in the log.
func TestUnsupported(t *testing.T) {
	for _, tt := range []struct{ log, want string }{
		{`Group = "a"`, `group "a" has no File`},
		{`Group = "a" File = "/x" ModuleLog X`, "ModuleLog calls foreign code"},
		{`Group = "a" File = "/x" PythonLog X.log`, "PythonLog calls foreign code"},
		{`Group = "a" File = "/x" PerlLog 9::log`, `"9::log" is no name of a Perl function`},
		{`Group = "a" File = "/x" PerlHup ""`, `"" is no name of a Perl function`},
	} {
		_, err := fromText(t, "Spread {\n\tPort = 4803\n\tLog { "+tt.log+" }\n}\n")
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "spreadlogd.conf:3:") {
			t.Errorf("%s: %v, want %q with its place", tt.log, err, tt.want)
		}
	}
}
