package logsub

import (
	"slices"

	"github.com/spreadd/spreadd/internal/conf"
	"github.com/spreadd/spreadd/logs/internal/sink/perlsink"
)

// readPerl reads perl_program and the tables of [[perl]].
func readPerl(doc *conf.Table) Perl {
	p := Perl{Program: doc.String("perl_program", "")}
	for _, t := range doc.Tables("perl") {
		// Perl puts each directory in front of those before it, and people
		// list first what comes first.
		for i, dir := range slices.Backward(t.Strings("lib")) {
			if dir == "" {
				t.ErrorAt("lib", i, "name a directory", "an empty name")
			}
			p.Load = append(p.Load, perlsink.Step{Lib: dir})
		}
		for i, module := range t.Strings("use") {
			if module == "" {
				t.ErrorAt("use", i, "name a module", "an empty name")
			}
			p.Load = append(p.Load, perlsink.Step{Use: module})
		}
		for i, name := range t.Strings("hup") {
			if err := checkPerlName(name); err != nil {
				t.ErrorAt("hup", i, "", "%v", err)
			}
			p.Hup = append(p.Hup, name)
		}
	}
	return p
}

// perl writes what readPerl reads. What is loaded stays in its order: a table for each
// row of directories and the modules behind it.
func (w *tomlWriter) perl(p *Perl) {
	w.text("perl_program", p.Program, "")
	rest := p.Load
	for len(rest) > 0 || len(p.Hup) > 0 {
		var lib, use []string
		for len(rest) > 0 && rest[0].Lib != "" {
			lib, rest = append(lib, rest[0].Lib), rest[1:]
		}
		for len(rest) > 0 && rest[0].Lib == "" {
			use, rest = append(use, rest[0].Use), rest[1:]
		}
		slices.Reverse(lib)
		w.out.WriteString("\n[[perl]]\n")
		w.list("lib", lib)
		w.list("use", use)
		if len(rest) == 0 {
			w.list("hup", p.Hup)
			return
		}
	}
}

func (w *tomlWriter) list(key string, texts []string) {
	if len(texts) > 0 {
		w.line(key, conf.QuoteList(texts))
	}
}
