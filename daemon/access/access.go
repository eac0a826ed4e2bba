package access

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Rule allows something to the clients that meet all of its conditions. A condition that lists nothing
// is met by every client. In texts, * stands for any characters and ? for one.
type Rule struct {
	// Where is the place of the rule, for people.
	Where string
	// Identities are names in certificates, Users those of local users at the UNIX socket.
	Identities, Users []string
	// Addresses are ranges of addresses of clients on TCP, and of monitors.
	Addresses []netip.Prefix
	// Methods are authentication methods of which the client has passed one.
	Methods []string
	// Names are private names. None means any, and the daemon may always choose one.
	Names []string
	// Join and Send are groups. To send to a private group is to send to the client that has it.
	Join, Send []string
	// Publishers are the names of publishers under which lines may be sent to these groups. None means
	// any. [IdentityOf] stands for the client's identity, and [HostOf] for that up to its first dot.
	Publishers []string
	// Monitor allows requests of monitors. Only rules of addresses alone matter for these.
	Monitor bool
}

// What stands for the client itself in [Rule.Publishers].
const (
	IdentityOf = "%{identity}"
	HostOf     = "%{host}"
)

// Client is what is known of a client.
type Client struct {
	Identity string     // in its certificate, or empty
	User     string     // at the UNIX socket, or empty
	Addr     netip.Addr // on TCP
	Methods  []string   // that it has passed
}

// matches reports whether a client meets all conditions.
func (r *Rule) matches(c *Client) bool {
	in := func(p netip.Prefix) bool { return p.Contains(c.Addr) }
	passed := func(m string) bool { return slices.Contains(c.Methods, m) }
	return (len(r.Identities) == 0 || c.Identity != "" && anyMatch(r.Identities, c.Identity)) &&
		(len(r.Users) == 0 || c.User != "" && anyMatch(r.Users, c.User)) &&
		(len(r.Addresses) == 0 || slices.ContainsFunc(r.Addresses, in)) &&
		(len(r.Methods) == 0 || slices.ContainsFunc(r.Methods, passed))
}

// Rules are a list of rules. The order does not matter.
type Rules []Rule

// Of returns the rights of a client. They are nil if the table is empty; nil rights allow everything.
func (t Rules) Of(c Client) *Rights {
	if len(t) == 0 {
		return nil
	}
	r := &Rights{identity: c.Identity}
	for i := range t {
		if t[i].matches(&c) {
			r.rules = append(r.rules, &t[i])
			r.limited = r.limited || len(t[i].Publishers) > 0
		}
	}
	return r
}

// maxCached bounds the groups that rights remember. A client that uses more has them looked up anew.
const maxCached = 1024

// Rights are what a client may do. One goroutine may use them at a time.
type Rights struct {
	rules       []*Rule
	identity    string
	limited     bool            // a rule lists publishers
	joins, send map[string]bool // what was found before, by group
	key         []byte          // of such an entry, used again
}

// None reports whether no rule matches the client.
func (r *Rights) None() bool { return r != nil && len(r.rules) == 0 }

// find returns the first rule that allows something.
func (r *Rights) find(allows func(*Rule) bool) *Rule {
	if i := slices.IndexFunc(r.rules, allows); i >= 0 {
		return r.rules[i]
	}
	return nil
}

// Name reports whether the client may have a private name. It may have one that the daemon chooses,
// which is empty here, if any rule matches the client.
func (r *Rights) Name(name string) bool { return r == nil || r.byName(name) != nil }

func (r *Rights) byName(name string) *Rule {
	return r.find(func(rule *Rule) bool {
		return name == "" || len(rule.Names) == 0 || anyMatch(rule.Names, name)
	})
}

// Join reports whether the client may join a group.
func (r *Rights) Join(group []byte) bool { return r == nil || cached(&r.joins, group, r.byJoin) }

func (r *Rights) byJoin(group string) *Rule {
	return r.find(func(rule *Rule) bool { return anyMatch(rule.Join, group) })
}

// Send reports whether the client may send to a group.
func (r *Rights) Send(group []byte) bool { return r == nil || cached(&r.send, group, r.bySend) }

func (r *Rights) bySend(group string) *Rule {
	return r.find(func(rule *Rule) bool { return anyMatch(rule.Send, group) })
}

// Limited reports whether it matters to [Rights.Publish] which publisher lines have.
func (r *Rights) Limited() bool { return r != nil && r.limited }

