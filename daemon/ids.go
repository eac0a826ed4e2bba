package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// idFile keeps the highest time that a daemon has put into the id of a membership. A daemon that is
// killed and started anew may have a clock that is behind it: every attempt to form a ring uses up to
// three seconds of ids, in less time. With the ids of its last life it would name two memberships
// alike (membership-protocol §11). The kernel keeps what a killed process has written, so nothing is
// synced; after a power cut the clock has passed.
type idFile struct {
	f *os.File
	// stored is what the file holds.
	stored int32
}

// idsUnknown is how far ahead of the clock ids may begin if no file says which were used. Lives of a
// daemon then begin in different places.
const idsUnknown = 1 << 16

// openIDs opens the file of a daemon and returns the time that it holds, which is 0 if it is new. If
// there can be no file, openIDs returns a random time.
func openIDs(cfg *Config, log *slog.Logger) (ids idFile, last int32) {
	random := int32(time.Now().Unix()) + rand.Int32N(idsUnknown)
	if cfg.StateDir == "" {
		return idFile{}, random
	}
	path := filepath.Join(cfg.StateDir, fmt.Sprintf("spread-%d-%08x.ids", cfg.Port, uint32(cfg.Engine.Self)))
	f, err := openOwn(path)
	if err == nil {
		if last, err = readID(f); err != nil {
			err = errors.Join(err, f.Truncate(0)) // this life writes it anew
		}
	}
	if err == nil {
		return idFile{f: f, stored: last}, last
	}
	log.Warn("cannot read the times of former membership ids, starting at a random one",
		slog.Any("error", err), slog.String("advice", "remove the file, or run as its owner"))
	return idFile{f: f}, random
}

// openOwn opens or creates a file that no other user can have put there: the directory may be /tmp.
func openOwn(path string) (*os.File, error) {
	flags := os.O_RDWR
	before, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		flags |= os.O_CREATE | os.O_EXCL
	case err != nil:
		return nil, err
	}
	f, err := fsutil.OpenFile(path, flags, 0o600, false)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && (before != nil && !os.SameFile(before, info) || !isOwn(info)) {
		err = fmt.Errorf("%s is a link or belongs to another user", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// readID reads the time in a file, which is empty if it is new.
func readID(f *os.File) (int32, error) {
	b := make([]byte, 64)
	n, err := f.ReadAt(b, 0)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return 0, err
	case n == 0:
		return 0, nil
	}
	text := strings.TrimSpace(string(b[:n]))
	t, err := strconv.ParseInt(text, 10, 32)
	if err != nil || t < 0 {
		return 0, fmt.Errorf("%s holds %q, want a number of seconds", f.Name(), text)
	}
	return int32(t), nil
}

// keep stores a time, before anybody sees an id that has it.
func (i *idFile) keep(t int32, log *slog.Logger) {
	if i.f == nil || t == i.stored {
		return
	}
	i.stored = t
	// Every time has the same length, so that one write replaces the other.
	if _, err := i.f.WriteAt(fmt.Appendf(nil, "%010d\n", t), 0); err != nil {
		log.Warn("cannot store the times of membership ids; a restart within seconds may use one again", slog.Any("error", err))
		_ = i.f.Close()
		i.f = nil
	}
}

// close closes the file, and removes it if the clock has passed the time: the next life needs no file.
func (i *idFile) close() error {
	if i.f == nil {
		return nil
	}
	if int64(i.stored) < time.Now().Unix() {
		_ = os.Remove(i.f.Name()) // it may not be allowed after the daemon has changed its user
	}
	return i.f.Close()
}
