package metrics

import (
	"github.com/spreadd/spreadd/daemon"
	"github.com/spreadd/spreadd/daemon/session"
	"github.com/spreadd/spreadd/daemon/transport"
	"github.com/spreadd/spreadd/engine"
	"github.com/spreadd/spreadd/groups"
	"github.com/spreadd/spreadd/internal/prom"
	"github.com/spreadd/spreadd/internal/seal"
	"github.com/spreadd/spreadd/membership"
	"github.com/spreadd/spreadd/ring"
	"github.com/spreadd/spreadd/wire"
)

type family = prom.Family[snapshot]

func sessionFamilies() []family {
	return []family{
		prom.Gauge("spreadd_sessions", "sessions",
			"Connected clients.",
			func(s *snapshot) int { return s.Sessions.Sessions }),
		prom.Gauge("spreadd_handshakes", "connections",
			"Connections in the handshake.",
			func(s *snapshot) int { return s.Sessions.Handshakes }),
		prom.Counter("spreadd_connections_accepted_total", "connections",
			"Connections accepted from clients, before any check.",
			func(s *snapshot) int64 { return s.Sessions.Accepted }),
		prom.Counter("spreadd_connection_accept_errors_total", "errors",
			"Failed attempts to accept a connection, for example for lack of file descriptors.",
			func(s *snapshot) int64 { return s.Sessions.AcceptErrs }),
		prom.Reasons("spreadd_handshakes_failed_total", "connections", "reason",
			"Failed handshakes, by reason.",
			int(session.HandshakeQuota), int(session.SessionKill), endText,
			func(s *snapshot) []int64 { return s.Sessions.Ended[:] }),
		prom.Counter("spreadd_sessions_opened_total", "sessions",
			"Successful handshakes.",
			func(s *snapshot) int64 { return s.Sessions.Opened }),
		prom.Reasons("spreadd_sessions_ended_total", "sessions", "reason",
			"Ended sessions, by reason; slow means that the client did not read and was disconnected.",
			int(session.SessionKill), session.NumEnds, endText,
			func(s *snapshot) []int64 { return s.Sessions.Ended[:] }),
		prom.Reasons("spreadd_client_headers_refused_total", "messages", "reason",
			"Client messages with a header that the protocol forbids, by reason; each ends its session.",
			int(wire.NotRefused)+1, wire.NumReasons, func(i int) string { return wire.Reason(i).String() },
			func(s *snapshot) []int64 { return s.Sessions.Refused[:] }),
	}
}

