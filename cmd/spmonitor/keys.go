package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/daemon/settings"
	"github.com/spreadd/spreadd/internal/flags"
	"github.com/spreadd/spreadd/internal/seal"
)

// keysFlag is the flag for the ring's keys.
func keysFlag(s *flags.Set, path *string) {
	s.String(path, "keys", "FILE", "keys of the ring, if its daemons have keys (default: ring_keys of "+settings.DefaultFile+")")
}

// ringKeys reads the keys of the ring, nil if it has none.
func ringKeys(ctx context.Context, path string) (*seal.Keyring, error) {
	if path == "" {
		s, _, err := settings.Load(ctx, "")
		if err != nil || s.RingKeys == "" {
			return nil, err
		}
		path = s.RingKeys
	}
	return settings.LoadKeys(ctx, path)
}

func keysFlags(r *request) *flags.Set {
	s := flags.New(flags.Program{
		Name:  "spmonitor keys",
		Usage: []string{"[-keys FILE] [-c FILE] [-n NAME]", "[-keys FILE] [-c FILE] [-n NAME] -use ID"},
		About: `Shows which keys of the ring each daemon has and uses, or has all daemons use another key. The exit status is 0 if all
			daemons answer and use the same key, 1 if they differ, 2 if none answers.`,
		Examples: []flags.Example{
			{Args: "", Text: "show the keys of all daemons"},
			{Args: "-use cfc0743e", Text: "have all daemons seal with this key; refused while one of them lacks it"},
		},
	})
	ringFlags(s, r)
	s.Duration(&r.patience, "timeout", "how long to wait for answers")
	s.Group("Command")
	flags.Var(s, &r.use, "use", "ID", "key to use, by its id (default: none)", seal.ParseKeyID)
	return s
}

// keyWatch asks the daemons about their keys.
type keyWatch struct {
	socket *monitor.Socket
	// use is the key that they are asked to use, or 0.
	use seal.KeyID
}

// await asks all daemons until done or for at most patience.
func (k *keyWatch) await(ctx context.Context, patience time.Duration, done func(all []seal.PeerKeys) bool) ([]seal.PeerKeys, error) {
	for end := time.Now().Add(patience); ; {
		if err := k.socket.AskKeys(k.use, k.socket.All()...); err != nil {
			return nil, err
		}
		if err := k.socket.ReceiveUntil(time.Now().Add(100 * time.Millisecond)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			if errors.Is(err, net.ErrClosed) && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, err
		}
		if all := k.socket.Keys(); done(all) || time.Now().After(end) {
			return all, nil
		}
	}
}

// showKeys shows the keys of all daemons, and changes the one in use if that is asked for.
func showKeys(ctx context.Context, r *request, stdout io.Writer) (int, error) {
	cfg, err := r.monitorOf(ctx)
	if err != nil {
		return flags.Failed, err
	}
	if cfg.Keys == nil {
		return flags.Failed, errors.New("no ring keys: name their file with -keys")
	}
	s, err := monitor.Open(ctx, cfg)
	if err != nil {
		return flags.Failed, err
	}
	defer func() { _ = s.Close() }() // nothing was buffered
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	k := keyWatch{socket: s}
	answered := func(all []seal.PeerKeys) bool {
		return !slices.ContainsFunc(all, func(p seal.PeerKeys) bool { return !p.Stated })
	}
	all, err := k.await(ctx, r.patience, answered)
	if err == nil && r.use != 0 {
		all, err = k.change(ctx, r, all)
	}
	if err != nil {
		return flags.Failed, err
	}
	if err := printKeys(stdout, s, all); err != nil {
		return flags.Failed, err
	}
	return keysStatus(all), nil
}

// change has all daemons use another key.
func (k *keyWatch) change(ctx context.Context, r *request, all []seal.PeerKeys) ([]seal.PeerKeys, error) {
	var lacking []string
	answers := 0
	for _, p := range all {
		if p.Stated {
			answers++
			if !slices.Contains(p.State.Keys, r.use) {
				lacking = append(lacking, k.socket.DaemonName(p.ID))
			}
		}
	}
	switch {
	case answers == 0:
		return nil, errors.New("no daemon answers: do they run, with a key of this file?")
	case len(lacking) > 0:
		return nil, fmt.Errorf("key %v is not used because %s has not got it: add it to the file there, reload, and try again", r.use, strings.Join(lacking, ", "))
	}
	k.use = r.use
	return k.await(ctx, r.patience, func(all []seal.PeerKeys) bool {
		return !slices.ContainsFunc(all, func(p seal.PeerKeys) bool { return p.Stated && p.State.InUse != r.use })
	})
}

func printKeys(stdout io.Writer, s *monitor.Socket, all []seal.PeerKeys) error {
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DAEMON\tSENDS\tACCEPTS\tIN USE\tWAITS FOR\tKEYS")
	for _, p := range all {
		name := s.DaemonName(p.ID)
		if !p.Stated {
			fmt.Fprintf(w, "%s\tno answer\n", name)
			continue
		}
		sends, accepts, waits := "sealed", "sealed", "-"
		if p.State.SendsPlain {
			sends = "plain"
		}
		if p.State.AcceptsPlain {
			accepts = "both"
		}
		if p.State.Wanted != 0 {
			waits = p.State.Wanted.String()
		}
		var ids []string
		for _, id := range p.State.Keys {
			ids = append(ids, id.String())
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\t%s\n", name, sends, accepts, p.State.InUse, waits, strings.Join(ids, " "))
	}
	return w.Flush()
}

// keysStatus returns the exit status: 0 if all daemons answer and agree, 2 if none answers,
// otherwise 1.
func keysStatus(all []seal.PeerKeys) int {
	answers, agree := 0, true
	var first *seal.KeyState
	for i := range all {
		p := &all[i]
		if !p.Stated {
			continue
		}
		answers++
		if first == nil {
			first = &p.State
		}
		agree = agree && p.State.InUse == first.InUse && p.State.SendsPlain == first.SendsPlain && p.State.Wanted == 0
	}
	switch {
	case answers == 0:
		return 2
	case answers < len(all) || !agree:
		return 1
	default:
		return 0
	}
}
