package metrics

import (
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

// family is one metric of a daemon.
type family = prom.Family[snapshot]

func sessionFamilies() []family {
	return []family{
		prom.Gauge("spreadd_sessions", "sessions",
			"Clients that are connected.",
			func(s *snapshot) int { return s.Sessions.Sessions }),
		prom.Gauge("spreadd_handshakes", "connections",
			"Connections on which a client is being welcomed.",
			func(s *snapshot) int { return s.Sessions.Handshakes }),
		prom.Counter("spreadd_connections_accepted_total", "connections",
			"Connections of clients that were accepted, before any check.",
			func(s *snapshot) int64 { return s.Sessions.Accepted }),
		prom.Counter("spreadd_connection_accept_errors_total", "errors",
			"Connections that the system could not hand over, for instance for lack of file descriptors.",
			func(s *snapshot) int64 { return s.Sessions.AcceptErrs }),
		prom.Reasons("spreadd_handshakes_failed_total", "connections", "reason",
			"Connections that did not become sessions, by reason.",
			int(session.HandshakeQuota), int(session.SessionKill), endText,
			func(s *snapshot) []int64 { return s.Sessions.Ended[:] }),
		prom.Counter("spreadd_sessions_opened_total", "sessions",
			"Clients that were welcomed.",
			func(s *snapshot) int64 { return s.Sessions.Opened }),
		prom.Reasons("spreadd_sessions_ended_total", "sessions", "reason",
			"Sessions that have ended, by reason; slow ones are clients that did not read and were disconnected.",
			int(session.SessionKill), session.NumEnds, endText,
			func(s *snapshot) []int64 { return s.Sessions.Ended[:] }),
		prom.Reasons("spreadd_client_headers_refused_total", "messages", "reason",
			"Messages of clients whose header the protocol forbids, by reason; each ends its session.",
			int(wire.NotRefused)+1, wire.NumReasons, func(i int) string { return wire.Reason(i).String() },
			func(s *snapshot) []int64 { return s.Sessions.Refused[:] }),
	}
}

func messageFamilies() []family {
	return []family{
		prom.Counter("spreadd_messages_received_total", "messages",
			"Messages and requests that clients of this daemon have sent.",
			func(s *snapshot) int64 { return s.Sessions.Received }),
		prom.Reasons("spreadd_messages_submitted_total", "messages", "outcome",
			"Attempts to give a message of a client its place in the order, by outcome; one that is full is tried again.",
			0, int(engine.FirstDatagramReason), func(i int) string { return engine.Reason(i).String() },
			func(s *snapshot) []int64 { return s.Submitted[:] }),
		prom.Counter("spreadd_messages_delivered_total", "messages",
			"Messages in the order that had a receiver on this daemon, each counted once.",
			func(s *snapshot) int64 { return s.Deliveries }),
		prom.Counter("spreadd_client_messages_queued_total", "messages",
			"Messages that were queued for clients of this daemon, counted for each receiver.",
			func(s *snapshot) int64 { return s.Sessions.Queued }),
		prom.Counter("spreadd_client_messages_discarded_total", "messages",
			"Messages that were queued for clients and thrown away when their session ended.",
			func(s *snapshot) int64 { return s.Sessions.Discarded }),
		prom.Gauge("spreadd_client_queue_messages", "messages",
			"Messages that wait for all clients of this daemon together.",
			func(s *snapshot) int { return s.Sessions.Waiting.Messages }),
		prom.Gauge("spreadd_client_queue_bytes", "bytes",
			"Bytes of these messages that the kernel has not taken.",
			func(s *snapshot) int64 { return s.Sessions.Waiting.Bytes }),
		prom.Gauge("spreadd_client_queue_largest_messages", "messages",
			"Messages that wait for the client for which most do.",
			func(s *snapshot) int { return s.Sessions.MaxWaiting.Messages }),
		prom.Gauge("spreadd_client_queue_largest_bytes", "bytes",
			"Bytes that wait for the client for which most do.",
			func(s *snapshot) int64 { return s.Sessions.MaxWaiting.Bytes }),
		prom.Gauge("spreadd_client_queue_limit_messages", "messages",
			"MaxSessionMessages: a client for which as many wait, and that does not read, is disconnected.",
			func(s *snapshot) int { return s.Sessions.Limit }),
		prom.Gauge("spreadd_clients_behind", "sessions",
			"Clients for which half as many waited, and not yet less than a quarter; publishers on this daemon wait for them, for a while.",
			func(s *snapshot) int { return s.Sessions.Behind }),
		prom.Gauge("spreadd_inbox_batches", "batches",
			"Batches of messages of clients that wait for the daemon; 64 is full, and clients are not read then.",
			func(s *snapshot) int { return s.Sessions.Inbox }),
		prom.Counter("spreadd_publisher_pauses_total", "pauses",
			"Times that publishers were not read because a receiver on this daemon was behind.",
			func(s *snapshot) int64 { return s.Pauses }),
		prom.Gauge("spreadd_buffer_blocks", "blocks",
			"Blocks of memory that hold packets and messages now.",
			func(s *snapshot) int { return s.BlocksOut }),
	}
}

func groupFamilies() []family {
	return []family{
		prom.Gauge("spreadd_groups", "groups",
			"Groups with at least one member on any daemon of the ring.",
			func(s *snapshot) int { return s.Ring.Status.NumGroups }),
		prom.States("spreadd_groups_state", "state",
			"The state of the tables of groups; gop is normal, no messages of clients are taken in ggather and ggt.",
			[]groups.State{groups.StateOp, groups.StateTrans, groups.StateGather, groups.StateGatherTrans},
			func(s *snapshot) groups.State { return s.Ring.Status.Groups }),
		prom.Reasons("spreadd_groups_ignored_total", "messages", "reason",
			"Requests and messages of daemons in the order that were ignored, by reason.",
			int(groups.Accepted)+1, groups.NumReasons, func(i int) string { return groups.Reason(i).String() },
			func(s *snapshot) []int64 { return s.Refused[:] }),
	}
}

func membershipFamilies() []family {
	return []family{
		prom.Gauge("spreadd_configured_daemons", "daemons",
			"Daemons in the configuration.",
			func(s *snapshot) int { return len(s.configured) }),
		prom.Gauges("spreadd_ring_member", prom.UnitFlag, "daemon",
			"1 for each configured daemon that is in the membership installed last, else 0.",
			func(s *snapshot, put prom.Put) {
				for i, name := range s.configured {
					put(prom.Truth(s.present[i]), name)
				}
			}),
		prom.Counter("spreadd_memberships_installed_total", "memberships",
			"Memberships that were installed; one is normal at the start.",
			func(s *snapshot) int64 { return s.Ring.Status.Ring.MembershipChanges }),
		prom.States("spreadd_membership_state", "state",
			"The state of the membership; op is normal.",
			[]membership.State{
				membership.StateOp, membership.StateSeg, membership.StateRepresented, membership.StateGather, membership.StateForm, membership.StateEVS,
			},
			func(s *snapshot) membership.State { return s.Ring.Status.Membership }),
		prom.Reasons("spreadd_membership_transitions_total", "transitions", "cause",
			"Changes of the state of the membership, by cause.",
			1, membership.NumCauses, func(i int) string { return membership.Cause(i).String() },
			func(s *snapshot) []uint64 { return s.Ring.Counts.Membership.Causes[:] }),
		prom.Reasons("spreadd_membership_inputs_total", "datagrams", "verdict",
			"Datagrams about the membership, and reports of the ring, by what became of them.",
			0, membership.NumReasons, func(i int) string { return membership.Reason(i).String() },
			func(s *snapshot) []uint64 { return s.Ring.Counts.Membership.Reasons[:] }),
	}
}

func ringFamilies() []family {
	status := func(s *snapshot) *ring.Status { return &s.Ring.Status.Ring }
	return []family{
		prom.Gauge("spreadd_ring_daemons", "daemons",
			"Daemons in the ring whose token goes round, or went round last.",
			func(s *snapshot) int { return status(s).NumProcs }),
		prom.Gauge("spreadd_ring_segments", "segments",
			"Segments with at least one daemon in that ring.",
			func(s *snapshot) int { return status(s).NumSegments }),
		prom.Flag("spreadd_ring_leads",
			"1 if this daemon is the leader of that ring, else 0.",
			func(s *snapshot) bool { return status(s).NumProcs > 0 && status(s).Leader == s.self }),
		prom.States("spreadd_ring_state", "state",
			"The state of the ring; operational is normal, recovering lasts for moments.",
			[]ring.State{ring.Down, ring.Operational, ring.Recovering},
			func(s *snapshot) ring.State { return status(s).State }),
		prom.Counter("spreadd_ring_token_rounds_total", "rounds",
			"Turns of the token that this daemon took, one a round; none while it is alone in its ring.",
			func(s *snapshot) int64 { return s.Ring.Counts.Ring[ring.TokenTaken] }),
		prom.Distribution("spreadd_ring_token_round_duration_seconds", "seconds",
			"How long rounds of the token took, from one turn of this daemon to its next; the leader holds the token while nobody has anything to send.",
			func(s *snapshot) prom.Histogram { return roundTimes(&status(s).Rounds) }),
		prom.Counter("spreadd_ring_token_hurries_total", "tokens",
			"Repeats of the token, at a leader those sent, elsewhere those taken.",
			func(s *snapshot) int64 { return status(s).TokenHurries }),
		prom.Counter("spreadd_ring_packets_sent_total", "packets",
			"Packets of messages that this daemon has put on the ring, repeats not counted.",
			func(s *snapshot) int64 { return status(s).PacketsSent }),
		prom.Counter("spreadd_ring_packets_received_total", "packets",
			"Packets of other daemons that were missing here, and came.",
			func(s *snapshot) int64 { return status(s).PacketsReceived }),
		prom.Counter("spreadd_ring_packets_delivered_total", "packets",
			"Packets that were handed up in the order.",
			func(s *snapshot) int64 { return status(s).PacketsDelivered }),
		prom.Counters("spreadd_ring_retransmissions_total", "packets", "to",
			"Packets that this daemon has sent again, by whom it sent them to.",
			func(s *snapshot, put prom.Put) {
				put(float64(status(s).RetransDaemon), "daemon")
				put(float64(status(s).RetransSegment), "segment")
				put(float64(status(s).RetransAll), "all")
			}),
		prom.Reasons("spreadd_ring_inputs_total", "inputs", "verdict",
			"Packets, tokens and messages for the ring, and faults in them, by what became of them.",
			0, ring.NumReasons, func(i int) string { return ring.Reason(i).String() },
			func(s *snapshot) []int64 { return s.Ring.Counts.Ring[:] }),
		prom.Gauges("spreadd_ring_queued_messages", "messages", "of",
			"Messages that wait for the token, those of clients and those of the daemons about groups.",
			func(s *snapshot, put prom.Put) {
				put(float64(status(s).UsersQueued), "users")
				put(float64(status(s).GroupsQueued), "groups")
			}),
		prom.Gauge("spreadd_ring_highest_sequence", "packets",
			"The highest number of a packet of this membership; it begins anew with each.",
			func(s *snapshot) int32 { return status(s).Highest }),
		prom.Gauge("spreadd_ring_aru_sequence", "packets",
			"The number up to which all daemons of the ring have every packet.",
			func(s *snapshot) int32 { return status(s).Aru }),
		prom.Gauge("spreadd_ring_own_aru_sequence", "packets",
			"The number up to which this daemon has every packet.",
			func(s *snapshot) int32 { return status(s).MyAru }),
		prom.Gauge("spreadd_ring_discarded_sequence", "packets",
			"The number up to which packets are forgotten; those above it are kept for who may ask.",
			func(s *snapshot) int32 { return status(s).LastDiscarded }),
		prom.Gauges("spreadd_ring_window_packets", "packets", "window",
			"Flow control in force: what all daemons may send in a round, what this one may, and what it may send behind the token.",
			func(s *snapshot, put prom.Put) {
				put(float64(status(s).Window), "ring")
				put(float64(status(s).PersonalWindow), "personal")
				put(float64(status(s).AcceleratedWindow), "accelerated")
			}),
		prom.Flag("spreadd_ring_accelerated",
			"1 if the accelerated ring is in force, else 0.",
			func(s *snapshot) bool { return status(s).Accelerated }),
	}
}

// roundTimes has the ring's histogram in seconds.
func roundTimes(r *ring.RoundTimes) prom.Histogram {
	h := prom.Histogram{Sum: r.Sum.Seconds()}
	for _, b := range ring.RoundBounds() {
		h.Bounds = append(h.Bounds, b.Seconds())
	}
	for _, n := range r.Counts {
		h.Counts = append(h.Counts, uint64(n))
	}
	return h
}

func datagramFamilies() []family {
	st := func(s *snapshot) *transport.Stats { return &s.Ring.Transport }
	return []family{
		prom.Counter("spreadd_datagrams_passed_total", "datagrams",
			"Datagrams of daemons and monitors of this configuration that were looked at further.",
			func(s *snapshot) int64 { return s.Ring.Counts.Datagrams[engine.Accepted] }),
		prom.Reasons("spreadd_datagrams_refused_total", "datagrams", "reason",
			"Datagrams that were not looked at further, by reason; own are our own multicasts coming back.",
			int(engine.FirstDatagramReason), engine.NumReasons, func(i int) string { return engine.Reason(i).String() },
			func(s *snapshot) []int64 { return s.Ring.Counts.Datagrams[:] }),
		prom.Counters("spreadd_transport_received_datagrams_total", "datagrams", "port",
			"Datagrams that were read from the sockets, by port.",
			func(s *snapshot, put prom.Put) {
				put(float64(st(s).Packets), "data")
				put(float64(st(s).Tokens), "token")
			}),
		prom.Counter("spreadd_transport_received_bytes_total", "bytes",
			"Bytes of these datagrams, without headers of UDP and IP.",
			func(s *snapshot) int64 { return st(s).ReceivedBytes }),
		prom.Counter("spreadd_transport_receive_calls_total", "calls",
			"System calls that brought these datagrams.",
			func(s *snapshot) int64 { return st(s).ReceiveCalls }),
		prom.Reasons("spreadd_transport_dropped_datagrams_total", "datagrams", "reason",
			"Datagrams that arrived and were lost on this host, by reason; kernel are those for which its buffer had no room.",
			0, transport.NumDrops, func(i int) string { return transport.Drop(i).String() },
			func(s *snapshot) []int64 { return st(s).Dropped[:] }),
		prom.Counter("spreadd_transport_reader_stalls_total", "stalls",
			"Times that a reader of datagrams waited for the daemon while the kernel's buffer filled.",
			func(s *snapshot) int64 { return st(s).Stalls }),
		prom.Counter("spreadd_transport_read_errors_total", "errors",
			"Errors when reading datagrams.",
			func(s *snapshot) int64 { return st(s).ReadErrors }),
		prom.Gauge("spreadd_transport_receive_buffer_bytes", "bytes",
			"The kernel's buffer of the smallest socket for datagrams; 0 if the system does not tell.",
			func(s *snapshot) int { return st(s).ReceiveBuffer }),
		prom.Counter("spreadd_transport_sent_datagrams_total", "datagrams",
			"Datagrams that the kernel took, one for each address.",
			func(s *snapshot) int64 { return st(s).Sent }),
		prom.Counter("spreadd_transport_sent_bytes_total", "bytes",
			"Bytes of these datagrams, without headers of UDP and IP.",
			func(s *snapshot) int64 { return st(s).SentBytes }),
		prom.Counter("spreadd_transport_send_calls_total", "calls",
			"System calls that sent these datagrams.",
			func(s *snapshot) int64 { return st(s).SendCalls }),
		prom.Counter("spreadd_transport_segmented_datagrams_total", "datagrams",
			"Datagrams that the kernel cut from longer messages.",
			func(s *snapshot) int64 { return st(s).GSO }),
		prom.Counter("spreadd_transport_send_waits_total", "waits",
			"Times that the kernel's buffer for sending was full.",
			func(s *snapshot) int64 { return st(s).SendWaits }),
		prom.Reasons("spreadd_transport_send_failures_total", "datagrams", "reason",
			"Datagrams that did not leave, by reason.",
			0, transport.NumSendFailures, func(i int) string { return transport.SendFailure(i).String() },
			func(s *snapshot) []int64 { return st(s).SendFailed[:] }),
	}
}