func messageFamilies() []family {
	return []family{
		prom.Counter("spreadd_messages_received_total", "messages",
			"Messages and requests received from clients.",
			func(s *snapshot) int64 { return s.Sessions.Received }),
		prom.Reasons("spreadd_messages_submitted_total", "messages", "outcome",
			"Attempts to submit a client message to the ring, by outcome; full ones are retried.",
			0, int(engine.FirstDatagramReason), func(i int) string { return engine.Reason(i).String() },
			func(s *snapshot) []int64 { return s.Submitted[:] }),
		prom.Counter("spreadd_messages_delivered_total", "messages",
			"Messages with at least one receiver on this daemon, each counted once.",
			func(s *snapshot) int64 { return s.Deliveries }),
		prom.Counter("spreadd_client_messages_queued_total", "messages",
			"Messages queued for clients, counted for each receiver.",
			func(s *snapshot) int64 { return s.Sessions.Queued }),
		prom.Counter("spreadd_client_messages_discarded_total", "messages",
			"Messages queued for clients and discarded when the session ended.",
			func(s *snapshot) int64 { return s.Sessions.Discarded }),
		prom.Gauge("spreadd_client_queue_messages", "messages",
			"Messages in the queues of all clients.",
			func(s *snapshot) int { return s.Sessions.Waiting.Messages }),
		prom.Gauge("spreadd_client_queue_bytes", "bytes",
			"Bytes in the queues of all clients, without those in the kernel's buffers.",
			func(s *snapshot) int64 { return s.Sessions.Waiting.Bytes }),
		prom.Gauge("spreadd_client_queue_largest_messages", "messages",
			"Messages in the longest queue of a client.",
			func(s *snapshot) int { return s.Sessions.MaxWaiting.Messages }),
		prom.Gauge("spreadd_client_queue_largest_bytes", "bytes",
			"Bytes in the largest queue of a client.",
			func(s *snapshot) int64 { return s.Sessions.MaxWaiting.Bytes }),
		prom.Gauge("spreadd_client_queue_limit_messages", "messages",
			"MaxSessionMessages, the queue length at which a client that does not read is disconnected; 0 if bytes alone are limited.",
			func(s *snapshot) int { return s.Sessions.Limit }),
		prom.Gauge("spreadd_client_queue_limit_bytes", "bytes",
			"Size of a queue at which a client that does not read is disconnected; each message counts with 128 bytes more.",
			func(s *snapshot) int { return s.Sessions.LimitBytes }),
		prom.Gauge("spreadd_clients_behind", "sessions",
			"Clients whose queue has been at half a limit or 4 MiB and is not down to half of that yet; publishers on this daemon wait for them for a limited time.",
			func(s *snapshot) int { return s.Sessions.Behind }),
		prom.Gauge("spreadd_clients_nearly_full", "sessions",
			"Clients whose queue has been at seven eighths of a limit and is not down to a quarter of it yet.",
			func(s *snapshot) int { return s.Sessions.NearlyFull }),
		prom.Counter("spreadd_client_queue_warnings_total", "warnings",
			"Times that a client was about to be disconnected because it did not read.",
			func(s *snapshot) int64 { return s.Sessions.Warned }),
		prom.Gauge("spreadd_inbox_batches", "batches",
			"Batches of client messages that wait for the daemon; at 64 clients are not read.",
			func(s *snapshot) int { return s.Sessions.Inbox }),
		prom.Counter("spreadd_publisher_pauses_total", "pauses",
			"Times that publishers had to wait because a receiver on this daemon was behind.",
			func(s *snapshot) int64 { return s.Pauses }),
		prom.Counter("spreadd_client_delays_total", "delays",
			"Times that a client had to wait because its joins and leaves of large groups cost the members too much.",
			func(s *snapshot) int64 { return s.Delays }),
		prom.Gauge("spreadd_buffer_blocks", "blocks",
			"Memory blocks in use for packets and messages.",
			func(s *snapshot) int { return s.BlocksOut }),
		prom.Gauge("spreadd_buffer_bytes", "bytes",
			"Memory in use for packets and messages.",
			func(s *snapshot) int64 { return s.Memory }),
		prom.Gauge("spreadd_buffer_limit_bytes", "bytes",
			"Limit of spreadd_buffer_bytes, at which the client with most waiting is disconnected.",
			func(s *snapshot) int64 { return s.MaxMemory }),
	}
}

func groupFamilies() []family {
	return []family{
		prom.Gauge("spreadd_groups", "groups",
			"Groups with at least one member on any daemon of the ring.",
			func(s *snapshot) int { return s.Ring.Status.NumGroups }),
		prom.States("spreadd_groups_state", "state",
			"State of the group tables; gop is normal, and in ggather and ggt no client messages are accepted.",
			[]groups.State{groups.StateOp, groups.StateTrans, groups.StateGather, groups.StateGatherTrans},
			func(s *snapshot) groups.State { return s.Ring.Status.Groups }),
		prom.Reasons("spreadd_groups_ignored_total", "messages", "reason",
			"Requests and messages about groups that were ignored, by reason.",
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
			"1 for each configured daemon in the current membership, otherwise 0.",
			func(s *snapshot, put prom.Put) {
				for i, name := range s.configured {
					put(prom.Truth(s.present[i]), name)
				}
			}),
		prom.Gauge("spreadd_late_seconds", "seconds",
			"By how much the daemon was descheduled recently; it waits for longer then before it takes others for dead.",
			func(s *snapshot) float64 { return s.Ring.Status.Late.Seconds() }),
		prom.Counter("spreadd_memberships_installed_total", "memberships",
			"Installed memberships; one at the start is normal.",
			func(s *snapshot) int64 { return s.Ring.Status.Ring.MembershipChanges }),
		prom.Reasons("spreadd_daemons_left_total", "daemons", "why",
			"Daemons that have left the ring, by reason.",
			1, membership.NumWhys, func(i int) string { return membership.Why(i).String() },
			func(s *snapshot) []int64 { return s.Left[:] }),
		prom.States("spreadd_membership_state", "state",
			"State of the membership; op is normal.",
			[]membership.State{
				membership.StateOp, membership.StateSeg, membership.StateRepresented, membership.StateGather, membership.StateForm, membership.StateEVS,
			},
			func(s *snapshot) membership.State { return s.Ring.Status.Membership }),
		prom.Reasons("spreadd_membership_transitions_total", "transitions", "cause",
			"State changes of the membership, by cause.",
			1, membership.NumCauses, func(i int) string { return membership.Cause(i).String() },
			func(s *snapshot) []uint64 { return s.Ring.Counts.Membership.Causes[:] }),
		prom.Reasons("spreadd_membership_inputs_total", "datagrams", "verdict",
			"Membership datagrams and reports of the ring, by result.",
			0, membership.NumReasons, func(i int) string { return membership.Reason(i).String() },
			func(s *snapshot) []uint64 { return s.Ring.Counts.Membership.Reasons[:] }),
	}
}

