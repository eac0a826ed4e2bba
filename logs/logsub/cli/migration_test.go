package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/testkit/testskip"
	"github.com/spreadd/spreadd/logs/internal/sink/perlsink"
)

var codeBlock = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```")

// TestMigration: what docs/logs/migration.md says of logsub holds. A file of spreadlogd and what it
// becomes follow one another; all that is not for logpub is in order.
func TestMigration(t *testing.T) {
	if _, err := perlsink.Find(""); err != nil {
		testskip.Skip(t, "perl is not installed: apt-get install perl")
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "logs", "migration.md"))
	if err != nil {
		t.Fatal(err)
	}
	const converted = "# logsub -convert\n"
	file := "" // of spreadlogd
	kinds := make(map[string]int)
	for _, m := range codeBlock.FindAllStringSubmatch(string(doc), -1) {
		language, text := m[1], m[2]
		var args []string
		want := ""
		switch {
		case language == "spreadlogd":
			file = write(t, "spreadlogd.conf", text)
			args = []string{"-check", "-c", file}
		case strings.HasPrefix(text, converted):
			args, want = []string{"-convert", file}, strings.TrimPrefix(text, converted)
		case language == "toml" && !strings.HasPrefix(text, "# /etc/logpub"):
			args = []string{"-check", "-c", write(t, "logsub.toml", text)}
		default:
			continue
		}
		kinds[args[0]+language]++
		var stdout, stderr bytes.Buffer
		if status := run(t.Context(), nil, args, &stdout, &stderr); status != flags.OK || want != "" && stdout.String() != want {
			t.Errorf("logsub %q: status %d, %s, printed\n%s\nfor\n%s", args, status, &stderr, &stdout, text)
		}
	}
	if kinds["-checkspreadlogd"] != 1 || kinds["-converttoml"] != 1 || kinds["-checktoml"] != 2 {
		t.Errorf("found %v", kinds)
	}
	// Each directive and flag of the original is in a table.
	for word := range strings.FieldsSeq("SpreadDaemon CustomLog LogFormat MLS_Log MLS_LogFormat BufferSize Spread Port Host Log Group File VhostDir Match RewriteTimestamp CommonLogFormat ModuleDir LoadModule ModuleLog " +
		"PerlLib PerlUse PerlLog PerlHup PythonLib PythonImport PythonLog -c -b -s -V -v -x -D SIGHUP SIGTERM") {
		if !regexp.MustCompile(`(?m)^\|.*` + regexp.QuoteMeta(word) + `\b.*\|.*\|`).Match(doc) {
			t.Errorf("no table has %s", word)
		}
	}
}
