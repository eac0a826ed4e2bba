//go:build unix

package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/fsutil"
	"github.com/spreadd/spreadd/internal/testkit/crashfs"
	"github.com/spreadd/spreadd/logs/internal/sink/filesink/logpath"
)

// TestPowerCut crashes the disk at each step of a compression, of a new file and of late lines of one
// that is compressed. Each line stays in one whole file, and the next start completes the rest.
func TestPowerCut(t *testing.T) {
	text := func(part int) string { return strings.Repeat(fmt.Sprintf("a line of part %d\n", part), 20) }
	const path = "/logs/log-2000"
	save := func(d *crashfs.Disk, part int) error {
		f, err := d.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600, false)
		if err != nil {
			return err
		}
		_, err = io.WriteString(f, text(part))
		return errors.Join(err, f.Sync(), f.Close(), d.SyncDir("/logs"))
	}
	crashfs.Explore(t, 10, func() crashfs.Work {
		var want strings.Builder // what is in the files
		run := func(d *crashfs.Disk) error {
			a, err := powerCutArchiver(d)
			if err != nil {
				return err
			}
			for part := range 2 {
				if err := save(d, part); err != nil {
					return err
				}
				want.WriteString(text(part))
				a.scanAll(t.Context())
			}
			return nil
		}
		check := func(d *crashfs.Disk, _ bool) error {
			a, err := powerCutArchiver(d)
			if err != nil {
				return err
			}
			a.scanAll(t.Context())
			var b strings.Builder
			err = withContent(d, path+".gz", Gzip, func(r io.Reader) error {
				_, err := io.Copy(&b, r)
				return err
			})
			if err != nil && want.Len() > 0 || !strings.HasPrefix(b.String(), want.String()) {
				return fmt.Errorf("%w; %d bytes are compressed of %d", err, b.Len(), want.Len())
			}
			entries, err := d.ReadDir("/logs")
			if err == nil && want.Len() > 0 && len(entries) > 1 {
				err = fmt.Errorf("left are %v", entries)
			}
			return err
		}
		return crashfs.Work{Check: check, Run: func(d *crashfs.Disk) {
			if err := run(d); err != nil {
				t.Error(err)
			}
		}}
	})
}

// powerCutArchiver returns an archiver for which the files of 2000 are closed.
func powerCutArchiver(d *crashfs.Disk) (*Archiver, error) {
	template, err := logpath.Parse("/logs/log-%Y")
	if err != nil {
		return nil, err
	}
	var reported error
	a := New(Config{
		Template: template, Compress: Gzip, Disk: d,
		Open: func(string) bool { return false }, Report: func(err error) { reported = errors.Join(reported, err) },
	})
	a.Period("9999 ")
	return a, errors.Join(reported, fsutil.MkdirAll(d, "/logs", 0o755))
}