func (s *snapshot) ring() *ring.Status { return &s.Ring.Status.Ring }

func ringFamilies() []family {
	return []family{
		prom.Gauge("spreadd_ring_daemons", "daemons",
			"Daemons in the current or last ring.",
			func(s *snapshot) int { return s.ring().NumProcs }),
		prom.Gauge("spreadd_ring_segments", "segments",
			"Segments with at least one daemon in the ring.",
			func(s *snapshot) int { return s.ring().NumSegments }),
		prom.Flag("spreadd_ring_leads",
			"1 if this daemon leads the ring, otherwise 0.",
			func(s *snapshot) bool { return s.ring().NumProcs > 0 && s.ring().Leader == s.self }),
		prom.States("spreadd_ring_state", "state",
			"State of the ring; operational is normal, and recovering lasts a short time.",
			[]ring.State{ring.Down, ring.Operational, ring.Recovering},
			func(s *snapshot) ring.State { return s.ring().State }),
		prom.Counter("spreadd_ring_token_rounds_total", "rounds",
			"Tokens taken by this daemon, one in each round; none while it is alone in its ring.",
			func(s *snapshot) int64 { return s.Ring.Counts.Ring[ring.TokenTaken] }),
		prom.Distribution("spreadd_ring_token_round_duration_seconds", "seconds",
			"Duration of token rounds, from one token to the next; the leader holds the token while nobody has anything to send.",
			func(s *snapshot) prom.Histogram { return roundTimes(&s.ring().Rounds) }),
		prom.Counter("spreadd_ring_token_hurries_total", "tokens",
			"Token retransmissions: sent ones at the leader, accepted ones elsewhere.",
			func(s *snapshot) int64 { return s.ring().TokenHurries }),
		prom.Counter("spreadd_ring_packets_sent_total", "packets",
			"Message packets sent by this daemon, without retransmissions.",
			func(s *snapshot) int64 { return s.ring().PacketsSent }),
		prom.Counter("spreadd_ring_packets_received_total", "packets",
			"New packets received from other daemons.",
			func(s *snapshot) int64 { return s.ring().PacketsReceived }),
		prom.Counter("spreadd_ring_packets_delivered_total", "packets",
			"Packets delivered in order.",
			func(s *snapshot) int64 { return s.ring().PacketsDelivered }),
		prom.Counters("spreadd_ring_retransmissions_total", "packets", "to",
			"Packets retransmitted by this daemon, by destination.",
			func(s *snapshot, put prom.Put) {
				put(float64(s.ring().RetransDaemon), "daemon")
				put(float64(s.ring().RetransSegment), "segment")
				put(float64(s.ring().RetransAll), "all")
			}),
		prom.Reasons("spreadd_ring_inputs_total", "inputs", "verdict",
			"Packets, tokens and messages for the ring, and faults in them, by result.",
			0, ring.NumReasons, func(i int) string { return ring.Reason(i).String() },
			func(s *snapshot) []int64 { return s.Ring.Counts.Ring[:] }),
		prom.Gauges("spreadd_ring_queued_messages", "messages", "of",
			"Messages that wait for the token, by source: clients (users) or daemons (groups).",
			func(s *snapshot, put prom.Put) {
				put(float64(s.ring().UsersQueued), "users")
				put(float64(s.ring().GroupsQueued), "groups")
			}),
	}
}

