package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/crashfs"
)

// promises is what a run on a disk that crashes was promised.
type promises struct {
	tried    uint64 // the last ID that Append was called with
	appended uint64 // the last for which it returned
	acking   uint64 // the last ID that was to be acknowledged or dropped
	acked    uint64 // the last that was
	// As of the last Sync that returned.
	syncedAppended, syncedAcked uint64
}

// powerCut is the configuration: a few records fill a segment, and a few segments the spool.
func powerCut(d *crashfs.Disk) Config {
	return Config{Dir: "/var/spool", MaxBytes: MinBytes, SegmentBytes: 8 << 10, Disk: d}
}

func powerCutLength(id uint64) int { return int(id * 7919 % 4000) }

// run appends, reads, acknowledges, drops, syncs, and starts again in between.
func (p *promises) run(d *crashfs.Disk) error {
	s, _, err := Open(powerCut(d))
	if err != nil {
		return err
	}
	for i := 1; i <= 60; i++ {
		if err := p.append(s); err != nil {
			return err
		}
		switch {
		case i%7 == 0:
			err = p.sync(s)
		case i%20 == 10:
			if err = p.sync(s); err == nil {
				err = s.Close()
			}
			if err == nil {
				s, _, err = Open(powerCut(d))
			}
		case i%20 == 15:
			s.closeFiles() // as a kill
			s, _, err = Open(powerCut(d))
		case i > 25 && i < 40: // the spool becomes full
		case i%3 == 0:
			for range 3 {
				if err = p.ack(s, s.Acked()+1); err != nil {
					return err
				}
			}
		}
		if err != nil {
			return err
		}
	}
	if err := p.ack(s, s.Last()); err != nil {
		return err
	}
	return s.Close()
}

func (p *promises) append(s *Spool) error {
	p.tried = s.Last() + 1
	err := s.Append(record(p.tried, powerCutLength(p.tried)))
	if errors.Is(err, ErrFull) {
		p.acking = s.segs[0].last
		if _, err := s.DropOldest(); err != nil {
			return err
		}
		p.acked = p.acking
		return nil
	}
	if err == nil {
		p.appended = p.tried
	}
	return err
}

func (p *promises) ack(s *Spool, id uint64) error {
	p.acking = max(p.acking, id)
	err := s.Ack(id)
	p.acked = max(p.acked, id)
	return err
}

func (p *promises) sync(s *Spool) error {
	before := *p
	err := s.Sync()
	p.syncedAppended, p.syncedAcked = before.appended, before.acked
	return err
}

// check starts again: nothing that was promised is missing, nothing comes that was acknowledged, and
// nothing that was not appended.
func (p *promises) check(d *crashfs.Disk, power bool) error {
	appended, acked := p.appended, p.acked
	if power {
		appended, acked = p.syncedAppended, p.syncedAcked
	}
	s, found, err := Open(powerCut(d))
	if err != nil {
		return err
	}
	defer s.closeFiles()
	have := make(map[uint64]bool)
	for id := uint64(0); ; {
		r, err := s.Read(id, nil)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if want := record(r.ID, powerCutLength(r.ID)); !bytes.Equal(r.Data, want.Data) || r.Lines != want.Lines {
			return fmt.Errorf("record %d is not what was appended", r.ID)
		}
		have[r.ID] = true
		id = r.ID + 1
		if r.ID <= acked {
			return fmt.Errorf("record %d comes again, although those up to %d were acknowledged", r.ID, acked)
		}
	}
	for id := max(p.acked, p.acking) + 1; id <= appended; id++ {
		if !have[id] {
			return fmt.Errorf("record %d is lost, although those up to %d were kept and those up to %d acknowledged; found %+v", id, appended, p.acking, found)
		}
	}
	if !power && slices.ContainsFunc(found.Damage, func(d Damage) bool { return !d.Torn }) {
		return fmt.Errorf("after a kill: %+v", found.Damage)
	}
	// It can be used.
	next := s.Last() + 1
	if next <= max(appended, acked) && !power { // a power cut may keep removals of acknowledged segments alone
		return fmt.Errorf("the next ID is %d, and %d was in use", next, max(appended, acked))
	}
	if err := s.Append(record(next, powerCutLength(next))); err != nil && !errors.Is(err, ErrFull) {
		return err
	} else if err == nil {
		if r, err := s.Read(next, nil); err != nil || r.ID != next {
			return fmt.Errorf("a record that was appended after the start: %d, %w", r.ID, err)
		}
	}
	return s.Sync()
}

// TestPowerCut crashes a spool at each step, by kills and by power cuts. What Append has returned for
// survives a kill, and what Sync has returned for survives a power cut; so do acknowledgments.
func TestPowerCut(t *testing.T) {
	crashfs.Explore(t, 10, func() crashfs.Work {
		p := new(promises)
		return crashfs.Work{Check: p.check, Run: func(d *crashfs.Disk) {
			if err := p.run(d); err != nil {
				t.Error(err)
			}
		}}
	})
}
