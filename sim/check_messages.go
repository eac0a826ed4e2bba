package sim

// checkDuplicates checks M2 of membership-protocol §15: a message is delivered at most once, over
// all configurations. M1, that no message is invented or altered, is checked on delivery.
func checkDuplicates(a *analysis, r *report) {
	for _, l := range a.Daemons {
		for i := range l.Stream {
			if e := &l.Stream[i]; e.Kind == EntryData && a.at[l][e.Message.Number] != i+1 {
				r.add(e.At, "%s delivers %v twice", l.Name, e.Message)
			}
		}
	}
}

// checkSendingConfiguration checks M3: a message is delivered in the configuration that it is sent
// in, or in the transitional one after it.
func checkSendingConfiguration(a *analysis, r *report) {
	for _, l := range a.Daemons {
		for _, s := range a.spans[l] {
			for _, i := range s.all() {
				e := &l.Stream[i]
				if e.Kind != EntryData {
					continue
				}
				switch n := e.Message.Number; {
				case s.conf == nil:
					r.add(e.At, "%s delivers %v before its first configuration", l.Name, e.Message)
				case !a.isSent[n]:
					r.add(e.At, "%s delivers %v, which was not sent as a whole", l.Name, e.Message)
				case a.sent[n] != s.conf.ID:
					r.add(e.At, "%s delivers %v, sent in %v, in %v", l.Name, e.Message, a.sent[n], s.conf.ID)
				}
			}
		}
	}
}

// checkSelfDelivery checks M4: a daemon delivers what it has sent, unless it fails. What it has
// taken from a client but not sent waits for another ring.
func checkSelfDelivery(a *analysis, r *report) {
	for _, m := range a.Messages {
		p := m.From.Life
		if m.Taken == 0 || a.has(p, m) {
			continue
		}
		if p.alive() {
			r.add(m.Taken, "%s has taken %v and does not deliver it", p.Name, m)
			continue
		}
		if !a.isSent[m.Number] {
			continue
		}
		for _, s := range a.spans[p] {
			if s.conf != nil && s.conf.ID == a.sent[m.Number] && s.next != nil {
				r.add(m.Taken, "%s has sent %v in %v, and leaves that without delivering it", p.Name, m, s.conf.ID)
			}
		}
	}
}

// checkEnded checks G14 of groups-protocol §12: once a daemon has delivered the end of a session, it
// delivers nothing that the session sent. All daemons deliver in one order, so each daemon's own
// sessions are enough.
func checkEnded(a *analysis, r *report) {
	for _, l := range a.Daemons {
		ended := make(map[*Client]bool)
		for i := range l.Stream {
			switch e := &l.Stream[i]; {
			case e.Kind == EntryEnded:
				ended[e.To[0]] = true
			case e.Kind == EntryData && ended[e.Message.From]:
				r.add(e.At, "%s delivers %v of %v, which has left", l.Name, e.Message, e.Message.From)
			}
		}
	}
}

// checkFIFO checks that messages of one client arrive in the order in which it sent them.
func checkFIFO(a *analysis, r *report) {
	for _, l := range a.Daemons {
		last := make(map[*Client]*Message)
		for i := range l.Stream {
			e := &l.Stream[i]
			if e.Kind != EntryData || e.Message.early() {
				continue
			}
			m := e.Message
			if before := last[m.From]; before != nil && before.Number > m.Number {
				r.add(e.At, "%s delivers %v after %v of the same client", l.Name, m, before)
			}
			last[m.From] = m
		}
	}
}

// checkArrival checks M12: a message that is sent on the ring of a calm network arrives at every
// member.
func checkArrival(a *analysis, r *report) {
	for _, m := range a.Messages {
		p := m.From.Life
		if !p.alive() || m.Taken == 0 || !a.isSent[m.Number] {
			continue
		}
		list := a.byConf[a.sent[m.Number]]
		for _, s := range list {
			if s.life.alive() && s.next == nil && !a.has(s.life, m) {
				r.add(m.Taken, "%s never delivers %v, sent by %s in the last ring", s.life.Name, m, p.Name)
			}
		}
	}
}
