package spreadlogdconf

import (
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/internal/conf"
)

// Parse reads a configuration. file is its name, for messages.
//
// An error is of type [conf.Errors]. The Config is never nil; with an error only its Warnings are
// of use.
func Parse(file string, src []byte) (*Config, error) {
	p := &parser{lex: lexer{Cursor: conf.Cursor{File: file, Text: conf.Text(src)}}, cfg: &Config{BufferSize: DefaultBufferSize}}
	p.config()
	if !p.failed {
		p.check()
	}
	conf.SortWarnings(p.cfg.Warnings)
	if len(p.errs) > 0 {
		p.errs.Sort()
		return p.cfg, p.errs
	}
	return p.cfg, nil
}

// parser is a recursive descent along the grammar of spreadlogd §4. After a mistake in the grammar
// failed is set and all functions return at once.
type parser struct {
	lex    lexer
	cfg    *Config
	errs   conf.Errors
	failed bool
}

func (p *parser) errorf(pos conf.Pos, problem, advice string) {
	p.errs = append(p.errs, &conf.Error{Pos: pos, Problem: problem, Advice: advice})
}

func (p *parser) warn(pos conf.Pos, text string) {
	p.cfg.Warnings = append(p.cfg.Warnings, conf.Warning{Pos: pos, Text: text})
}

// fail reports a mistake in the grammar, and gives up.
func (p *parser) fail(t token, expected, advice string) {
	p.errorf(t.pos, "expected "+expected+", found "+t.String(), advice)
	p.failed = true
}

// What may stand in a place, for messages.
const (
	wantGlobal = "a global directive or Spread"
	wantSpread = `Port, Host, Log or "}"`
	wantLog    = `a directive of Log or "}"`
)

func (p *parser) config() {
	for !p.failed {
		t := p.lex.directive()
		switch k := t.keyword; {
		case t.kind == tokEnd:
			if len(p.cfg.Spreads) == 0 {
				p.fail(t, "a Spread block", "say what to log: Spread { Log { Group = ... File = ... } }")
			}
			return
		case k == kwBufferSize:
			p.bufferSize(t)
		case k == kwModuleDir:
			p.set(t, &p.cfg.ModuleDir)
		case k == kwLoadModule:
			p.loadModule(t)
		case k == kwPerlLib, k == kwPerlUse:
			p.script(t, &p.cfg.Perl)
		case k == kwPythonLib, k == kwPythonImport:
			p.script(t, &p.cfg.Python)
		case k == kwSpread:
			p.spread(t)
		default:
			p.misplaced(t, wantGlobal)
		}
	}
}

func (p *parser) spread(head token) {
	if !p.open(head) {
		return
	}
	s := Spread{Pos: head.pos, Port: Setting{Value: DefaultPort}}
	for !p.failed {
		t := p.lex.directive()
		switch {
		case t.kind == tokClose:
			p.cfg.Spreads = append(p.cfg.Spreads, s)
			return
		case t.keyword == kwPort:
			p.set(t, &s.Port)
		case t.keyword == kwHost:
			p.set(t, &s.Host)
		case t.keyword == kwLog:
			p.log(t, &s)
		default:
			p.misplaced(t, wantSpread)
		}
	}
}

func (p *parser) log(head token, s *Spread) {
	if !p.open(head) {
		return
	}
	l := Log{Pos: head.pos}
	settings := map[keyword]*Setting{
		kwGroup: &l.Group, kwFile: &l.File, kwVhostDir: &l.VhostDir,
		kwPerlLog: &l.PerlLog, kwPerlHup: &l.PerlHup, kwPythonLog: &l.PythonLog,
	}
	for !p.failed {
		t := p.lex.directive()
		switch k := t.keyword; {
		case t.kind == tokClose:
			s.Logs = append(s.Logs, l)
			return
		case settings[k] != nil:
			p.set(t, settings[k])
		case k == kwRewriteTimestamp:
			p.rewrite(t, &l.RewriteTimestamp)
		case k == kwMatch:
			p.match(t, &l)
		case k == kwModuleLog:
			var m Setting
			p.set(t, &m)
			l.ModuleLog = append(l.ModuleLog, m)
		default:
			p.misplaced(t, wantLog)
		}
	}
}