func sequenceFamilies() []family {
	return []family{
		prom.Gauge("spreadd_ring_highest_sequence", "packets",
			"Highest sequence number of a packet in the current membership; it restarts with each membership.",
			func(s *snapshot) int32 { return s.ring().Highest }),
		prom.Gauge("spreadd_ring_aru_sequence", "packets",
			"Sequence number up to which all daemons of the ring have every packet.",
			func(s *snapshot) int32 { return s.ring().Aru }),
		prom.Gauge("spreadd_ring_own_aru_sequence", "packets",
			"Sequence number up to which this daemon has every packet.",
			func(s *snapshot) int32 { return s.ring().MyAru }),
		prom.Gauge("spreadd_ring_discarded_sequence", "packets",
			"Sequence number up to which packets are discarded; those above are kept for retransmission.",
			func(s *snapshot) int32 { return s.ring().LastDiscarded }),
		prom.Gauges("spreadd_ring_window_packets", "packets", "window",
			"Flow control windows: packets that all daemons may send in a round, that this daemon may send, and that it may send after the token.",
			func(s *snapshot, put prom.Put) {
				put(float64(s.ring().Window), "ring")
				put(float64(s.ring().PersonalWindow), "personal")
				put(float64(s.ring().AcceleratedWindow), "accelerated")
			}),
		prom.Flag("spreadd_ring_accelerated",
			"1 if the accelerated ring is in use, otherwise 0.",
			func(s *snapshot) bool { return s.ring().Accelerated }),
	}
}

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
			"Datagrams accepted from daemons and monitors of this configuration.",
			func(s *snapshot) int64 { return s.Ring.Counts.Datagrams[engine.Accepted] }),
		prom.Reasons("spreadd_datagrams_refused_total", "datagrams", "reason",
			"Datagrams refused, by reason; own means this daemon's own multicasts.",
			int(engine.FirstDatagramReason), engine.NumReasons, func(i int) string { return engine.Reason(i).String() },
			func(s *snapshot) []int64 { return s.Ring.Counts.Datagrams[:] }),
		prom.Reasons("spreadd_monitor_requests_refused_total", "requests", "reason",
			"Requests of monitors that were refused, by reason.",
			0, daemon.NumMonitorRefusals, func(i int) string { return daemon.MonitorRefusal(i).String() },
			func(s *snapshot) []int64 { return s.Ring.Monitors[:] }),
		prom.Counters("spreadd_transport_received_datagrams_total", "datagrams", "port",
			"Datagrams received, by port.",
			func(s *snapshot, put prom.Put) {
				put(float64(st(s).Packets), "data")
				put(float64(st(s).Tokens), "token")
			}),
		prom.Counter("spreadd_transport_received_bytes_total", "bytes",
			"Bytes received in datagrams, without UDP and IP headers.",
			func(s *snapshot) int64 { return st(s).ReceivedBytes }),
		prom.Counter("spreadd_transport_receive_calls_total", "calls",
			"System calls that received datagrams.",
			func(s *snapshot) int64 { return st(s).ReceiveCalls }),
		prom.Reasons("spreadd_transport_dropped_datagrams_total", "datagrams", "reason",
			"Datagrams that arrived and were dropped, by reason; kernel means that the socket's buffer was full.",
			0, transport.NumDrops, func(i int) string { return transport.Drop(i).String() },
			func(s *snapshot) []int64 { return st(s).Dropped[:] }),
		prom.Counter("spreadd_transport_reader_stalls_total", "stalls",
			"Times that reading waited for the daemon while the kernel's buffer filled.",
			func(s *snapshot) int64 { return st(s).Stalls }),
		prom.Counter("spreadd_transport_read_errors_total", "errors",
			"Failed reads from the sockets.",
			func(s *snapshot) int64 { return st(s).ReadErrors }),
		prom.Gauge("spreadd_transport_receive_buffer_bytes", "bytes",
			"Size of the smallest receive buffer; 0 if the system does not report it.",
			func(s *snapshot) int { return st(s).ReceiveBuffer }),
		prom.Counter("spreadd_transport_sent_datagrams_total", "datagrams",
			"Datagrams sent, counted for each destination address.",
			func(s *snapshot) int64 { return st(s).Sent }),
		prom.Counter("spreadd_transport_sent_bytes_total", "bytes",
			"Bytes sent in datagrams, without UDP and IP headers.",
			func(s *snapshot) int64 { return st(s).SentBytes }),
		prom.Counter("spreadd_transport_send_calls_total", "calls",
			"System calls that sent datagrams.",
			func(s *snapshot) int64 { return st(s).SendCalls }),
		prom.Counter("spreadd_transport_segmented_datagrams_total", "datagrams",
			"Datagrams sent with UDP segmentation offload (GSO).",
			func(s *snapshot) int64 { return st(s).GSO }),
		prom.Counter("spreadd_transport_refused_datagrams_total", "datagrams",
			"Datagrams that the host of a daemon refused (ICMP port unreachable), because no process has the port open.",
			func(s *snapshot) int64 { return st(s).Refused }),
		prom.Counter("spreadd_transport_dubious_refusals_total", "messages",
			"ICMP port unreachable messages about datagrams that were not sent lately: late or forged.",
			func(s *snapshot) int64 { return st(s).Dubious }),
		prom.Counter("spreadd_transport_send_waits_total", "waits",
			"Times that the send socket's buffer was full.",
			func(s *snapshot) int64 { return st(s).SendWaits }),
		prom.Reasons("spreadd_transport_send_failures_total", "datagrams", "reason",
			"Datagrams that could not be sent, by reason.",
			0, transport.NumSendFailures, func(i int) string { return transport.SendFailure(i).String() },
			func(s *snapshot) []int64 { return st(s).SendFailed[:] }),
	}
}

