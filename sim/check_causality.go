package sim

// checkCausality checks M8 of membership-protocol §15: before a message, a daemon delivers what the
// message's maker had delivered or sent, in the same configuration, when it sent the message.
// Reliable messages are exempt, as cause and as effect: one may be delivered ahead of a gap, and be
// dropped if the gap is never filled and its maker does not come along.
func checkCausality(a *analysis, r *report) {
	for _, id := range a.confs {
		list := a.byConf[id]
		past := make(map[*Life][]int) // what each delivered there, as places
		for _, s := range list {
			for _, i := range s.regular {
				if e := &s.life.Stream[i]; e.Kind == EntryData && !e.Message.early() {
					past[s.life] = append(past[s.life], i)
				}
			}
		}
		for _, q := range list {
			checkPast(a, q, past, r)
		}
	}
}

// checkPast checks the deliveries of one daemon. It looks at each part of another daemon's past
// only once.
func checkPast(a *analysis, q *span, past map[*Life][]int, r *report) {
	looked := make(map[*Life]int)
	for _, i := range q.all() {
		e := &q.life.Stream[i]
		if e.Kind != EntryData || e.Message.early() || !a.isSent[e.Message.Number] || a.sent[e.Message.Number] != q.conf.ID {
			continue
		}
		p := e.Message.From.Life
		n := looked[p]
		for ; n < len(past[p]) && past[p][n] < a.begun[e.Message.Number]; n++ {
			m := p.Stream[past[p][n]].Message
			if at := a.at[q.life][m.Number]; at == 0 || at > i+1 {
				r.add(e.At, "%s delivers %v, but not before it %v, which %s had delivered when it sent", q.life.Name, e.Message, m, p.Name)
			}
		}
		looked[p] = n
	}
}