func (p *parser) open(head token) bool {
	if t := p.lex.next(); t.kind != tokOpen {
		p.fail(t, `"{" after `+head.keyword.String(), "")
	}
	return !p.failed
}

func (p *parser) misplaced(t token, expected string) {
	switch place := t.keyword.place(); {
	case t.keyword == kwVhostGroup:
		p.fail(t, expected, "VhostGroup is reserved and has no meaning, in spreadlogd either")
	case place != "":
		p.fail(t, expected, t.keyword.String()+" belongs "+place)
	case t.kind == tokClose:
		p.fail(t, expected, `it closes no "{"`)
	case t.kind == tokOpen:
		p.fail(t, expected, "quote a value that contains a brace")
	case t.kind == tokWord || t.kind == tokQuoted:
		p.fail(t, expected, p.strayWord(t))
	default:
		p.fail(t, expected, "")
	}
}

// strayWord guesses why there is a word where a directive is expected.
func (p *parser) strayWord(t token) string {
	name, _, assigned := strings.Cut(t.text, "=")
	assigned = assigned || p.lex.equals()
	switch k := conf.Suggest(name, keywords()); {
	case !assigned && !t.newLine:
		return "quote a value that contains white space"
	case k != "":
		return "did you mean " + k + "?"
	case name != "" && t.kind == tokWord:
		return "there is no such directive"
	}
	return ""
}

func (k keyword) place() string {
	switch k {
	case kwPort, kwHost, kwLog:
		return "into Spread { }"
	case kwFile, kwGroup, kwMatch, kwModuleLog, kwPerlHup, kwPerlLog, kwPythonLog, kwRewriteTimestamp, kwVhostDir:
		return "into Log { }"
	case kwBufferSize, kwLoadModule, kwModuleDir, kwPerlLib, kwPerlUse, kwPythonImport, kwPythonLib, kwSpread:
		return "outside of all blocks"
	case kwCommonLogFormat:
		return "behind RewriteTimestamp"
	case kwNone, kwVhostGroup:
	}
	return ""
}

// value returns the value of a directive. The zero token means failure.
func (p *parser) value(head token) token {
	p.lex.equals()
	t := p.lex.peek()
	switch {
	case t.kind == tokWord && t.newLine && leadingKeyword(t.text) != kwNone:
		// spreadlogd takes no keyword for a value. We do, but not at the start of a line, where it
		// rather begins the next directive.
		p.fail(t, "a value of "+head.keyword.String(), "quote a value that is the name of a directive")
		return token{}
	case t.kind == tokWord || t.kind == tokQuoted:
	default:
		advice := ""
		if t.kind != tokEnd {
			advice = "quote a value that contains a brace"
		}
		p.fail(t, "a value of "+head.keyword.String(), advice)
		return token{}
	}
	t = p.lex.next()
	p.checkValue(t)
	return t
}

// checkValue warns of values that are not what they look like.
func (p *parser) checkValue(t token) {
	switch {
	case t.kind == tokQuoted:
		if strings.Contains(t.text, "\n") {
			p.warn(t.pos, "this value continues on the next line: is a quote missing?")
		}
	case t.behind == '#':
		p.warn(t.pos, `the value is `+quoteShort(t.text)+`, because "#" begins a comment even inside a word; quote the value if "#" is part of it`)
	case strings.Trim(t.text, `"'`) != t.text:
		p.warn(t.pos, "the value is "+t.text+" with the quotes, because they do not enclose all of it")
	}
}

// set reads a directive with one value. A second one replaces the first.
func (p *parser) set(head token, s *Setting) {
	p.again(head, s.Pos)
	if v := p.value(head); !p.failed {
		*s = Setting{Value: v.text, Pos: head.pos}
	}
}

// again warns if the directive at earlier is replaced.
func (p *parser) again(head token, earlier conf.Pos) {
	if earlier.IsValid() {
		p.warn(head.pos, head.keyword.String()+" is already set on line "+strconv.Itoa(earlier.Line)+"; the last one applies")
	}
}

func (p *parser) script(head token, list *[]Directive) {
	if v := p.value(head); !p.failed {
		*list = append(*list, Directive{head.keyword.String(), v.text, head.pos})
	}
}

