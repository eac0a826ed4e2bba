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
	{dir: "internal/flags", may: []string{"internal/buildinfo"}},
	{dir: "internal/flags/flagstest", may: []string{"internal/flags"}, test: true},
	{dir: "internal/conf"},
	{dir: "wire"},
	{dir: "logs/internal/logline"},
	{dir: "logs/internal/sink/logpath"},
	{dir: "logs/internal/sink"},
	{dir: "logs/internal/sink/perlsink"},
	{dir: "internal/fsutil"},
	{dir: "logs/internal/spool", may: []string{"internal/fsutil"}},
	{dir: "logs/internal/envelope"},
	{dir: "logs/internal/input/syslog", may: []string{"internal/sockdrops"}},
	{dir: "logs/internal/input/tail"},
	{dir: "internal/spreadconf"},
	{dir: "logs/internal/spreadlogdconf"},
	{dir: "logs/internal/filter", may: []string{"logs/internal/logline"}},
	{dir: "logs/internal/sink/archive", may: []string{"logs/internal/sink/logpath", "logs/internal/sink"}},
	{dir: "internal/prom", may: []string{"internal/buildinfo", "internal/flags"}},
	{dir: "internal/prom/promtest", may: []string{"internal/prom"}, test: true},
	{dir: "logs/internal/lineindex", may: []string{"internal/fsutil", "logs/internal/sink/archive", "logs/internal/envelope", "logs/internal/sink/logpath", "logs/internal/sink"}},
	{dir: "logs/internal/traffic", may: []string{"logs/internal/logline", "logs/internal/envelope"}},
	{dir: "logs/internal/queue", may: []string{"logs/internal/spool"}},
	{dir: "logs/internal/sink/sqlsink", may: []string{"logs/internal/logline", "logs/internal/queue"}},
	{dir: "internal/house", test: true},
	{dir: "internal/testkit/pcap", test: true},
	{dir: "internal/testkit/script", test: true},
	{dir: "internal/testkit/testskip", test: true},

	// Who is where in the configuration, for all that need it.
	{dir: "internal/topology", may: []string{"wire"}},

	// The machines: siblings, joined by the engine.
	{dir: "ring", may: []string{"internal/topology", "wire", "internal/buf", "internal/clock"}},
	{dir: "membership", may: []string{"internal/topology", "wire", "internal/buf", "internal/clock"}},
	{dir: "groups", may: []string{"internal/topology", "wire", "internal/buf", "internal/clock"}},
	{dir: "engine", may: []string{"ring", "membership", "groups", "internal/topology", "wire", "internal/buf", "internal/clock"}},

	// What drives them.
	{dir: "sim", may: []string{
		"engine", "ring", "membership", "groups", "internal/topology", "wire", "internal/buf", "internal/clock", "internal/spreadconf",
	}},
	{dir: "daemon/poller"},
	{dir: "daemon/transport", may: []string{"daemon/poller", "internal/topology", "wire", "internal/buf", "internal/clock", "internal/sockdrops"}},
	{dir: "daemon/transport/transporttest", may: []string{"daemon/transport"}, test: true},
	{dir: "daemon/session", may: []string{"wire", "internal/buf", "internal/clock", "internal/descrypt"}},
	{dir: "daemon/eventlog"},
	{dir: "daemon", may: []string{
		"daemon/session", "daemon/eventlog", "daemon/poller", "daemon/transport", "engine", "ring", "membership", "groups", "internal/topology",
		"internal/spreadconf", "wire", "internal/buf", "internal/clock", "internal/descrypt",
	}},
	{dir: "daemon/localring", may: []string{"daemon", "internal/spreadconf", "internal/freeport"}, test: true},
	{dir: "daemon/metrics", may: []string{
		"daemon", "daemon/session", "daemon/transport", "engine", "ring", "membership", "groups", "internal/topology", "wire",
		"internal/prom",
	}},

	// Clients: they know a daemon only by its protocol.
	{dir: "spread", may: []string{"wire"}},
	{dir: "spread/spreadtest", may: []string{"wire"}, test: true},
	{dir: "cmd/spbench/bench", may: []string{"spread"}},
	{dir: "cmd/spuser/spuser", may: []string{"spread"}},
	{dir: "logs/logpub", may: []string{"spread", "logs/internal/queue", "logs/internal/spool", "logs/internal/envelope", "logs/internal/input/syslog", "logs/internal/input/tail", "logs/internal/logline", "internal/conf"}},
	{dir: "logs/logsub", may: []string{
		"spread", "logs/internal/envelope", "logs/internal/lineindex", "logs/internal/logline", "logs/internal/sink/logpath", "logs/internal/sink", "logs/internal/sink/perlsink", "logs/internal/sink/archive", "logs/internal/filter", "logs/internal/spreadlogdconf", "internal/conf", "logs/internal/queue", "logs/internal/sink/sqlsink",
	}},
	{dir: "logs/logmon", may: []string{"spread", "logs/internal/queue", "logs/internal/traffic"}},
	{dir: "logs/logmon/metrics", may: []string{"logs/logmon", "logs/internal/traffic", "internal/prom"}},
	{dir: "logs/logmon/screen", may: []string{"logs/logmon", "logs/internal/traffic"}},
	{dir: "logs/logmon/web", may: []string{"logs/logmon", "logs/internal/traffic"}},
	{dir: "logs/logsub/metrics", may: []string{"logs/logsub", "logs/internal/queue", "internal/prom"}},
	{dir: "logs/logpub/metrics", may: []string{"logs/logpub", "internal/prom"}},
	{dir: "cmd/spmonitor/monitor", may: []string{"internal/spreadconf", "wire"}},
	{dir: "cmd/spmonitor/spmonitor", may: []string{"cmd/spmonitor/monitor", "wire"}},

	// Programs.
	{dir: "cmd/spreaddemo/weblog", may: []string{"logs/internal/logline"}},
	{dir: "cmd/spreaddemo/demo", may: []string{
		"daemon", "engine", "internal/spreadconf", "spread", "logs/internal/spool", "logs/internal/envelope", "logs/internal/lineindex", "logs/internal/input/syslog", "logs/internal/input/tail", "logs/logpub", "logs/logsub", "logs/internal/logline", "logs/internal/sink/logpath", "logs/internal/sink", "logs/internal/sink/perlsink", "logs/internal/queue", "logs/internal/sink/sqlsink", "logs/internal/sink/archive", "logs/internal/filter", "logs/internal/spreadlogdconf",
		"internal/conf", "internal/freeport", "cmd/spreaddemo/weblog",
	}},
	{dir: "logs/*/cli", may: []string{"*"}},
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
