package logpub

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/spreadd/spreadd/logs/internal/spool"
)

// adoptInterval is how often the spool directory is looked at: for slots that processes have
// left behind, such as the one before a restart of the web server, which ran on for a while beside this
// one; and for a new slot if ours has failed.
const adoptInterval = 30 * time.Second

// adoptRetry is how often a queue that is full is asked for room for what is adopted.
const adoptRetry = 10 * time.Millisecond

// abandonSpool goes on without a spool that cannot be read. Its files stay, and are
// adopted once they can be read.
func (p *Publisher) abandonSpool() {
	st, lines := p.queue.detach()
	if st == nil {
		return
	}
	p.count.abandoned.Add(lines)
	p.cfg.Log.Error("the spool cannot be read: its files are left for later, lines wait in memory only", slog.Int64("lines", lines))
	_ = st.Close() // its trouble has been told
}

// tendUntil looks after the spool directory until ctx ends.
func (p *Publisher) tendUntil(ctx context.Context) {
	for ctx.Err() == nil {
		if p.queue.behind() == nil {
			if st, _, _, err := p.cfg.openSlot(spool.Empty); err == nil {
				p.spoolFailing.Store(false)
				p.cfg.Log.Info("the spool can be used again")
				p.queue.attach(st, mark{})
			}
		}
		p.adopt(ctx)
		wait(ctx, adoptInterval)
	}
}

// adoption is a slot that a process has left behind, on its way into the queue.
type adoption struct {
	st    store
	given []given // to the queue and not acknowledged in the slot
}

// given is a record and the block that it became.
type given struct{ record, block uint64 }

// settle acknowledges what is safe elsewhere by now.
func (a *adoption) settle(safe uint64) error {
	n := 0
	for n < len(a.given) && a.given[n].block <= safe {
		n++
	}
	if n == 0 {
		return nil
	}
	last := a.given[n-1].record
	a.given = a.given[n:]
	return a.st.Ack(last)
}

// adopt takes over a slot that nobody uses and that is not empty, if there is one.
func (p *Publisher) adopt(ctx context.Context) {
	st, dir, found, err := p.cfg.openSlot(func(dir string) bool { return !spool.Empty(dir) })
	if err != nil {
		return // there is none, or it cannot be used yet
	}
	p.cfg.Log.Info("adopting lines that another process has left", slog.Int64("lines", found.Lines), slog.String("dir", dir))
	a := &adoption{st: st}
	p.adopted = append(p.adopted, a)
	var buf []byte
	for id := uint64(1); ; {
		rec, err := st.Read(id, buf)
		p.damaged(st.Damage())
		if err != nil {
			if !errors.Is(err, io.EOF) {
				p.cfg.Log.Warn("cannot read what another process has left, trying later", slog.Any("error", err))
			}
			break
		}
		buf, id = rec.Data, rec.ID+1
		p.count.recovered.Add(int64(rec.Lines))
		var b block
		if err := decodeBlock(&b, rec.Data); err != nil {
			p.count.damaged.Add(1)
			p.drop(dropDamaged, int64(rec.Lines), int64(len(rec.Data)))
			continue
		}
		block, ok := p.queue.putBlock(ctx, &b)
		if !ok {
			p.count.recovered.Add(-int64(rec.Lines))
			return // the rest is for the next process
		}
		a.given = append(a.given, given{rec.ID, block})
		p.settle(a)
	}
	for len(a.given) > 0 && ctx.Err() == nil {
		wait(ctx, spoolFullRetry)
		p.settle(a)
	}
	if len(a.given) == 0 {
		p.adopted = p.adopted[:len(p.adopted)-1]
		p.closeAdopted(a)
	}
}

func (p *Publisher) settle(a *adoption) {
	if err := a.settle(p.queue.safe()); err != nil {
		p.spoolTrouble(err)
	}
}

func (p *Publisher) closeAdopted(a *adoption) {
	if err := a.st.Close(); err != nil {
		p.spoolTrouble(err)
	}
}

// putBlock puts a block that was numbered elsewhere, when there is room that those who read lines have
// left, and returns its new ID. It fails if ctx ends first.
func (q *queue) putBlock(ctx context.Context, from *block) (id uint64, ok bool) {
	for {
		q.mu.Lock()
		if ok = q.newBlock(len(from.lines)); ok {
			b := q.blocks[len(q.blocks)-1]
			b.lines = append(b.lines, from.lines...)
			b.runs = append(b.runs, from.runs...)
			b.origin, b.sealed = from.origin, true
			if !from.born.IsZero() {
				b.born = from.born
			}
			id = b.id
			signal(q.wake)
			signal(q.unsaved)
		}
		q.mu.Unlock()
		if ok {
			return id, true
		}
		select {
		case <-ctx.Done():
			return 0, false
		case <-time.After(adoptRetry):
		}
	}
}