func (p *parser) loadModule(head token) {
	name := p.value(head)
	if p.failed {
		return
	}
	m := Module{Name: name.text, Pos: head.pos}
	t := p.lex.peek()
	isValue := t.kind == tokQuoted ||
		t.kind == tokWord && (leadingKeyword(t.text) == kwNone || t.keyword != kwNone && !t.newLine)
	if isValue {
		t = p.lex.next()
		p.checkValue(t)
		m.Config = t.text
	}
	p.cfg.Modules = append(p.cfg.Modules, m)
}

// bufferSize reads what spreadlogd gives to atoi. The first one counts.
func (p *parser) bufferSize(head token) {
	v := p.value(head)
	if p.failed {
		return
	}
	if first := p.cfg.BufferSizePos; first.IsValid() {
		p.warn(head.pos, "BufferSize is already set on line "+strconv.Itoa(first.Line)+"; the first one applies")
		return
	}
	n, whole := atoi(v.text)
	switch {
	case n <= 0 && !whole:
		p.errorf(v.pos, "expected a number of bytes, found "+v.String(), "")
	case n <= 0:
		p.warn(v.pos, "a BufferSize of "+v.text+" is ignored")
	case !whole:
		p.warn(v.pos, v.String()+" means "+strconv.Itoa(n)+" bytes; spreadlogd knows no units")
		fallthrough
	default:
		p.cfg.BufferSize, p.cfg.BufferSizePos = n, head.pos
	}
}

// maxBufferSize keeps absurd values from overflowing anything; a message of Spread is far smaller.
const maxBufferSize = 1 << 30

// atoi reads a number as C's function does: white space, a sign, digits, and whatever follows.
// whole reports that nothing does.
func atoi(s string) (n int, whole bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	digits := strings.TrimPrefix(s, "-")
	negative := digits != s
	if !negative {
		digits = strings.TrimPrefix(s, "+")
	}
	i := 0
	for ; i < len(digits) && digits[i] >= '0' && digits[i] <= '9'; i++ {
		if d := int(digits[i] - '0'); n <= (maxBufferSize-d)/10 {
			n = n*10 + d
		} else {
			n = maxBufferSize
		}
	}
	if negative {
		n = -n
	}
	return n, i > 0 && i == len(digits)
}

func (p *parser) rewrite(head token, r *Rewrite) {
	p.again(head, r.Pos)
	v := p.value(head)
	if p.failed {
		return
	}
	*r = Rewrite{Kind: RewriteFormat, Format: v.text, Pos: head.pos}
	clf := kwCommonLogFormat.String()
	switch {
	case v.text == clf:
		if v.kind == tokQuoted {
			p.warn(v.pos, `"CommonLogFormat" in quotes is read as the keyword; spreadlogd would write the word into every line`)
		}
		r.Kind, r.Format = RewriteCommonLog, ""
	case strings.EqualFold(v.text, clf):
		p.warn(v.pos, v.String()+" is a format that writes exactly this word; the keyword is CommonLogFormat")
	case !strings.Contains(v.text, "%"):
		p.warn(v.pos, "the format "+v.String()+` contains no "%", so all lines get the same text`)
	case len(v.text) > maxFormat:
		p.warn(v.pos, "the format is longer than the "+strconv.Itoa(maxFormat)+" bytes that spreadlogd supports")
	}
}

// maxFormat is the longest format for which spreadlogd's behaviour is defined (spreadlogd §9).
const maxFormat = 127

func (p *parser) match(head token, l *Log) {
	v := p.value(head)
	if p.failed {
		return
	}
	re, err := compileEgrep(v.text)
	if err != nil {
		p.errorf(v.pos, "bad regular expression "+v.String()+": "+err.Error(), "")
		return
	}
	l.Match = append(l.Match, Pattern{Text: v.text, Regexp: re, Pos: head.pos})
	if len(l.Match) == maxMatch+1 {
		p.warn(head.pos, "spreadlogd ignores all but the first "+strconv.Itoa(maxMatch)+" Match of a Log; logsub applies all")
	}
}

// maxMatch is how many Match of a Log spreadlogd takes (spreadlogd §10).
const maxMatch = 10
