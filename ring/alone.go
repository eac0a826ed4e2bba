package ring

// A ring of one sends nothing. Its daemon always holds the token, and what all
// members have, which is this one, is stable: a message gets its numbers and is
// delivered in the step that submits it, from where it lies.

// immediate reports whether a message of the served queue is delivered at once.
func (r *Ring) immediate() bool {
	return r.alone() && r.level != Blocked && r.served().len() == 0
}

// serveAlone orders what waited for the ring of one.
func (r *Ring) serveAlone(out *Effects) {
	if !r.alone() || r.level == Blocked {
		return
	}
	for q := r.served(); q.len() > 0; {
		m := q.pop()
		r.order(m, out)
		out.release(m.Data.Block)
	}
}

// order gives a message its sequence numbers, one for each packet that it would
// fill, and delivers it. The numbers start again rather than grow beyond their
// bound: nobody else has seen them.
func (r *Ring) order(m Message, out *Effects) {
	packets := int32(m.Data.Len()+FragmentBytes-1) / FragmentBytes
	if r.seq.highest > MaxSeq-packets {
		r.seq.highest = 0
	}
	r.seq.highest += packets
	r.seq.myAru, r.seq.aru, r.seq.lastDiscarded, r.seq.lastDelivered = r.seq.highest, r.seq.highest, r.seq.highest, r.seq.highest
	r.stats.PacketsSent += int64(packets)
	r.stats.PacketsDelivered += int64(packets)
	out.deliver(m)
}