// keyFamilies are about the keys of the ring.
func keyFamilies() []family {
	keys := func(s *snapshot) *transport.SealStatus { return &s.Ring.Keys }
	return []family{
		prom.Counter("spreadd_ring_sealed_datagrams_total", "datagrams",
			"Datagrams sealed with a ring key.",
			func(s *snapshot) int64 { return s.Ring.Sealed }),
		prom.Reasons("spreadd_ring_opened_datagrams_total", "datagrams", "outcome",
			"Datagrams that arrived while the daemon knew how to open them, by outcome; all but opened, consumed and accepted_plain were refused.",
			0, seal.NumReasons, func(i int) string { return seal.Reason(i).String() },
			func(s *snapshot) []int64 { return s.Ring.Seal[:] }),
		prom.Gauge("spreadd_ring_keys", "keys",
			"Ring keys that open datagrams; 0 without keys.",
			func(s *snapshot) int { return len(keys(s).Own.Keys) }),
		prom.Gauge("spreadd_ring_plain", "state",
			"1 while the daemon sends plain datagrams.",
			func(s *snapshot) int { return count(keys(s).Own.SendsPlain || !keys(s).Enabled) }),
		prom.Gauge("spreadd_ring_plain_accepted", "state",
			"1 while the daemon accepts plain datagrams.",
			func(s *snapshot) int { return count(keys(s).Own.AcceptsPlain || !keys(s).Enabled) }),
		prom.Gauge("spreadd_ring_key_lacking_daemons", "daemons",
			"Members of the ring that lack the key that this daemon is to use.",
			func(s *snapshot) int { return len(keys(s).Lacking) }),
		prom.Gauge("spreadd_ring_key_differing_daemons", "daemons",
			"Other daemons that have announced their keys and seal with another key, or send plain when this daemon seals.",
			func(s *snapshot) (n int) {
				own := &keys(s).Own
				for _, p := range keys(s).Peers {
					n += count(p.Stated && (p.State.InUse != own.InUse || p.State.SendsPlain != own.SendsPlain))
				}
				return n
			}),
	}
}

// count returns 1 for true.
func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
