package spreadconf

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// form is what follows the name of an option.
type form uint8

const (
	formNone form = iota
	formBool
	formTri
	formNumber
	formWord
	formFlags
	formPriority
	formStamp // a word that may be missing, with its "="
)

type option struct {
	name string
	form form
	// set stores the value in token v. It is nil for formFlags, whose value is no single token.
	set func(p *parser, v token) *Error
	// get returns the value as Describe prints it.
	get func(c *Config) string
}

// Bounds of values, in bytes (spread-conf §7, §12).
const (
	maxRuntimeDir = 4096
	maxUserName   = 32
	maxAuthList   = 89
)

// optionTable has all options, in the order in which Describe prints them. It is never written to.
var optionTable = []option{
	{"DebugFlags", formFlags, nil, func(c *Config) string { return "{ " + c.Options.DebugFlags.String() + " }" }},
	plainOption("EventPriority", formPriority, func(o *Options) *Priority { return &o.EventPriority }, priorityOf, Priority.String),
	{"EventLogFile", formWord, setLogFile, func(c *Config) string { return textOr(c.Options.EventLogFile, "standard output") }},
	{"EventTimeStamp", formStamp, setTimeStamp, getTimeStamp},
	{"EventPreciseTimeStamp", formNone, setPrecise, func(c *Config) string { return triFromBool(c.Options.TimeStamp.Precise).String() }},

	windowOption("Window", 1, func(o *Options) *int { return &o.Window }),
	windowOption("PersonalWindow", 1, func(o *Options) *int { return &o.PersonalWindow }),
	windowOption("AcceleratedWindow", 0, func(o *Options) *int { return &o.AcceleratedWindow }),
	unsetOption("AcceleratedRing", func(o *Options) *Tri { return &o.AcceleratedRing }),
	unsetOption("WideAreaNetwork", func(o *Options) *Tri { return &o.WideAreaNetwork }),
	timeoutOption(0), timeoutOption(1), timeoutOption(2),
	timeoutOption(3), timeoutOption(4), timeoutOption(5),
	timeoutOption(6), timeoutOption(7), timeoutOption(8),

	{"ActiveIPVersion", formWord, setIPVersion, func(c *Config) string { return c.IPVersion.String() }},
	boolOption("ExcludeSegAddrsFromHash", func(o *Options) *bool { return &o.ExcludeSegAddrsFromHash }),
	boolOption("IgnoreMulticastJoinErrors", func(o *Options) *bool { return &o.IgnoreMulticastJoinErrors }),

	boolOption("DangerousMonitor", func(o *Options) *bool { return &o.DangerousMonitor }),
	plainOption("SocketPortReuse", formTri, func(o *Options) *Tri { return &o.SocketPortReuse }, triOf, Tri.String),
	textOption("RuntimeDir", maxRuntimeDir, func(o *Options) *string { return &o.RuntimeDir }),
	textOption("DaemonUser", maxUserName, func(o *Options) *string { return &o.DaemonUser }),
	textOption("DaemonGroup", maxUserName, func(o *Options) *string { return &o.DaemonGroup }),
	{"MaxSessionMessages", formNumber, setMaxSession, func(c *Config) string {
		if !c.Sets("MaxSessionMessages") {
			return "no limit; bytes are limited instead"
		}
		return strconv.Itoa(c.Options.MaxSessionMessages)
	}},
	authOption("AllowedAuthMethods", func(o *Options) *[]AuthMethod { return &o.AllowedAuthMethods }),
	authOption("RequiredAuthMethods", func(o *Options) *[]AuthMethod { return &o.RequiredAuthMethods }),
	{"AccessControlPolicy", formWord, setPolicy, func(c *Config) string { return c.Options.AccessControlPolicy }},
}

func optionNamed(name string) *option {
	for i := range optionTable {
		if optionTable[i].name == name {
			return &optionTable[i]
		}
	}
	return nil
}

func (p *parser) option() *Error {
	key := p.tok
	opt := optionNamed(key.text)
	if first, again := p.cfg.set[opt.name]; again && !opt.isAuthList() {
		p.warn(key.pos, WarnRepeatedOption, opt.name+" replaces the one on line "+strconv.Itoa(first.Line)+"; remove one of them")
	}
	p.cfg.set[opt.name] = key.pos
	p.advance()
	if err := p.optionValue(opt, key); err != nil {
		return err
	}
	p.lastOption = opt
	return nil
}

func (o *option) isAuthList() bool {
	return o.name == "AllowedAuthMethods" || o.name == "RequiredAuthMethods"
}

