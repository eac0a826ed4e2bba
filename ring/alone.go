package ring

// A ring of one sends nothing. Its daemon always holds the token. A packet that all members have is
// stable, and here this daemon is all members. So the step that submits a message also numbers it
// and delivers it, from the block that it is in.

// immediate reports whether a message for the served queue is delivered at once.
func (r *Ring) immediate() bool {
	return r.alone() && r.level != Blocked && r.served().len() == 0
}

// serveAlone orders the messages that were waiting for the ring of one.
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

// order gives a message one sequence number for each packet that it would fill, and delivers it.
// The numbers start over before they exceed their bound, because no other daemon has seen them.
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
