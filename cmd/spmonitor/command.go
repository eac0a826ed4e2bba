package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/daemon/monitor"
	"github.com/spreadd/spreadd/wire"
)

// command carries out a command, of which the first character counts.
func (p *program) command(ctx context.Context, line string) {
	if line == "" {
		return
	}
	switch line[0] {
	case '0':
		p.selectStatus(ctx)
	case '1':
		p.definePartition(ctx)
	case '2':
		p.active = slices.Clone(p.defined)
		p.sendPartition()
		p.repeat.stop()
		if slices.ContainsFunc(p.active, func(c int16) bool { return c != p.active[0] }) {
			p.repeat.start(monitor.RepeatPartition)
		}
	case '3':
		p.print(partitionText(p.conn.Daemons(), p.active))
	case '4':
		clear(p.defined)
		clear(p.active)
		p.repeat.stop()
		p.sendPartition()
	case '5':
		p.defineWindows(ctx)
	case '6':
		p.sentWindows = flowWindows{p.windows.window, slices.Clone(p.windows.daemons)}
		p.sent("send flow control params", p.conn.SetWindows(p.windows.window, p.windows.daemons))
	case '7':
		p.print(p.windowsText(&p.sentWindows))
	case '8':
		p.terminate(ctx)
	case 'r':
		p.reload(ctx)
	case '9', 'q':
		p.over = true
	default:
		p.print("\nUnknown commnad\n" + menu)
	}
}

// choose asks for names of daemons until an empty line, and sets or clears what
// they mean. It reports false if the program is over.
func (p *program) choose(ctx context.Context, prompt string, set []bool) bool {
	for {
		line, ok := p.ask(ctx, prompt)
		name := strings.TrimSpace(line)
		switch {
		case !ok:
			return false
		case name == "":
			return true
		case name == "all", name == "none":
			for i := range set {
				set[i] = name == "all"
			}
		default:
			i := place(p.conn.Daemons(), name)
			if i < 0 {
				p.print("Please! enter a legal proc name, none, or all\n")
				continue
			}
			set[i] = true
		}
	}
}

// selectStatus chooses whose status is shown, and asks for it at once.
func (p *program) selectStatus(ctx context.Context) {
	p.print(statusTitle)
	if !p.choose(ctx, "\tEnter Proc Name: ", p.selected) {
		return
	}
	p.status.stop()
	if len(chosen(p.selected)) > 0 {
		p.query()
		p.status.start(p.cfg.Interval)
	}
}

// number asks until there is a number from least on. It takes an empty line for [wire.Unchanged] if
// that is allowed.
func (p *program) number(ctx context.Context, prompt string, least int16, unchanged bool) (int16, bool) {
	for {
		line, ok := p.ask(ctx, prompt)
		line = strings.TrimSpace(line)
		if !ok {
			return 0, false
		}
		if line == "" && unchanged {
			return wire.Unchanged, true
		}
		switch n, err := strconv.ParseInt(line, 10, 16); {
		case err == nil && n >= int64(least):
			return int16(n), true
		case err == nil || errors.Is(err, strconv.ErrRange):
			p.printf("Please enter a number from %d to 32767\n", least)
		default:
			p.print("Please enter a number\n")
		}
	}
}

func (p *program) newline() { p.print("\n") }

func (p *program) definePartition(ctx context.Context) {
	p.print(definePartitionTitle)
	daemons := p.conn.Daemons()
	components := make([]int16, len(daemons))
	if !perDaemon(daemons, func(i int) (ok bool) {
		components[i], ok = p.number(ctx, "\t"+daemons[i].Name+"\t", 0, false)
		return ok
	}, p.newline) {
		return
	}
	p.defined = components
	p.print(partitionText(daemons, p.defined))
}

func (p *program) defineWindows(ctx context.Context) {
	p.print(defineWindowsTitle)
	window, ok := p.number(ctx, "    Window size: ", 1, true)
	if !ok {
		return
	}
	p.newline()
	daemons := p.conn.Daemons()
	defined := flowWindows{window, slices.Clone(p.windows.daemons)}
	if !perDaemon(daemons, func(i int) bool {
		w := &defined.daemons[i]
		if w.Personal, ok = p.number(ctx, "\t"+daemons[i].Name+" personal window\t", 1, true); ok && p.settings.Accelerated {
			w.Accelerated, ok = p.number(ctx, "\t"+daemons[i].Name+" accelerated window\t", 0, true)
		}
		return ok
	}, p.newline) {
		return
	}
	p.windows = defined
	p.print(p.windowsText(&p.windows))
}

func (p *program) terminate(ctx context.Context) {
	doomed := make([]bool, len(p.selected))
	if !p.choose(ctx, "\tEnter Proc Name to Terminate: ", doomed) {
		return
	}
	which := chosen(doomed)
	if len(which) == 0 {
		return
	}
	var names []string
	for _, i := range which {
		names = append(names, "Terminating "+p.conn.Daemons()[i].Name)
	}
	p.sent(strings.Join(names, "\nMonitor: "), p.conn.Kill(p.active, which...))
}

// reload has the daemons read their file again, and does so itself.
func (p *program) reload(ctx context.Context) {
	p.printf("Old configuration hash is: %d\n", p.settings.Hash)
	p.sent("send conf reload command", p.conn.Reload())
	s, err := p.cfg.Load()
	if err != nil {
		p.printf("Monitor: keeping the old configuration: %v\n", err)
		return
	}
	p.close() // it may have the address of the next one
	if err := p.open(ctx, s); err != nil {
		p.failure, p.over = err, true
		return
	}
	p.printf("New configuration hash is: %d\n"+
		"All Status, Partition, FC, etc commands are reset by configuration reload!\nReload Membership. \n", p.settings.Hash)
}