func (p *parser) optionValue(opt *option, key token) *Error {
	if opt.form == formNone || opt.form == formStamp && p.tok.kind != kindEquals {
		return opt.set(p, key)
	}
	if err := p.equals(key); err != nil {
		return err
	}
	var want kind
	switch opt.form {
	case formFlags:
		return p.debugFlags(key)
	case formBool:
		want = kindBool
	case formTri:
		want = kindTri
	case formNumber:
		want = kindNumber
	case formPriority:
		want = kindPriority
	case formWord, formStamp:
		want = kindWord
	case formNone: // has no "="
	}
	if p.tok.kind != want {
		return p.notValue(opt, key)
	}
	if err := opt.set(p, p.tok); err != nil {
		return err
	}
	p.advance()
	return nil
}

func (p *parser) equals(key token) *Error {
	if p.tok.kind != kindEquals {
		return p.notEquals(key)
	}
	p.advance()
	return nil
}

// debugFlags reads "{" { [ "!" ] flag } "}", from left to right and starting from no flags at all.
func (p *parser) debugFlags(key token) *Error {
	if p.tok.kind != kindOpen {
		return p.notFlagsOpen()
	}
	var mask DebugFlags
	for {
		p.advance()
		remove := p.tok.kind == kindBang
		if remove {
			p.advance()
		}
		switch {
		case p.tok.kind == kindFlag:
		case p.tok.kind == kindClose && !remove:
			p.cfg.Options.DebugFlags = mask
			p.advance()
			return nil
		default:
			return p.notFlag(key)
		}
		flag, _ := flagOf(p.tok.text)
		if remove {
			mask &^= flag
		} else {
			mask |= flag
		}
	}
}

// plainOption is a keyword, of which the lexer has checked that parse knows it.
func plainOption[T any](name string, f form, field func(*Options) *T, parse func(string) (T, bool), text func(T) string) option {
	return option{
		name, f,
		func(p *parser, v token) *Error {
			*field(&p.cfg.Options), _ = parse(v.text)
			return nil
		},
		func(c *Config) string { return text(*field(&c.Options)) },
	}
}

func boolOption(name string, field func(*Options) *bool) option {
	return plainOption(name, formBool, field, boolOf, strconv.FormatBool)
}

// unsetOption is a boolean for which being absent is a value of its own.
func unsetOption(name string, field func(*Options) *Tri) option {
	parse := func(s string) (Tri, bool) {
		b, ok := boolOf(s)
		return triFromBool(b), ok
	}
	return plainOption(name, formBool, field, parse, func(t Tri) string {
		return [...]string{Auto: "unset", On: "true", Off: "false"}[t]
	})
}

func windowOption(name string, least int, field func(*Options) *int) option {
	return option{
		name, formNumber,
		func(p *parser, v token) *Error {
			switch {
			case v.number < least:
				return fail(v, CodeNotPositive, "found "+name+" "+show(v.text),
					"write a number from 1 to "+strconv.Itoa(MaxWindow))
			case v.number > MaxWindow:
				return fail(v, CodeWindowRange, "found "+name+" "+show(v.text)+", of which C daemons keep only 16 bits",
					"write a number from "+strconv.Itoa(least)+" to "+strconv.Itoa(MaxWindow))
			}
			*field(&p.cfg.Options) = v.number
			return nil
		},
		func(c *Config) string { return strconv.Itoa(*field(&c.Options)) },
	}
}

func timeoutOption(i int) option {
	name := timeoutOptions()[i]
	return option{
		name, formNumber,
		func(p *parser, v token) *Error {
			if v.number == 0 {
				return fail(v, CodeNotPositive, "found "+name+" "+show(v.text),
					"write a number of milliseconds from 1 on, or leave out all nine timeouts")
			}
			*p.cfg.Options.Timeouts.fields()[i] = time.Duration(v.number) * time.Millisecond
			return nil
		},
		func(c *Config) string {
			return strconv.FormatInt(c.Options.Timeouts.fields()[i].Milliseconds(), 10)
		},
	}
}

// textOption is a word that is ignored if empty and refused if too long.
func textOption(name string, limit int, field func(*Options) *string) option {
	return option{
		name, formWord,
		func(p *parser, v token) *Error {
			switch {
			case v.word == "":
				p.warn(v.pos, WarnEmptyValue, "the empty "+name+" is ignored; write a value, or remove the line")
				return nil
			case len(v.word) > limit:
				return fail(v, CodeValueTooLong, "found a "+name+" of "+strconv.Itoa(len(v.word))+" bytes",
					"write at most "+strconv.Itoa(limit))
			}
			*field(&p.cfg.Options) = v.word
			return nil
		},
		func(c *Config) string { return *field(&c.Options) },
	}
}

