package tail

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spreadd/spreadd/internal/fsutil"
)

// begin reads the saved position. Without one, it skips what the file has.
func (f *Follower) begin(ctx context.Context) {
	f.done = ctx.Done()
	if f.state != "" {
		b, err := readState(f.cfg.Disk, f.state)
		if err == nil {
			var p position
			if p, err = parsePosition(b); err == nil && p.path != f.cfg.Path {
				err = fmt.Errorf("it belongs to %q", p.path)
			}
			if err == nil {
				f.missing, f.since, f.wrote = p.places, p.since, b
				return
			}
		}
		if !errors.Is(err, os.ErrNotExist) {
			f.event(&f.stats.Errors, "cannot read the saved position, starting without it", err)
		}
	}
	f.since = cmp.Or(f.cfg.Since, FileClock())
	info, err := f.cfg.Disk.Stat(f.cfg.Path)
	if f.cfg.FromStart || err != nil || !info.Mode().IsRegular() || f.cfg.Since != 0 && f.created(info) >= f.cfg.Since {
		return
	}
	// It may be unreadable for now. What it has by then is old.
	p := place{spot: spot{offset: info.Size()}, mtime: info.ModTime().UnixNano()}
	p.dev, p.ino = inode(info)
	f.missing = []place{p}
}

// created returns when the file at the path was created, or last changed where that is not known.
func (f *Follower) created(info os.FileInfo) int64 {
	r, err := f.cfg.Disk.OpenFile(f.cfg.Path, os.O_RDONLY, 0, false)
	if err != nil {
		return info.ModTime().UnixNano()
	}
	b := info.ModTime().UnixNano()
	if o, ok := r.(fsutil.OSFile); ok {
		b = cmp.Or(born(o.File), b)
	}
	_ = r.Close()
	return b
}

// skip skips the whole lines that a file has up to an offset.
func (f *Follower) skip(g *file, end int64) {
	f.need()
	n := min(end, int64(len(f.buf)))
	got, err := readAt(g.f, f.buf[:n], end-n)
	if err != nil {
		f.event(&f.stats.Errors, "cannot read file; what it has comes again", err)
		return
	}
	g.offset = end - n + int64(bytes.LastIndexByte(f.buf[:got], '\n')) + 1
	g.tail = digest{}
	_, _ = g.fits(g.f) // takes the bytes before the offset
	g.safe = g.spot
}

// skipOld skips what the first file at the path has, if it is older than the follower and only new lines
// are wanted: it was moved there, or mounted, or could not be seen. What was seen before and has not been
// found in it, because it was empty or is truncated by now, makes all of it new.
func (f *Follower) skipOld(g *file) {
	if f.since == 0 || f.cfg.FromStart || f.last != nil && f.last.ino != 0 && f.last.ino == g.ino && f.last.dev == g.dev {
		return
	}
	info, err := g.f.Stat()
	if err != nil {
		return
	}
	var b int64
	if r, ok := g.f.(fsutil.OSFile); ok {
		b = born(r.File)
	}
	if info.ModTime().UnixNano() < f.since || b != 0 && b < f.since {
		f.skip(g, info.Size())
	}
}

// resolve looks for the files of the saved position: once at the start, and with last for the last
// time, because another file is at the path.
func (f *Follower) resolve(last bool) {
	if len(f.missing) == 0 || f.searched && !last {
		return
	}
	f.searched = true
	var missing []place
	for _, p := range f.missing {
		g, err := f.find(p)
		f.last = nil
		switch {
		case g != nil:
			g.settled = g.packed
			f.files = append(f.files, g)
			continue
		case f.interrupted:
			missing = append(missing, p)
			continue
		case !last && p.empty() && len(f.files) > 0:
			continue // what it got is found by what came before it
		case !last:
			missing = append(missing, p)
			continue
		}
		f.last = &p
		f.over(p.names)
		if !p.empty() && !p.done {
			f.lost("followed file not found; its unread lines, if any, are lost", p, err)
		}
	}
	f.missing = missing
	if n := len(f.files); !last && n > 0 && f.catchUp(f.files[n-1].place) {
		n = len(f.files) - 1
		f.replaced(f.files[:n])
		f.files[n].old = false // it is the newest for now
	}
}

// lost reports a loss, with the reason, or that no copy was found. What was the reason for one loss is not
// reported as another.
func (f *Follower) lost(what string, p place, err error) {
	if err == nil {
		err = fmt.Errorf("no copy of it is beside %s", f.cfg.Path)
	} else if err.Error() == f.reason {
		return
	} else {
		f.reason = err.Error()
	}
	f.event(&f.stats.Losses, what, fmt.Errorf("inode %d, read up to byte %d: %w", p.ino, p.offset, err))
}

// interrupt reports whether to stop reading a compressed file.
func (f *Follower) interrupt() bool {
	select {
	case <-f.done:
		f.interrupted = true
	default:
	}
	return f.interrupted
}
