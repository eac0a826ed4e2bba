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
	p := promtest.Scrape(t, serve(t, d))
	promtest.CheckDocs(t, p, families(d, d.Config.Engine.Self), promtest.Docs{
		File: docsFile, Package: "daemon/metrics", Program: "spreadd", Free: []string{"daemon"},
	})
	if n := promtest.CheckExpressions(t, p, "spreadd", docsFile, "daemon"); n < 10 {
		t.Errorf("%d metrics in expressions", n)
	}
}
