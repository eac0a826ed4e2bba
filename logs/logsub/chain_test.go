package logsub

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/spreadd/spreadd/logs/internal/logproto"
)

// asks is the message with which a publisher tells what its epochs had.
func asks(publisher string, epochs ...logproto.Epoch) string {
	a := logproto.Ask{Publisher: publisher, Number: 1, Epochs: epochs}
	return string(a.Append(nil))
}

// ended is an epoch with one stream, of which the publisher has nothing left.
func ended(epoch, next uint64) logproto.Epoch {
	return logproto.Epoch{Epoch: epoch, Ended: true, Streams: []logproto.Stream{{Kept: next, Next: next}}}
}

// TestUnseenEpoch: a process that started and ended while logsub was away is missed, by the counters and by a
// later comparison, as soon as its successor tells of it. What is older than the log is not.
func TestUnseenEpoch(t *testing.T) {
	dir := t.TempDir()
	logs := func() []Log {
		return []Log{{Group: "a", File: filepath.Join(dir, "%{vhost}.log"), Envelope: EnvelopeIndex}}
	}
	started := uint64(0)
	bubble(t, Config{}, logs(), func(f *farm) {
		started = uint64(time.Now().UnixNano())
		f.send(asks("web", ended(7, 500)), "a") // older than the log
		f.send(sealed("web", started+1, 0, 0, "www one\nwww two\n"), "a")
		if got := read(f.T, filepath.Join(dir, "www.log")); got != "one\ntwo\n" {
			f.Errorf("written: %q", got)
		}
	})
	bubble(t, Config{}, logs(), func(f *farm) {
		f.send(sealed("web", started+3, 0, 2, "www three\n"), "a") // its first two are missing
		told := asks("web", ended(7, 500), ended(started+1, 5), ended(started+2, 1000))
		f.send(told, "a")
		f.send(told, "a")
		f.send(told, "another group")
		if st := f.sub.Stats().Publishers["web"]; st.Missing != 2+3+1000 {
			f.Errorf("missing: %+v", st)
		}
		f.send(sealed("web", started+2, 0, 999, "www late\n"), "a")
		if st := f.sub.Stats().Publishers["web"]; st.Missing != 1005 || st.Late != 1 {
			f.Errorf("missing: %+v", st)
		}
		if got := read(f.T, filepath.Join(dir, "www.log")); got != "one\ntwo\nthree\nlate\n" {
			f.Errorf("written: %q", got)
		}
	})
	for range 2 { // also after another start
		sum := verify(t, dir)
		got := ""
		for _, m := range sum.Missing {
			got += fmt.Sprintf("%d: %d-%d ", m.Origin.Epoch-started, m.First, m.Last)
		}
		if got != "3: 0-1 1: 2-4 2: 0-998 " || sum.Lines != 4 || sum.Gone > 0 || len(sum.NoLedger) > 0 {
			t.Errorf("missing %s: %+v", got, sum)
		}
		bubble(t, Config{}, logs(), func(f *farm) {
			f.send(asks("web", ended(started+2, 1000)), "a")
			if st := f.sub.Stats().Publishers["web"]; st.Missing > 0 {
				f.Errorf("missing again: %+v", st)
			}
		})
	}
}

// TestKeptLines: lines that a publisher can still send are not missing.
func TestKeptLines(t *testing.T) {
	bubble(t, Config{}, []Log{{Group: "a", File: "a.log"}}, func(f *farm) {
		epoch := uint64(time.Now().UnixNano())
		f.send(sealed("web", epoch, 0, 0, "one\n"), "a")
		f.send(asks("web", logproto.Epoch{Epoch: epoch, Streams: []logproto.Stream{{Kept: 2, Next: 9}}}), "a")
		if st := f.sub.Stats().Publishers["web"]; st.Missing != 1 {
			f.Errorf("missing: %+v", st)
		}
	})
}
