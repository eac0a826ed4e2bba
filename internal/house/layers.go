package house

import (
	"path"
	"slices"
)

// layer is a package and what it may import of ours outside its tests.
type layer struct {
	dir     string   // "cmd/*" stands for each package below cmd
	may     []string // rows above this one; "*" is all of them
	test    bool     // test support: only tests import it
	program bool     // nothing imports it
}

// layers has the packages bottom up: a row names only rows above it. Tests may
// import what they need, but never a program.
var layers = []layer{
	// What stands alone.
	{dir: "internal/buf"},
	{dir: "internal/buildinfo"},
	{dir: "internal/clock"},
	{dir: "internal/descrypt"},
	{dir: "internal/freeport"},
	{dir: "internal/sockdrops"},
	{dir: "internal/tomlconf"},
	{dir: "wire"},
	{dir: "accesslog"},
	{dir: "logpath"},
	{dir: "sink"},
	{dir: "perllog"},
	{dir: "spool"},
	{dir: "envelope"},
	{dir: "syslogd", may: []string{"internal/sockdrops"}},
	{dir: "tail"},
	{dir: "spreadconf"},
	{dir: "spreadlogdconf"},
	{dir: "filter", may: []string{"accesslog"}},
	{dir: "archive", may: []string{"logpath", "sink"}},
	{dir: "internal/promserve", may: []string{"internal/buildinfo"}},
	{dir: "internal/promserve/promtest", may: []string{"internal/promserve"}, test: true},
	{dir: "lineindex", may: []string{"archive", "envelope", "logpath", "sink"}},
	{dir: "traffic", may: []string{"accesslog", "envelope"}},
	{dir: "backlog", may: []string{"spool"}},
	{dir: "sqlsink", may: []string{"accesslog", "backlog"}},
	{dir: "internal/house", test: true},
	{dir: "internal/pcap", test: true},
	{dir: "internal/script", test: true},
	{dir: "internal/testskip", test: true},

	// Who is where in the configuration, for all that need it.
	{dir: "topology", may: []string{"wire"}},

	// The machines: siblings, joined by the engine.
	{dir: "ring", may: []string{"topology", "wire", "internal/buf", "internal/clock"}},
	{dir: "membership", may: []string{"topology", "wire", "internal/buf", "internal/clock"}},
	{dir: "groups", may: []string{"topology", "wire", "internal/buf", "internal/clock"}},
	{dir: "engine", may: []string{"ring", "membership", "groups", "topology", "wire", "internal/buf", "internal/clock"}},

	// What drives them.
	{dir: "sim", may: []string{
		"engine", "ring", "membership", "groups", "topology", "wire", "internal/buf", "internal/clock", "spreadconf",
	}},
	{dir: "daemon/poller"},
	{dir: "daemon/transport", may: []string{"daemon/poller", "topology", "wire", "internal/buf", "internal/clock", "internal/sockdrops"}},
	{dir: "daemon/transport/transporttest", may: []string{"daemon/transport"}, test: true},
	{dir: "daemon/session", may: []string{"wire", "internal/buf", "internal/clock", "internal/descrypt"}},
	{dir: "daemon/eventlog"},
	{dir: "daemon", may: []string{
		"daemon/session", "daemon/eventlog", "daemon/poller", "daemon/transport", "engine", "ring", "membership", "groups", "topology",
		"spreadconf", "wire", "internal/buf", "internal/clock", "internal/descrypt",
	}},
	{dir: "daemon/daemontest", may: []string{"daemon", "spreadconf", "internal/freeport"}, test: true},
	{dir: "daemon/metrics", may: []string{
		"daemon", "daemon/session", "daemon/transport", "engine", "ring", "membership", "groups", "topology", "wire",
		"internal/promserve",
	}},

	// Clients: they know a daemon only by its protocol.
	{dir: "spread", may: []string{"wire"}},
	{dir: "spread/spreadtest", may: []string{"wire"}, test: true},
	{dir: "bench", may: []string{"spread"}},
	{dir: "spuser", may: []string{"spread"}},
	{dir: "logpub", may: []string{"spread", "spool", "envelope", "syslogd", "tail", "accesslog", "internal/tomlconf"}},
	{dir: "logsub", may: []string{
		"spread", "envelope", "lineindex", "accesslog", "logpath", "sink", "perllog", "archive", "filter", "spreadlogdconf", "internal/tomlconf", "backlog", "sqlsink",
	}},
	{dir: "logmon", may: []string{"spread", "traffic"}},
	{dir: "logmon/metrics", may: []string{"logmon", "traffic", "internal/promserve"}},
	{dir: "logmon/screen", may: []string{"logmon", "traffic"}},
	{dir: "logmon/web", may: []string{"logmon", "traffic"}},
	{dir: "logsub/metrics", may: []string{"logsub", "backlog", "internal/promserve"}},
	{dir: "logpub/metrics", may: []string{"logpub", "internal/promserve"}},
	{dir: "monitor", may: []string{"spreadconf", "wire"}},
	{dir: "spmonitor", may: []string{"monitor", "wire"}},

	// Programs.
	{dir: "demo/weblog", may: []string{"accesslog"}},
	{dir: "demo/genlog", may: []string{"demo/weblog", "accesslog"}, program: true},
	{dir: "demo", may: []string{
		"daemon", "engine", "spreadconf", "spread", "spool", "envelope", "lineindex", "syslogd", "tail", "logpub", "logsub", "accesslog", "logpath", "sink", "perllog", "backlog", "sqlsink", "archive", "filter", "spreadlogdconf",
		"internal/tomlconf", "internal/freeport", "demo/weblog",
	}},
	{dir: "cmd/*", may: []string{"*"}, program: true},
	{dir: "sim/cmd/*", may: []string{"sim"}, program: true},

	// Tests of the whole.
	{dir: "integration/netns", test: true},
	{dir: "integration", test: true},
	{dir: "integration/ringtest", test: true},
}

// layerOf returns the row of a package, or nil.
func layerOf(dir string) *layer {
	for i := range layers {
		if ok, err := path.Match(layers[i].dir, dir); ok && err == nil {
			return &layers[i]
		}
	}
	return nil
}

func layersRule(t *Tree, r *report) {
	for _, p := range t.Packages {
		l := layerOf(p.Dir)
		if l == nil {
			r.addf(p.Dir, 0, "a package that the table of layers does not know: add it to the table in internal/house/layers.go, above all that may import it")
			continue
		}
		for _, f := range p.Files {
			for _, s := range f.AST.Imports {
				if dir, ok := t.own(imported(s)); ok {
					checkImport(t, r, l, f, t.line(s), dir)
				}
			}
		}
	}
}

// checkImport decides on one import of dir by a file of the package l.
func checkImport(t *Tree, r *report, l *layer, f *GoFile, line int, dir string) {
	switch to := layerOf(dir); {
	case to != nil && to.program:
		r.addf(f.Path, line, "imports %s: nothing imports a program; move what both need into a package", dir)
	case f.Test || path.Dir(f.Path) == dir:
	case to == nil:
		if t.Package(dir) == nil {
			r.addf(f.Path, line, "imports %s, which does not exist", dir)
		} // else its own row is missing, which is reported once
	case to.test:
		r.addf(f.Path, line, "imports %s, which is there for tests only", dir)
	case !slices.Contains(l.may, dir) && !slices.Contains(l.may, "*"):
		r.addf(f.Path, line, "%s imports %s, which does not stand below it: turn the dependency round, or pass a value (see the table in internal/house/layers.go)", l.dir, dir)
	}
}
