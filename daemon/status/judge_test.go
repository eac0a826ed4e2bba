package status

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spreadd/spreadd/internal/testkit/golden"
)

// pair is how a daemon of a test hears another: "m" as a member, "h" it is heard, "q" it is quiet; "%"
// as a member whose packets mostly have to be sent again, "~" some of them.
func pair(name string, how byte) Peer {
	p := Peer{Name: name, State: Member}
	last, loss := 0.5, 0.0
	switch how {
	case 'h':
		p.State, p.Reason = Missing, Apart
	case 'q':
		p.State, p.Reason, last = Missing, Silent, 60
	case '%':
		loss = 0.97
	case '~':
		loss = 0.1
	}
	p.LastSeconds, p.LossRate = &last, &loss
	return p
}

// cluster makes one of rows: the name of a daemon, the leader of its ring ("-" if it is in none), and how
// it hears the others in their order. A row without those is a daemon that does not answer.
func cluster(rows ...string) *Cluster {
	c := &Cluster{From: strings.Fields(rows[0])[0]}
	for _, row := range rows {
		f := strings.Fields(row)
		s := Summary{Name: f[0], Port: 4803}
		if len(f) > 1 {
			s.Answered, s.Extended, s.Operating, s.Leader, s.Ring = true, true, f[1] != "-", f[1], f[1]
			others := 0
			for _, o := range rows {
				if name := strings.Fields(o)[0]; name != s.Name {
					s.Peers = append(s.Peers, pair(name, f[2][others]))
					others++
				}
			}
		}
		c.Daemons = append(c.Daemons, s)
	}
	return c
}

// TestLinks: which links are broken follows from what all daemons say together. Silence alone is not a
// sign: members of a ring send to other rings only if they lead theirs.
func TestLinks(t *testing.T) {
	for _, c := range []struct {
		name string
		rows []string
		want string // parts of the reasons, separated by "; "
	}{
		{"a healthy ring", []string{"a a mm", "b a mm", "c a mm"}, ""},
		{"one does not hear one that hears it", []string{"a - qh", "b - hh", "c - hh"}, "one-way: a does not hear b, which hears it (are UDP 4803 and 4804 open from b to a?)"},
		{"in a ring, nearly all has to be sent again", []string{"a a mm", "b a %m", "c a mm"}, "one-way: b gets 97 % of the packets of a only when they are sent again"},
		{"in a ring, some has to be sent again", []string{"a a mm", "b a ~m", "c a mm"}, "loss: 10.0 % of the packets of a have to be sent again to b"},
		{"leaders that do not hear each other", []string{"a a q", "b b q"}, "split-rings: ; cut-link: a and b do not hear each other"},
		{"members of other rings are silent", []string{"a a mqq", "b a mqq", "c c qqm", "d c qqm"}, "split-rings: ; cut-link: a and c do not hear each other"},
		{"no answer, but others have it in their ring", []string{"a a mq", "b a mm", "c"}, "no-answer: ; cut-link: a does not hear c, which others hear"},
		{"a host that is down", []string{"a a mq", "b a mq", "c"}, "silent: c does not answer: not heard any more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			verdict, reasons := JudgeCluster(cluster(c.rows...))
			var found []Reason
			for _, r := range reasons {
				if r.Code != NoRing {
					found = append(found, r)
				}
			}
			var wants []string
			if c.want != "" {
				wants = strings.Split(c.want, "; ")
			}
			if len(found) != len(wants) || (verdict == Healthy) != (len(reasons) == 0) {
				t.Fatalf("%s, %q; want %q", verdict, found, wants)
			}
			for i, r := range found {
				code, text, _ := strings.Cut(wants[i], ": ")
				if string(r.Code) != code || !strings.Contains(r.Text, text) || r.Do == "" {
					t.Errorf("reason %+v, want %q", r, wants[i])
				}
			}
		})
	}
}

// TestTokensLost: form tokens from b to c do not arrive, those from a to b do.
func TestTokensLost(t *testing.T) {
	c := cluster("a - hh", "b - hh", "c - hh")
	c.Daemons[0].peer("b").TokenSent = true
	c.Daemons[1].peer("a").TokenCame = true
	c.Daemons[1].peer("c").TokenSent = true
	_, reasons := JudgeCluster(c)
	reasons = slices.DeleteFunc(reasons, func(r Reason) bool { return r.Code == NoRing })
	const want = "b sends form tokens to c, and none arrives (is UDP 4804 open from b to c?)"
	if len(reasons) != 1 || reasons[0].Code != OneWay || reasons[0].Daemon != "c" || reasons[0].Text != want {
		t.Errorf("reasons %+v, want %s", reasons, want)
	}
}

// TestRequestsLost: in a ring in which nobody sends messages, requests of b do not arrive at c. What c
// counts decides, because b cannot know which way is blocked.
func TestRequestsLost(t *testing.T) {
	c := cluster("a a mm", "b a mm", "c a mm")
	c.Daemons[1].peer("c").Unanswered = true
	c.Daemons[2].peer("b").AskCame = true
	if verdict, reasons := JudgeCluster(c); verdict != Healthy {
		t.Errorf("requests that arrive: %+v", reasons)
	}
	c.Daemons[2].peer("b").AskCame = false
	_, reasons := JudgeCluster(c)
	const want = "c gets no request of b, which asks all daemons how they are (is UDP 4803 open from b to c?)"
	if len(reasons) != 1 || reasons[0].Code != OneWay || reasons[0].Daemon != "c" || reasons[0].Text != want {
		t.Errorf("reasons %+v, want %s", reasons, want)
	}
	if l := c.Daemons[2].peer("b").Link; l != LinkBroken {
		t.Errorf("the link is %s", l)
	}
	c.Daemons[2].Version = "older"
	if verdict, reasons := JudgeCluster(c); verdict != Healthy {
		t.Errorf("with a daemon that does not say what came: %+v", reasons)
	}
}

// TestCodes: the page of the codes has all of them.
func TestCodes(t *testing.T) {
	var text strings.Builder
	seen := make(map[Code]bool)
	for _, e := range explained {
		if seen[e.code] {
			t.Errorf("%s is explained twice", e.code)
		}
		seen[e.code] = true
		text.WriteString("\n## " + string(e.code) + "\n\n" + e.meaning + "\n\n" + fill("What to do: "+strings.ToLower(e.do[:1])+e.do[1:]) + "\n")
	}
	golden.Section(t, filepath.Join("..", "..", "docs", "operate", "status-codes.md"),
		"<!-- codes: go test ./daemon/status -run Codes -rewrite -->\n", "<!-- end of codes -->\n", text.String()+"\n")
}

// fill breaks a text into lines of at most 100 columns.
func fill(text string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > 100:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// TestSlowClients: one client has a sentence of its own.
func TestSlowClients(t *testing.T) {
	for behind, want := range []string{1: "1 client of log1 does not keep up", 2: "2 clients of log1 do not keep up"} {
		if want == "" {
			continue
		}
		_, list := Judge(&Status{Daemon: "log1", Ring: Ring{Operating: true}, Clients: Clients{Behind: behind}})
		if len(list) != 1 || list[0].Text != want {
			t.Errorf("%d: %v, want %q", behind, list, want)
		}
	}
}
