package spreadconf

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// Parse reads a configuration. File names it in messages. Every error is an [*Error]; it is the
// first of the file. Names of daemons without an address are looked up through env on the way,
// which may take as long as the resolver does.
func Parse(file string, src []byte, env Environment) (*Config, error) {
	p := &parser{
		env: env,
		cfg: &Config{File: file, Options: DefaultOptions(), set: map[string]Pos{}},
		lex: lexer{Cursor: conf.Cursor{File: file, Text: conf.Text(src)}},

		names: map[string]Pos{},
		addrs: map[netip.AddrPort]Pos{},
		ids:   map[uint32]Pos{},
	}
	p.lex.warn = p.warn
	if len(p.lex.Text) < len(src) {
		p.warn(Pos{File: file, Line: 1, Col: 1}, WarnByteOrderMark,
			"the file begins with a byte order mark (U+FEFF), which C daemons refuse; save it as UTF-8 without one")
	}
	if err := p.file(); err != nil {
		return nil, err
	}
	conf.SortWarnings(p.cfg.Warnings)
	conf.SortWarnings(p.cfg.Advice)
	return p.cfg, nil
}

// parser is a recursive descent over spread-conf §3, one function a rule, with one token of
// look-ahead. A function starts with its first token in tok and leaves the one after its last.
type parser struct {
	lex lexer
	env Environment
	cfg *Config

	tok  token  // the look-ahead
	bad  *Error // the lexer's, instead of a look-ahead
	prev token  // the one before it

	lastOption  *option // the last complete one, for advice on what follows it
	authSeen    bool    // an authentication list has switched the default off
	daemonCount int

	// What has to be unique over the file, with the place of its first use.
	names map[string]Pos
	addrs map[netip.AddrPort]Pos // without zones
	ids   map[uint32]Pos
}

// advance reads the next look-ahead. What the lexer refuses ends the file: the parser returns bad as
// soon as it needs a token that is not there.
func (p *parser) advance() {
	p.prev = p.tok
	if p.tok, p.bad = p.lex.next(); p.bad != nil {
		p.tok = token{kind: kindEOF}
	}
}

func (p *parser) warn(at Pos, code Code, msg string) {
	p.cfg.Warnings = append(p.cfg.Warnings, Warning{Pos: at, Code: code, Text: msg})
}

func (p *parser) advise(at Pos, code Code, msg string) {
	p.cfg.Advice = append(p.cfg.Advice, Warning{Pos: at, Code: code, Text: msg})
}

func fail(t token, code Code, msg, advice string) *Error {
	return &Error{
		Pos: t.pos, Token: t.text,
		Code: code, Problem: msg, Advice: advice,
	}
}

// failAt returns an error about a place whose text is known.
func failAt(at Pos, text string, code Code, msg, advice string) *Error {
	return fail(token{pos: at, text: text}, code, msg, advice)
}

// file = { segment | option } .
func (p *parser) file() *Error {
	p.advance()
	for {
		var err *Error
		switch p.tok.kind {
		case kindSegment:
			err = p.segment()
		case kindOption:
			err = p.option()
		case kindEOF:
			return p.finish()
		default:
			return p.notTopLevel()
		}
		if err != nil {
			return err
		}
	}
}

// segment = "Spread_Segment" ( IPADDR | IPPORT ) { IPADDR } "{" { daemon } "}" .
func (p *parser) segment() *Error {
	p.lastOption = nil
	key := p.tok
	if len(p.cfg.Segments) == MaxSegments {
		return fail(key, CodeTooManySegments, "found segment number "+strconv.Itoa(MaxSegments+1),
			"a configuration has at most "+strconv.Itoa(MaxSegments)+" segments; join some")
	}
	p.advance()
	if p.tok.kind != kindAddr && p.tok.kind != kindAddrPort {
		return p.notSegmentAddr()
	}
	seg := Segment{Pos: key.pos, Port: cmp.Or(p.tok.port, DefaultPort)}
	if seg.Port == 65535 {
		p.warn(p.tok.pos, WarnTokenPortWraps,
			"tokens would use port 65536, which does not exist; daemons with this port can only run alone")
	}
	addrs := []token{p.tok}
	for {
		p.advance()
		if p.tok.kind != kindAddr {
			break
		}
		if len(addrs) == MaxSegmentAddrs {
			return fail(p.tok, CodeTooManySegmentAddresses,
				"found "+show(p.tok.text)+" as address number "+strconv.Itoa(MaxSegmentAddrs+1)+" of a segment",
				"a segment has at most "+strconv.Itoa(MaxSegmentAddrs)+" addresses; remove the others")
		}
		addrs = append(addrs, p.tok)
	}
	if p.tok.kind != kindOpen {
		return p.notSegmentOpen()
	}
	p.advance()
	for p.tok.kind != kindClose {
		if err := p.daemon(&seg); err != nil {
			return err
		}
	}
	// The addresses come last, because the first daemon of the file fixes the family.
	for _, t := range addrs {
		if err := p.segmentAddr(&seg, t); err != nil {
			return err
		}
	}
	p.cfg.Segments = append(p.cfg.Segments, seg)
	p.advance()
	return nil
}

