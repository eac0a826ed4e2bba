package logsim

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit/crashfs"
	"github.com/spreadd/spreadd/logs/internal/lineindex"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/archive"
)

// settleTime is how long it may take until all lines are everywhere once all is well. Healing is tried
// again after 5, 20 and 80 s.
const settleTime = 4 * time.Minute

var partNumber = regexp.MustCompile(`\.[0-9]{6}$`)

// files returns the contents of all log files, unpacked, and put together where they were cut.
func files(d *crashfs.Disk) (map[string]string, error) {
	parts := make(map[string]string)
	err := fsutil.WalkDir(d, logDir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			return err
		}
		b, err := d.ReadFile(path)
		if packed := strings.HasSuffix(path, ".gz"); packed && err == nil {
			var f io.ReadCloser
			if f, err = archive.OpenContent(d, path); err == nil {
				b, err = io.ReadAll(f)
				err = cmp.Or(err, f.Close())
			}
		}
		parts[strings.TrimSuffix(path, ".gz")] += string(b)
		return err
	})
	m := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if whole := partNumber.ReplaceAllString(name, ""); whole != name {
			m[whole] += parts[name]
		}
	}
	for name, text := range parts {
		if !partNumber.MatchString(name) {
			m[name] += text
		}
	}
	return m, err
}

// settle waits until all lines are everywhere.
func (w *world) settle() bool {
	deadline := time.Now().Add(settleTime)
	why := ""
	for pause := 250 * time.Millisecond; time.Now().Before(deadline); pause = min(2*pause, 10*time.Second) {
		<-time.After(pause)
		if why = w.unsettled(); why == "" {
			return true
		}
	}
	w.failf("%v after all is well: %s", settleTime, why)
	return false
}

// unsettled returns what is not as it should be in the end.
func (w *world) unsettled() string {
	for _, h := range w.webs() {
		if st := h.pub.Stats(); st.Waiting > 0 {
			return fmt.Sprintf("%d lines wait in %s", st.Waiting, h.name)
		}
	}
	var first map[string]string
	for i, h := range w.logs() {
		m, err := files(h.currentDisk())
		if err != nil {
			return err.Error()
		}
		if why := w.lines(h, m); why != "" {
			return why
		}
		if i == 0 {
			first = m
		} else if why := differ(w.logs()[0], h, first, m); why != "" {
			return why
		}
	}
	return ""
}

// differ returns how the files of two log hosts differ.
func differ(a, b *host, x, y map[string]string) string {
	for name, text := range x {
		if y[name] == text {
			continue
		}
		l, m := strings.Split(text, "\n"), strings.Split(y[name], "\n")
		for i := range min(len(l), len(m)) {
			if l[i] != m[i] {
				return fmt.Sprintf("%s differs from line %d on: %s has %.17q, %s has %.17q", name, i+1, a.name, l[i], b.name, m[i])
			}
		}
		return fmt.Sprintf("%s has %d lines on %s, and %d on %s", name, len(l)-1, a.name, len(m)-1, b.name)
	}
	for name := range y {
		if _, ok := x[name]; !ok {
			return fmt.Sprintf("only %s has %s", b.name, name)
		}
	}
	return ""
}

// lines returns which lines a log host has too few or too many of.
func (w *world) lines(h *host, m map[string]string) string {
	count := make(map[string]int)
	for _, text := range m {
		for line := range strings.Lines(text) {
			count[line]++
		}
	}
	for _, web := range w.webs() {
		web.mu.Lock()
		written := slices.Clone(web.written)
		web.mu.Unlock()
		for _, line := range written {
			n := count[line]
			delete(count, line)
			switch {
			case n == 1:
			case n > 1:
				return fmt.Sprintf("%s has %.17q %d times", h.name, line, n)
			case !web.mayLack[line]:
				return fmt.Sprintf("%s lacks %.17q", h.name, line)
			default:
				if web.lost == nil {
					web.lost = make(map[string]bool)
				}
				web.lost[line] = true
			}
		}
	}
	for line := range count {
		return fmt.Sprintf("%s has %.40q, which nobody wrote", h.name, line)
	}
	return ""
}

// check checks the files in the end.
func (w *world) check() {
	if len(w.violations) > 0 {
		return // the first one says more
	}
	if why := w.unsettled(); why != "" {
		w.failf("after all programs have ended: %s", why)
	}
	lost := 0
	for _, h := range w.webs() {
		lost += len(h.lost)
		for reason, n := range h.pub.Stats().Dropped {
			if n > 0 {
				w.failf("%s has dropped %d lines: %s", h.name, n, reason)
			}
		}
	}
	for _, h := range w.logs() {
		st := h.sub.Stats()
		if n := st.Dropped["queue_full"] + st.Dropped["bad_envelope"] + st.Dropped["no_log"]; n > 0 {
			w.failf("%s has dropped %d messages", h.name, n)
		}
		if !slices.ContainsFunc(w.webs(), func(h *host) bool { return len(h.written) > len(h.lost) }) {
			continue // there are no files
		}
		sum, err := lineindex.Verify(h.currentDisk(), logDir, func(f *lineindex.Finding) { w.failf("%s: verify: %v", h.name, f) })
		missing := 0
		for _, m := range sum.Missing {
			missing += int(m.Last - m.First + 1)
		}
		if err != nil || sum.Repeats > 0 || sum.Damaged > 0 || sum.Unnamed > 0 || missing > lost {
			w.failf("%s: verify: %v, %+v", h.name, err, sum)
		}
	}
	w.checkOrder()
}

// checkOrder checks that lines are in the order in which their web server wrote them, if nothing was
// sent twice.
func (w *world) checkOrder() {
	if slices.ContainsFunc(w.plan.faults, func(f fault) bool { return f.kind != rotate && f.kind != reopen && f.kind != stopPublisher }) {
		return
	}
	m, err := files(w.logs()[0].currentDisk())
	if err != nil {
		w.failf("%v", err)
	}
	for name, text := range m {
		last := make(map[string]string) // by web host
		for line := range strings.Lines(text) {
			f := strings.Fields(line)
			if f[2] <= last[f[1]] {
				w.failf("%s: %.17q comes after %s", name, line, last[f[1]])
			}
			last[f[1]] = f[2]
		}
	}
}
