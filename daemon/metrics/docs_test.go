package metrics

import (
	"testing"

	"github.com/spreadd/spreadd/daemon/localring/localringtest"
	"github.com/spreadd/spreadd/internal/prom/promtest"
)

const docsFile = "../../docs/operate/metrics.md"

// TestDocs: docs/operate/metrics.md lists exactly the metrics that a daemon exports, and mentions
// only existing metrics elsewhere.
func TestDocs(t *testing.T) {
	d := localringtest.New(t, "", "alpha").StartAll()[0]
	cfg := configOf(d)
	p := promtest.Scrape(t, serve(t, cfg))
	promtest.CheckDocs(t, p, cfg.families(), promtest.Docs{
		File: docsFile, Package: "daemon/metrics", Program: "spreadd", Free: []string{"daemon"},
	})
	if n := promtest.CheckExpressions(t, p, "spreadd", docsFile, "daemon"); n < 10 {
		t.Errorf("%d metrics in expressions", n)
	}
}
