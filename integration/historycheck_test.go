package integration

import (
	"strings"
	"testing"

	"github.com/spreadd/spreadd/spread"
)

// script writes histories by short words: a view is "v" and its number, its cause and
// who came along, a signal "!", a message a letter for its service, its sender and its
// number.
func script(t *testing.T, name string, sent uint32, words string) *history {
	t.Helper()
	h := &history{name: name, sent: sent}
	for w := range strings.FieldsSeq(words) {
		switch w[0] {
		case 'v': // v3=net:ab/c has a and b together, c apart
			v := &spread.Membership{Group: "g", Cause: spread.CauseJoin, ID: spread.GroupID{Daemon: 1, Time: 1, Index: uint32(w[1] - '0')}}
			who := w[3:]
			if rest, ok := strings.CutPrefix(who, "net:"); ok {
				v.Cause = spread.CauseNetwork
				for set := range strings.SplitSeq(rest, "/") {
					members := strings.Split(set, "")
					v.Sets = append(v.Sets, spread.VSSet{Own: strings.Contains(set, name), Members: members})
				}
				who = strings.ReplaceAll(rest, "/", "")
			}
			v.Members = strings.Split(who, "")
			h.marks = append(h.marks, mark{view: v})
		case '!':
			h.marks = append(h.marks, mark{view: &spread.Membership{Group: "g", Cause: spread.Transitional}})
		default:
			service := map[byte]spread.Service{'r': spread.Reliable, 'o': spread.Agreed, 's': spread.Safe}[w[0]]
			h.marks = append(h.marks, mark{id: ident{int(w[1] - 'a'), uint32(w[2] - '0')}, service: service})
		}
	}
	return h
}

// Each breach of a promise is found, and what is allowed is not blamed.
func TestHistories(t *testing.T) {
	for _, tt := range []struct {
		name  string
		a, b  string // what the clients a and b saw
		sentA uint32
		ended bool // b was cut off
		want  string
	}{
		{"equal", "v1=ab oa1 ob1 sa2", "v1=ab oa1 ob1 sa2", 2, false, ""},
		{"reliable out of order", "v1=ab oa1 ra2 ob1", "v1=ab ra2 oa1 ob1", 2, false, ""},
		{"b was cut off", "v1=ab oa1 ob1", "v1=ab oa1", 1, true, ""},
		{"parted", "v1=ab oa1 ! oa2 v2=net:a", "v1=ab oa1 ! ob1 v3=net:b", 2, false, ""},
		{"merged", "v1=ab ! oa1 v2=net:a v4=net:a/b ob2", "v1=ab ! ob1 v3=net:b v4=net:a/b ob2", 1, false, ""},
		{"join on one side", "v1=ab ! v2=net:a", "v1=ab oa1 v5=abc ! v3=net:bc", 0, true, ""},

		{"duplicate", "v1=ab oa1 oa1", "v1=ab oa1 oa1", 2, false, "for the second time"},
		{"before the first view", "oa1 v1=ab", "v1=ab oa1", 1, false, "before the first view"},
		{"sender's order", "v1=ab oa2 oa1", "v1=ab oa2 oa1", 2, false, "after number 2"},
		{"own message lost", "v1=ab oa1", "v1=ab oa1", 2, false, "got 1 of them back"},
		{"view twice", "v1=ab v1=ab", "v1=ab", 0, false, "for the second time"},
		{"not in its view", "v1=b", "v1=b", 0, false, "does not have the receiver"},
		{"views differ", "v1=ab", "v1=abc", 0, false, "differs"},
		{"sets differ", "v1=net:ab/c", "v1=net:ab/c/d", 0, false, "differs"},
		{"order", "v1=ab oa1 ob1", "v1=ab ob1 oa1", 1, false, "order:"},
		{"lost at b", "v1=ab oa1 ob1", "v1=ab oa1", 1, false, "synchrony:"},
		{"lost before a change", "v1=ab oa1 ob1 ! v2=net:ab", "v1=ab oa1 ! v2=net:ab", 1, false, "synchrony:"},
		{"never came along", "v1=ab ! v2=net:ab", "v3=ab ! v2=net:ab", 0, false, "never had the first"},
		{"other view after it", "v1=ab v2=abc", "v1=ab v3=abd", 0, false, "synchrony:"},
		{"safe, not at b", "v1=ab sa1 ! v2=net:a", "v1=ab ! v3=net:b", 1, false, "safe:"},
		{"safe after the signal", "v1=ab ! sa1 v2=net:a", "v1=ab ! v3=net:b", 1, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := script(t, "a", tt.sentA, tt.a), script(t, "b", 0, tt.b)
			b.ended = tt.ended
			for _, m := range b.marks {
				if m.view == nil && m.id.sender == 1 {
					b.sent++
				}
			}
			err := checkHistories([]*history{a, b})
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("blamed: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("found %v, expected %q", err, tt.want)
			}
		})
	}
}
