package main

// ring is the board of the daemons.
func ring() board {
	return board{
		uid: "spread-ring", title: "Spread: ring", description: "Daemons of Spread (spreadd): who is missing, is the network good, are clients slow.",
		variables: []variable{
			{"job", "Ring", `label_values(spreadd_daemon_info, job)`},
			{"instance", "Instance", `label_values(spreadd_daemon_info{job=~"$job"}, instance)`},
		},
		rows: []row{members(), network(), clients(), flow()},
	}
}

func members() row {
	return row{"Is the ring whole?", []panel{
		{
			title: "Members missing", help: "Configured daemons that are not in the ring of at least one daemon. Which ones: Members of the ring.", stat: true, red: 1,
			queries: []query{{`sum((min by (job, daemon) (spreadd_ring_member{job=~"$job"})) == bool 0)`, ""}},
		},
		{
			title: "Rings", help: "More than one: the ring is split.", stat: true, red: 2,
			queries: []query{{`max(sum by (job) (spreadd_ring_leads{job=~"$job"}))`, ""}},
		},
		{
			title: "Daemons without a ring", help: "They serve no client.", stat: true, red: 1,
			queries: []query{{`sum(spreadd_membership_state{job=~"$job",state="op"} == bool 0)`, ""}},
		},
		{
			title: "Configurations", help: "All daemons of a ring must have the same spread.conf.", stat: true, red: 2,
			queries: []query{{`max(count by (job) (count by (job, conf_hash) (spreadd_daemon_info{job=~"$job"})))`, ""}},
		},
		{
			title: "Daemons that do not answer Prometheus", stat: true, red: 1,
			queries: []query{{`sum(up{job=~"$job"} == bool 0)`, ""}},
		},
		{
			title: "Members of the ring", help: "1 if every daemon has it as a member.",
			queries: []query{{`min by (job, daemon) (spreadd_ring_member{job=~"$job"})`, "{{daemon}}"}},
		},
		{
			title: "Changes of the membership", help: "In ten minutes. Each change interrupts all clients.",
			queries: []query{{`increase(spreadd_memberships_installed_total{job=~"$job",instance=~"$instance"}[10m])`, "{{instance}}"}},
		},
		{
			title: "Daemons that left, by reason", help: "In ten minutes.",
			queries: []query{{`sum by (why) (increase(spreadd_daemons_left_total{job=~"$job",instance=~"$instance"}[10m]))`, "{{why}}"}},
		},
		{
			title: "Delay by the processor", help: "By how much daemons were descheduled.", unit: "s",
			queries: []query{{`spreadd_late_seconds{job=~"$job",instance=~"$instance"}`, "{{instance}}"}},
		},
	}}
}

