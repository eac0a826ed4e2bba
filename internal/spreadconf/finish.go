package spreadconf

import (
	"strconv"
)

// finish makes the checks at the end of the file (spread-conf §8): the look-ahead is the end.
func (p *parser) finish() *Error {
	if p.bad != nil {
		return p.bad
	}
	c := p.cfg
	if len(c.Segments) == 0 {
		return p.unexpected(CodeNoSegments, "a Spread_Segment", "write `Spread_Segment ADDRESS:PORT { NAME ADDRESS }`")
	}
	if p.daemonCount == 0 {
		return failAt(c.Segments[0].Pos, wordSegment, CodeNoDaemons, "the configuration has no daemon", "write `NAME ADDRESS` between the braces")
	}
	for i := range c.Segments {
		if s := &c.Segments[i]; len(s.Daemons) == 0 {
			return failAt(s.Pos, wordSegment, CodeEmptySegment, "the segment has no daemon", "give it one, or remove it")
		}
	}
	if err := p.checkWindows(); err != nil {
		return err
	}
	if _, micros := c.Options.TimeStamp.Effective(); c.Options.TimeStamp.Precise && !micros {
		at, _ := c.where("EventPreciseTimeStamp")
		p.warn(at, WarnPrecisionDropped, "EventPreciseTimeStamp has no effect, because seconds do not fit after the time stamp format; end the format in %S")
	}
	if len(c.Options.AllowedAuthMethods) == 0 {
		at, _ := c.where("AllowedAuthMethods", "RequiredAuthMethods")
		p.warn(at, WarnNobodyAllowed,
			"no authentication method is allowed, so every client is rejected; write `AllowedAuthMethods = \"NULL\"`, which ordinary clients request")
	}
	return nil
}

func (p *parser) checkWindows() *Error {
	c, o := p.cfg, &p.cfg.Options
	window, personal := p.windowText("Window", o.Window), p.windowText("PersonalWindow", o.PersonalWindow)
	if o.PersonalWindow > o.Window {
		at, text := p.cfg.where("PersonalWindow", "Window")
		return failAt(at, text, CodePersonalAboveWindow, personal+" exceeds "+window,
			"write a PersonalWindow of "+strconv.Itoa(o.Window)+" or less, or a larger Window")
	}
	if o.AcceleratedWindow > o.PersonalWindow {
		at, text := p.cfg.where("AcceleratedWindow", "PersonalWindow", "AcceleratedRing")
		msg := p.windowText("AcceleratedWindow", o.AcceleratedWindow) + " exceeds " + personal
		const advice = "write one that is not larger, or a larger PersonalWindow"
		switch {
		case c.AcceleratedAtStart():
			return failAt(at, text, CodeAcceleratedAbovePersonal, msg, advice)
		case c.AcceleratedAfterReload():
			p.advise(at, AdviceAcceleratedWindow, msg+", which takes effect when a C daemon reloads the file; "+advice)
		}
	}
	if c.AcceleratedAtStart() != c.AcceleratedAfterReload() {
		p.advise(c.Segments[0].Pos, AdviceAcceleratedUnset,
			"AcceleratedRing is not set: C daemons start with the original protocol, and change protocol and hash, to "+
				strconv.FormatUint(uint64(c.HashFor(true)), 10)+
				", when they reload this file; write `AcceleratedRing = false`, or true, on all hosts")
	}
	return nil
}

// windowText names an option and its value, and says so if that is the default.
func (p *parser) windowText(name string, value int) string {
	s := name + " " + strconv.Itoa(value)
	if _, set := p.cfg.set[name]; !set {
		s += " (the default)"
	}
	return s
}