func (p *parser) segmentAddr(seg *Segment, t token) *Error {
	v := p.cfg.IPVersion
	switch {
	case v == 0:
		return fail(t, CodeSegmentFamily, "found segment "+show(t.text)+" before the address family of the file (IPv4 or IPv6) is known",
			"give the segment a daemon, or remove it")
	case versionOf(t.addr) != v:
		return fail(t, CodeSegmentFamily, "found segment address "+show(t.text)+" in an "+v.String()+" configuration",
			"use one address family for all segments and daemons")
	case t.addr.IsUnspecified():
		return fail(t, CodeWildcardSegmentAddress, "found the wildcard "+show(t.text)+" as a segment address",
			"write a multicast address, or the broadcast address of the daemons' network")
	}
	if v == IPv6 && !t.addr.IsMulticast() {
		p.warn(t.pos, WarnIPv6NotMulticast,
			"segment address "+show(t.text)+" is not multicast; it reaches one host at most, because IPv6 has no broadcast")
	}
	last := t.text[strings.LastIndexByte(t.text, ':')+1:]
	if t.kind == kindAddr && v == IPv6 && len(last) == 4 && allIn(last, isDigit) {
		p.advise(t.pos, AdvicePortInAddress, show(t.text)+" is an address without a port; if "+last+" is to be the port, write `["+
			strings.TrimSuffix(t.text, ":"+last)+"]:"+last+"`")
	}
	if t.addr.IsLoopback() {
		p.warn(t.pos, WarnLoopbackSegment,
			"segment address "+show(t.text)+" is on the loopback device; daemons on other hosts cannot be reached with it")
	}
	seg.Addrs = append(seg.Addrs, p.zoned(t))
	return nil
}

// zoned returns the address of a token, without its zone if this host does not know it.
func (p *parser) zoned(t token) netip.Addr {
	zone := t.addr.Zone()
	if zone == "" || p.env.ZoneIndex == nil {
		return t.addr
	}
	if _, ok := p.env.ZoneIndex(zone); ok {
		return t.addr
	}
	p.warn(t.pos, WarnUnknownZone, "this host has no interface "+show(zone)+
		"; the zone of "+show(t.text)+" is ignored; that of the matching local address is used")
	return t.addr.WithZone("")
}

// daemon = name [ "VirtualID" "=" NUMBER ] [ "{" { interface } "}" ] [ ";" ] .
func (p *parser) daemon(seg *Segment) *Error {
	first := p.tok
	if first.kind != kindWord && first.kind != kindAddr {
		return p.notDaemon(seg)
	}
	if p.daemonCount == MaxDaemons {
		return fail(first, CodeTooManyDaemons,
			"found "+show(first.text)+" as daemon number "+strconv.Itoa(MaxDaemons+1),
			"a configuration has at most "+strconv.Itoa(MaxDaemons)+" daemons")
	}
	p.daemonCount++
	d := Daemon{Pos: first.pos}
	if err := p.daemonName(&d); err != nil {
		return err
	}
	if err := p.daemonAddr(&d, first); err != nil {
		return err
	}
	key := netip.AddrPortFrom(d.Addr.WithZone(""), seg.Port)
	if at, dup := p.addrs[key]; dup {
		return fail(p.prev, CodeDuplicateAddress,
			"daemon "+show(d.Name)+" has the same address and port as the one on line "+strconv.Itoa(at.Line),
			"give one of them another address, or put it into a segment with another port")
	}
	p.addrs[key] = d.Pos
	if err := p.virtualID(&d); err != nil {
		return err
	}
	if p.tok.kind == kindOpen {
		if err := p.interfaces(&d); err != nil {
			return err
		}
	}
	if p.tok.kind == kindSemicolon {
		p.advance()
	}
	seg.Daemons = append(seg.Daemons, d)
	return nil
}