func network() row {
	return row{"Is the network good?", []panel{
		{
			title: "Packets sent again", help: "Retransmissions per second. They show loss, or a receiver without CPU time.", unit: "pps",
			queries: []query{{`sum by (instance) (rate(spreadd_ring_retransmissions_total{job=~"$job",instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"}},
		},
		{
			title: "Datagrams dropped on arrival", help: "kernel: the receive buffer is too small.", unit: "pps",
			queries: []query{{`sum by (instance, reason) (rate(spreadd_transport_dropped_datagrams_total{job=~"$job",instance=~"$instance"}[$__rate_interval]))`, "{{instance}} {{reason}}"}},
		},
		{
			title: "Token round, 99th percentile", help: "While nobody sends, the leader holds the token.", unit: "s",
			queries: []query{{`histogram_quantile(0.99, sum by (instance, le) (rate(spreadd_ring_token_round_duration_seconds_bucket{job=~"$job",instance=~"$instance"}[$__rate_interval])))`, "{{instance}}"}},
		},
		{
			title: "Token retransmissions", help: "Above zero: tokens are lost.", unit: "pps",
			queries: []query{{`rate(spreadd_ring_token_hurries_total{job=~"$job",instance=~"$instance"}[$__rate_interval])`, "{{instance}}"}},
		},
		{
			title: "Datagrams refused", help: "own: this daemon's own multicasts. Others come from another configuration or from an attacker.", unit: "pps",
			queries: []query{{`sum by (instance, reason) (rate(spreadd_datagrams_refused_total{job=~"$job",instance=~"$instance",reason!="own"}[$__rate_interval]))`, "{{instance}} {{reason}}"}},
		},
		{
			title: "Sealed datagrams, by outcome", help: "All but opened, consumed, own and accepted_plain were refused.", unit: "pps",
			queries: []query{{`sum by (outcome) (rate(spreadd_ring_opened_datagrams_total{job=~"$job",instance=~"$instance"}[$__rate_interval]))`, "{{outcome}}"}},
		},
	}}
}

func clients() row {
	return row{"Is a client slow?", []panel{
		{
			title: "Clients disconnected because they did not read", help: "In ten minutes.",
			queries: []query{{`increase(spreadd_sessions_ended_total{job=~"$job",instance=~"$instance",reason="slow"}[10m])`, "{{instance}}"}},
		},
		{
			title: "Longest queue of a client", help: "In parts of the limit at which it is disconnected.", unit: "percentunit",
			queries: []query{{`spreadd_client_queue_largest_bytes{job=~"$job",instance=~"$instance"} / spreadd_client_queue_limit_bytes{job=~"$job",instance=~"$instance"}`, "{{instance}}"}},
		},
		{
			title: "Memory for messages", help: "In parts of the limit.", unit: "percentunit",
			queries: []query{{`spreadd_buffer_bytes{job=~"$job",instance=~"$instance"} / spreadd_buffer_limit_bytes{job=~"$job",instance=~"$instance"}`, "{{instance}}"}},
		},
		{
			title: "Publishers that waited", help: "Pauses per second, because a receiver was behind.",
			queries: []query{{`rate(spreadd_publisher_pauses_total{job=~"$job",instance=~"$instance"}[$__rate_interval])`, "{{instance}}"}},
		},
		{
			title:   "Clients",
			queries: []query{{`spreadd_sessions{job=~"$job",instance=~"$instance"}`, "{{instance}}"}},
		},
		{
			title: "Failed connections, by reason", help: "In ten minutes.",
			queries: []query{{`sum by (reason) (increase(spreadd_handshakes_failed_total{job=~"$job",instance=~"$instance"}[10m]))`, "{{reason}}"}},
		},
	}}
}

func flow() row {
	return row{"What flows?", []panel{
		{
			title: "Messages from clients", unit: "cps",
			queries: []query{{`rate(spreadd_messages_received_total{job=~"$job",instance=~"$instance"}[$__rate_interval])`, "{{instance}}"}},
		},
		{
			title: "Messages to clients", help: "Counted for each receiver.", unit: "cps",
			queries: []query{{`rate(spreadd_client_messages_queued_total{job=~"$job",instance=~"$instance"}[$__rate_interval])`, "{{instance}}"}},
		},
		{
			title: "Bytes sent to daemons", unit: "Bps",
			queries: []query{{`rate(spreadd_transport_sent_bytes_total{job=~"$job",instance=~"$instance"}[$__rate_interval])`, "{{instance}}"}},
		},
		{
			title: "Messages that wait for the token", help: "Near 500, publishers wait.",
			queries: []query{{`spreadd_ring_queued_messages{job=~"$job",instance=~"$instance",of="users"}`, "{{instance}}"}},
		},
		{
			title:   "Groups",
			queries: []query{{`max by (job) (spreadd_groups{job=~"$job",instance=~"$instance"})`, "{{job}}"}},
		},
		{
			title: "CPU", unit: "percentunit",
			queries: []query{{`rate(process_cpu_seconds_total{job=~"$job",instance=~"$instance"}[$__rate_interval])`, "{{instance}}"}},
		},
	}}
}