// Publish reports whether the client may send lines of a publisher to a group.
func (r *Rights) Publish(group, publisher []byte) bool {
	if r == nil {
		return true
	}
	r.key = append(append(append(r.key[:0], group...), 0), publisher...) // which no group has
	return cached(&r.send, r.key, func(string) *Rule { return r.byPublisher(string(group), string(publisher)) })
}

func (r *Rights) byPublisher(group, publisher string) *Rule {
	return r.find(func(rule *Rule) bool {
		return anyMatch(rule.Send, group) && (len(rule.Publishers) == 0 || rule.publishes(publisher, r.identity))
	})
}

// publishes reports whether a client with an identity may use the name of a publisher.
func (r *Rule) publishes(publisher, identity string) bool {
	host, _, _ := strings.Cut(identity, ".")
	own := strings.NewReplacer(IdentityOf, identity, HostOf, host)
	return slices.ContainsFunc(r.Publishers, func(p string) bool {
		// Whoever has a wildcard in its certificate, such as *.example.net, is not all of these.
		if strings.Contains(p, "%{") && (host == "" || strings.ContainsAny(identity, "*?")) {
			return false
		}
		return match(own.Replace(p), publisher)
	})
}

// Monitor reports whether the client may monitor.
func (r *Rights) Monitor() bool { return r == nil || r.byMonitor() != nil }

func (r *Rights) byMonitor() *Rule { return r.find(func(rule *Rule) bool { return rule.Monitor }) }

// cached looks up a group, first among those that were looked up before.
func cached(cache *map[string]bool, group []byte, look func(string) *Rule) bool {
	if found, ok := (*cache)[string(group)]; ok {
		return found
	}
	if *cache == nil || len(*cache) >= maxCached {
		*cache = make(map[string]bool)
	}
	name := string(group)
	found := look(name) != nil
	(*cache)[name] = found
	return found
}

// anyMatch reports whether one of the patterns matches a text.
func anyMatch(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, s) })
}

// match reports whether a pattern matches a text: * stands for any characters, ? for one byte. It goes
// back to the last * only, so its time is at most the product of both lengths.
func match(p, s string) bool {
	star, from := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == s[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(p[i:], "*") == ""
}

// actions are what [Rules.May] can be asked.
const actions = "send GROUP, send GROUP as PUBLISHER, join GROUP, name NAME or monitor"

// May answers a question such as "web1 send coolsite": whether a client may do something, and which rule
// says so. The client is a name in a certificate, an address, user:NAME for a local user, or several of
// them and method:NAME with commas between them.
func (t Rules) May(question string) (may bool, why string, err error) {
	words := strings.Fields(question)
	as := len(words) == 5 && words[1] == "send" && words[3] == "as"
	if !as && (len(words) < 2 || len(words) > 3 || (len(words) == 2) != (words[1] == "monitor")) {
		return false, "", fmt.Errorf("%q is no question: want WHO and %s", question, actions)
	}
	c := parseClient(words[0])
	if len(t) == 0 {
		return true, "there are no rules", nil
	}
	r := t.Of(c)
	if r.None() {
		return false, "no rule matches this client, so it may not connect", nil
	}
	var by *Rule
	switch words[1] {
	case "send":
		if by = r.bySend(words[2]); as {
			by = r.byPublisher(words[2], words[4])
		}
	case "join":
		by = r.byJoin(words[2])
	case "name":
		by = r.byName(words[2])
	case "monitor":
		by = r.byMonitor()
	default:
		return false, "", fmt.Errorf("unknown action %q: want %s", words[1], actions)
	}
	if by == nil {
		return false, fmt.Sprintf("no rule that matches this client allows it (%d match)", len(r.rules)), nil
	}
	return true, by.Where, nil
}

// parseClient reads the client of a question.
func parseClient(text string) (c Client) {
	for part := range strings.SplitSeq(text, ",") {
		user, isUser := strings.CutPrefix(part, "user:")
		method, isMethod := strings.CutPrefix(part, "method:")
		addr, err := netip.ParseAddr(part)
		switch {
		case isUser:
			c.User = user
		case isMethod:
			c.Methods = append(c.Methods, method)
		case err == nil:
			c.Addr = addr.Unmap().WithZone("") // as the daemon knows clients
		default:
			c.Identity = part
		}
	}
	return c
}
