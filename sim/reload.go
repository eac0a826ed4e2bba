package sim

import (
	"slices"
	"time"

	"github.com/spreadd/spreadd/internal/topology"
)

// configuration is the content of spread.conf at some time: which of the daemons belong to it.
// Segments never change.
type configuration struct {
	top  *topology.Topology
	hash uint32
	// other reports that the ring is accelerated if it was not at first, or the other way round.
	other bool
}

func (w *world) conf() *configuration { return w.confs[len(w.confs)-1] }

func (h *host) configured() bool { return h.w.conf().top.Daemon(h.d.ID) != nil }

// write writes a configuration with the wanted daemons, and at least one of each segment. Sometimes
// it changes their order.
func (w *world) write(wanted func(h *host) bool, other bool) {
	var segments []topology.Segment
	shuffled := chance(w.faultRand, 0.3)
	for _, s := range w.top.Segments() {
		kept := slices.DeleteFunc(slices.Clone(s.Daemons), func(d topology.Daemon) bool { return !wanted(w.hosts[d.Rank]) })
		if len(kept) == 0 {
			kept = slices.Clone(s.Daemons[:1])
		}
		if shuffled {
			w.faultRand.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
		}
		s.Daemons = kept
		segments = append(segments, s)
	}
	top, err := topology.New(segments)
	if err != nil {
		panic(err) // it is part of one that is right
	}
	w.confs = append(w.confs, &configuration{top: top, hash: confHash + uint32(len(w.confs)), other: other})
	w.tracef("the file has %d daemons now, hash %#x", len(top.Daemons()), w.conf().hash)
}

// reload changes the file: it adds or removes a daemon or two, or none. Most daemons reload, some
// later than others; new ones start.
func (w *world) reload() {
	r := w.faultRand
	changes := r.IntN(3)
	toggled := r.Perm(len(w.hosts))[:min(changes, len(w.hosts))]
	w.write(func(h *host) bool { return h.configured() != slices.Contains(toggled, h.rank) }, chance(r, 0.2) != w.conf().other)
	within := choose(r, time.Millisecond, w.scaled(200*time.Millisecond), w.scaled(5*time.Second))
	for _, h := range w.hosts {
		if chance(r, 0.9) {
			w.whileUnwell(w.between(0, within), func() { w.reread(h) })
		}
	}
}

// reloadLast makes all daemons read the file. If there were changes, it makes one more first.
func (w *world) reloadLast(dead []int) {
	if len(w.confs) == 1 {
		return
	}
	r := w.faultRand
	alive := r.IntN(len(w.hosts))
	for slices.Contains(dead, alive) {
		alive = (alive + 1) % len(w.hosts)
	}
	w.write(func(h *host) bool { return h.rank == alive || chance(r, 0.8) }, chance(r, 0.5))
	within := w.scaled(time.Second)
	for _, h := range w.hosts {
		w.after(w.between(0, within), func() { w.reread(h) })
	}
}

// reread makes a daemon read the file: it changes to that configuration, ends if the file lacks it,
// or starts if it is new.
func (w *world) reread(h *host) {
	conf := w.conf()
	switch {
	case !h.up:
		w.restart(h)
	case !h.configured():
		w.tracef("%s is not in the file any more", h.life.Name)
		w.rare[TakenOut]++
		h.crash()
	case h.conf != conf:
		h.conf = conf
		w.tracef("%s reads the file", h.life.Name)
		if err := h.engine.Reload(w.now, w.wall(h), h.config(conf), &h.out); err != nil {
			w.fail("reload", "%s: %v", h.life.Name, err)
			return
		}
		if h.out.Reload == nil {
			w.rare[ReloadHeld]++
		}
		h.carryOut()
	}
}

func (h *host) noteReload() {
	if h.out.Reload != nil {
		h.w.tracef("%s goes over to hash %#x", h.life.Name, h.out.Reload.ConfHash)
		h.w.rare[Reloaded]++
	}
}