// authOption is a list of authentication methods. Repeated ones add up; the first of the file,
// whichever it is, replaces the default of both.
func authOption(name string, field func(*Options) *[]AuthMethod) option {
	return option{
		name, formWord,
		func(p *parser, v token) *Error {
			if !p.authSeen {
				p.authSeen = true
				p.cfg.Options.AllowedAuthMethods = nil
			}
			p.authMethods(name, field(&p.cfg.Options), v)
			return nil
		},
		func(c *Config) string {
			var s []string
			for _, m := range *field(&c.Options) {
				s = append(s, string(m))
			}
			return textOr(strings.Join(s, " "), "none")
		},
	}
}

// authMethods adds the methods that v lists, and keeps the list in the order in which they are
// offered.
func (p *parser) authMethods(name string, list *[]AuthMethod, v token) {
	text := v.word
	if len(text) > maxAuthList {
		text = text[:maxAuthList]
		p.warn(v.pos, WarnValueCut, "the list of "+name+" is cut to its first "+strconv.Itoa(maxAuthList)+" bytes")
	}
	wanted := slices.Clone(*list)
	for word := range strings.SplitSeq(text, " ") {
		switch m := AuthMethod(word); {
		case word == "":
		case slices.Contains(authMethods(), m):
			wanted = append(wanted, m)
		default:
			p.warn(v.pos, WarnUnknownAuthMethod, name+" names the unknown method "+show(word)+
				", which is ignored; the methods are NULL, IP and PWORD, with single spaces between them")
		}
	}
	*list = nil
	for _, m := range authMethods() {
		if slices.Contains(wanted, m) {
			*list = append(*list, m)
		}
	}
}

func setLogFile(p *parser, v token) *Error {
	if v.word == "" {
		return fail(v, CodeEmptyValue, "found "+show(v.text)+" as the name of a file",
			"write a file name, or remove the line to log to standard output")
	}
	p.cfg.Options.EventLogFile = v.word
	return nil
}

// setTimeStamp stores a format, or the default one if v is the option itself.
func setTimeStamp(p *parser, v token) *Error {
	stamp := &p.cfg.Options.TimeStamp
	stamp.Set, stamp.Format = true, DefaultTimeStampFormat
	if v.kind != kindWord {
		return nil
	}
	stamp.Format = v.word
	switch {
	case v.word == "":
		p.warn(v.pos, WarnEmptyTimeStamp, "an empty time stamp format means no time stamp; remove the line")
	case len(v.word) > maxTimeStampFormat:
		stamp.Format = v.word[:maxTimeStampFormat]
		p.warn(v.pos, WarnValueCut, "the time stamp format is cut to "+show(stamp.Format)+", its first "+
			strconv.Itoa(maxTimeStampFormat)+" bytes")
	}
	return nil
}

func getTimeStamp(c *Config) string {
	if !c.Options.TimeStamp.Set {
		return "off"
	}
	return strconv.Quote(c.Options.TimeStamp.Format)
}

func setPrecise(p *parser, _ token) *Error {
	stamp := &p.cfg.Options.TimeStamp
	if !stamp.Set {
		stamp.Set, stamp.Format = true, DefaultTimeStampFormat
	}
	stamp.Precise = true
	return nil
}

func setIPVersion(p *parser, v token) *Error {
	var want IPVersion
	switch v.word {
	case "IPv4":
		want = IPv4
	case "IPv6":
		want = IPv6
	default:
		return fail(v, CodeBadIPVersion, "found ActiveIPVersion "+show(v.text), "write IPv4 or IPv6, in exactly this case")
	}
	if have := p.cfg.IPVersion; have != 0 && have != want {
		return fail(v, CodeIPVersionConflict, "found ActiveIPVersion "+want.String()+" in an "+have.String()+" configuration",
			"use one address family, and put ActiveIPVersion before the first segment")
	}
	p.cfg.IPVersion = want
	return nil
}

func setMaxSession(p *parser, v token) *Error {
	if v.number == 0 {
		p.warn(v.pos, WarnNoSessionQueue, "with MaxSessionMessages 0 every client is disconnected at its first message; write a number such as 1000")
	}
	p.cfg.Options.MaxSessionMessages = v.number
	return nil
}

func setPolicy(p *parser, v token) *Error {
	if v.word != policyPermit {
		return fail(v, CodeBadPolicy, "found AccessControlPolicy "+show(v.text), "write "+policyPermit+", the only policy, or remove the line")
	}
	p.cfg.Options.AccessControlPolicy = v.word
	return nil
}

func textOr(s, empty string) string {
	if s == "" {
		return empty
	}
	return s
}