// daemonName takes the name from the look-ahead, which may be the address.
func (p *parser) daemonName(d *Daemon) *Error {
	t := p.tok
	name := t.word
	if t.kind == kindAddr {
		name, _, _ = strings.Cut(t.text, "%") // the address, if the daemon has no other name
	}
	if name == "" {
		return fail(t, CodeEmptyName, "found "+show(t.text)+" as the name of a daemon",
			"write a name of 1 to "+strconv.Itoa(MaxDaemonName)+" characters")
	}
	if name[len(name)-1] == ';' {
		p.warn(t.pos, WarnNameEndsInSemicolon, "the semicolon is part of the name "+show(name)+
			"; to end a daemon with it, put white space before it")
	}
	d.Name = cutName(name)
	if d.Name != name {
		p.warn(t.pos, WarnNameCut, "the name "+show(name)+" is cut to "+show(d.Name)+", its first "+
			strconv.Itoa(MaxDaemonName)+" bytes; clients see that name, and -n expects it")
	}
	if !allIn(d.Name, isPrivateNameByte) {
		p.warn(t.pos, WarnNameNotAddressable, "the name "+show(d.Name)+
			" has characters that clients reject in group names, so they cannot send to sessions of this daemon")
	}
	if at, dup := p.names[d.Name]; dup {
		return fail(t, CodeDuplicateName, "the daemon name "+show(d.Name)+" is already used on line "+strconv.Itoa(at.Line),
			"names must differ within their first "+strconv.Itoa(MaxDaemonName)+" bytes")
	}
	p.names[d.Name] = t.pos
	return nil
}

// isPrivateNameByte reports whether c may stand in the name of a private group (client-protocol
// §1.1).
func isPrivateNameByte(c byte) bool { return 0x24 <= c && c <= 0x7e }

// daemonAddr takes the address: the look-ahead if that is one, the address after a name, whatever
// line it is on, or what the name resolves to.
func (p *parser) daemonAddr(d *Daemon, first token) *Error {
	if first.kind == kindWord {
		p.advance()
		if p.bad != nil {
			return p.bad
		}
		if p.tok.kind != kindAddr {
			return p.lookup(d, first)
		}
		if p.tok.pos.Line != first.pos.Line {
			p.advise(p.tok.pos, AdviceAddressOnNextLine, "the address "+show(p.tok.text)+" belongs to the daemon "+show(d.Name)+
				" of line "+strconv.Itoa(first.pos.Line)+", although it is on another line; if it is a separate daemon, put ` ;` between them")
		}
	}
	if err := p.checkDaemonAddr(p.tok, p.tok.addr); err != nil {
		return err
	}
	d.Addr = p.zoned(p.tok)
	p.advance()
	return nil
}

// checkDaemonAddr checks the address that token t is, or stands for.
func (p *parser) checkDaemonAddr(t token, a netip.Addr) *Error {
	if p.cfg.IPVersion == 0 {
		p.cfg.IPVersion = versionOf(a)
	}
	what := show(t.text)
	if t.kind == kindWord {
		what = a.String() + ", the address of " + what + ","
	}
	switch {
	case versionOf(a) != p.cfg.IPVersion:
		return fail(t, CodeAddressFamily, "found "+what+" in an "+p.cfg.IPVersion.String()+" configuration",
			"use one address family for all segments and daemons")
	case a.IsUnspecified():
		return fail(t, CodeWildcardDaemonAddress, "found the wildcard "+what+" as the address of a daemon",
			"write the address that the other daemons reach it by; to listen on every interface leave out the interface list")
	case a.IsMulticast():
		return fail(t, CodeMulticastDaemonAddress, "found the multicast address "+what+" as the address of a daemon",
			"write the address of its host; a multicast address belongs after Spread_Segment")
	}
	return nil
}

