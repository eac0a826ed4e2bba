package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
			p.repeat.start(repeatPartition)
		}
	case '3':
		p.print(partitionText("Partition sent last", p.conn.Daemons(), p.active))
	case '4':
		clear(p.defined)
		clear(p.active)
		p.repeat.stop()
		p.sendPartition()
	case '5':
		p.defineWindows(ctx)
	case '6':
		p.sent("send flow control params", p.conn.SetWindows(p.window, p.windows))
	case '7':
		p.print(p.windowsText())
	case '8':
		p.terminate(ctx)
	case 'r':
		p.reload(ctx)
	case '9', 'q':
		p.over = true
	default:
		p.print("\nUnknown command\n" + menu)
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
				p.printf("\tthere is no daemon %q in the configuration\n", name)
				continue
			}
			set[i] = true
		}
	}
}

// selectStatus chooses whose status is shown, and asks for it at once.
func (p *program) selectStatus(ctx context.Context) {
	if !p.choose(ctx, "\tEnter Proc Name: ", p.selected) {
		return
	}
	p.status.stop()
	if len(chosen(p.selected)) > 0 {
		p.query()
		p.status.start(p.cfg.Interval)
	}
}

// number asks until there is a number from least on. An empty line
// gives def.
func (p *program) number(ctx context.Context, prompt string, least, def int16) (int16, bool) {
	for {
		line, ok := p.ask(ctx, prompt)
		line = strings.TrimSpace(line)
		if !ok {
			return 0, false
		}
		if line == "" {
			return def, true
		}
		if n, err := strconv.ParseInt(line, 10, 16); err == nil && n >= int64(least) {
			return int16(n), true
		}
		p.printf("\tnumbers are from %d to 32767\n", least)
	}
}

func (p *program) definePartition(ctx context.Context) {
	components := slices.Clone(p.defined)
	for i, d := range p.conn.Daemons() {
		var ok bool
		if components[i], ok = p.number(ctx, "\t"+d.Name+"\t", 0, components[i]); !ok {
			return
		}
	}
	p.defined = components
	p.print(partitionText("Partition", p.conn.Daemons(), p.defined))
}

func (p *program) defineWindows(ctx context.Context) {
	window, ok := p.number(ctx, "    Window size: ", 1, wire.Unchanged)
	if !ok {
		return
	}
	windows := slices.Clone(p.windows)
	for i, d := range p.conn.Daemons() {
		w := &windows[i]
		if w.Personal, ok = p.number(ctx, "\t"+d.Name+" personal window\t", 1, wire.Unchanged); !ok {
			return
		}
		if p.settings.Accelerated {
			if w.Accelerated, ok = p.number(ctx, "\t"+d.Name+" accelerated window\t", 0, wire.Unchanged); !ok {
				return
			}
		}
	}
	p.window, p.windows = window, windows
	p.print(p.windowsText())
}

// terminate ends daemons.
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
	p.sent(fmt.Sprintf("reload; the hash of the configuration was %d", p.settings.Hash), p.conn.Reload())
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
	p.printf("Monitor: the hash of the configuration is %d; all settings are reset\n", p.settings.Hash)
}