// lookup finds the address of a daemon that has only its name, token t.
func (p *parser) lookup(d *Daemon, t token) *Error {
	addrs, err := p.env.lookup(t.word)
	if err != nil {
		return p.lookupFailed(t, err)
	}
	i := 0
	if v := p.cfg.IPVersion; v != 0 {
		i = slices.IndexFunc(addrs, func(a netip.Addr) bool { return versionOf(a) == v })
		if i < 0 {
			return fail(t, CodeLookupNoAddressOfFamily, "the name "+show(t.word)+" has no "+v.String()+" address",
				"write the address after the name")
		}
	}
	if err := p.checkDaemonAddr(t, addrs[i]); err != nil {
		return err
	}
	d.Addr, d.LookedUp = addrs[i], true
	return nil
}

// virtualID reads [ "VirtualID" "=" NUMBER ] and settles the id.
func (p *parser) virtualID(d *Daemon) *Error {
	d.ID = DaemonID(d.Name)
	at, text := d.Pos, d.Name
	if p.tok.kind == kindVirtualID {
		key := p.tok
		p.advance()
		if err := p.equals(key); err != nil {
			return err
		}
		if p.tok.kind != kindNumber {
			return p.notNumber(key, "a number from 1 to "+strconv.Itoa(MaxVirtualID))
		}
		if p.tok.number == 0 {
			return fail(p.tok, CodeIDNotPositive, "found VirtualID "+show(p.tok.text),
				"write a number from 1 to "+strconv.Itoa(MaxVirtualID))
		}
		d.ID, d.IDGiven = uint32(p.tok.number), true
		at, text = p.tok.pos, p.tok.text
		p.advance()
	}
	if first, dup := p.ids[d.ID]; dup {
		return failAt(at, text, CodeDuplicateID, "daemon "+show(d.Name)+" has the id "+strconv.FormatUint(uint64(d.ID), 10)+
			" of the one on line "+strconv.Itoa(first.Line), "give each a VirtualID of its own")
	}
	p.ids[d.ID] = d.Pos
	return nil
}

// interfaces reads "{" { { "M" | "C" | "D" } IPADDR } "}" .
func (p *parser) interfaces(d *Daemon) *Error {
	open := p.tok
	p.advance()
	for p.tok.kind != kindClose {
		entry := Interface{Pos: p.tok.pos}
		for p.tok.kind == kindRole {
			entry.Roles |= 1 << strings.Index(roleLetters, p.tok.text)
			p.advance()
		}
		if p.tok.kind != kindAddr {
			return p.notInterface(open, entry.Roles != 0)
		}
		if len(d.Interfaces) == MaxInterfaces {
			return fail(p.tok, CodeTooManyInterfaces,
				"found "+show(p.tok.text)+" as interface number "+strconv.Itoa(MaxInterfaces+1)+" of daemon "+show(d.Name),
				"a daemon has at most "+strconv.Itoa(MaxInterfaces)+" interfaces; write all letters of an address before it, as in `D C "+p.tok.text+"`")
		}
		if entry.Roles == 0 {
			entry.Roles = AllRoles
		}
		entry.Addr = p.zoned(p.tok)
		d.Interfaces = append(d.Interfaces, entry)
		p.advance()
	}
	if len(d.Interfaces) == 0 {
		return fail(p.tok, CodeEmptyInterfaceList, "found an empty interface list for daemon "+show(d.Name),
			"write `{ "+d.Addr.String()+" }`, or leave out the braces to use every interface")
	}
	carries := func(i Interface) bool {
		a := i.Addr.WithZone("")
		own := d.Addr.WithZone("")
		return i.Roles&RoleDaemon != 0 && (a == own || a == versionOf(own).wildcard())
	}
	if !slices.ContainsFunc(d.Interfaces, carries) {
		return fail(open, CodeNoDaemonInterface,
			"the interface list of daemon "+show(d.Name)+" has no D entry for its own address "+d.Addr.String(),
			"add `D "+d.Addr.String()+"` to the list")
	}
	p.advance()
	return nil
}
