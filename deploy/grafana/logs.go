package main

// logs is the board of logpub, logsub and logmon.
func logs() board {
	return board{
		uid: "spread-logs", title: "Spread: logs", description: "Log lines from web servers (logpub) to log hosts (logsub): are any lost, late or missing.",
		variables: []variable{
			{"instance", "Instance", `label_values({__name__=~"logpub_build_info|logsub_build_info|logmon_build_info"}, instance)`},
			{"group", "Group", `label_values({__name__=~"logpub_group_lines_total|logsub_log_lines_total|logmon_group_lines_total"}, group)`},
		},
		rows: []row{losses(), publishers(), logHosts(), traffic()},
	}
}

func losses() row {
	return row{"Are lines lost or late?", []panel{
		{
			title: "Lines lost by logpub, 1 h", stat: true, red: 1,
			queries: []query{{`sum(increase(logpub_dropped_lines_total{instance=~"$instance"}[1h]))`, ""}},
		},
		{
			title: "Lines lost by logsub, 1 h", stat: true, red: 1,
			queries: []query{{`sum(increase(logsub_dropped_messages_total{instance=~"$instance",reason!~"filtered|no_match|not_in_sample|repeat|no_log"}[1h])) + sum(increase(logsub_sink_lost_lines_total{instance=~"$instance"}[1h]))`, ""}},
		},
		{
			title: "Lines missing at log hosts, 1 h", help: "By sequence numbers. Other log hosts may have them.", stat: true, red: 1,
			queries: []query{{`sum(increase(logsub_publisher_missing_lines_total{instance=~"$instance"}[1h])) - sum(increase(logsub_publisher_late_lines_total{instance=~"$instance"}[1h]))`, ""}},
		},
		{
			title: "Oldest unsent line", stat: true, red: 60, unit: "s",
			queries: []query{{`max(logpub_lag_seconds{instance=~"$instance"})`, ""}},
		},
		{
			title: "Lines without a log host", stat: true, red: 1,
			queries: []query{{`sum(logpub_unheard_lines{instance=~"$instance"})`, ""}},
		},
		{
			title: "Files that cannot be written", stat: true, red: 1,
			queries: []query{{`sum(logsub_sink_failing_files{instance=~"$instance"})`, ""}},
		},
		{
			title: "Lines dropped by logpub", unit: "cps",
			queries: []query{{`sum by (instance, reason) (rate(logpub_dropped_lines_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}} {{reason}}"}},
		},
		{
			title: "Lines dropped of groups without log hosts", help: "Groups that had their share of the spool and that no log host acknowledges.", unit: "cps",
			queries: []query{{`sum by (group) (rate(logpub_group_dropped_lines_total{instance=~"$instance",group=~"$group"}[$__rate_interval]))`, "{{group}}"}},
		},
		{
			title: "Lines dropped by logsub", help: "filtered, no_match, not_in_sample and repeat are intended.", unit: "cps",
			queries: []query{{`sum by (instance, reason) (rate(logsub_dropped_messages_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}} {{reason}}"}},
		},
		{
			title: "Lines missing, by publisher", unit: "cps",
			queries: []query{{`rate(logsub_publisher_missing_lines_total{instance=~"$instance"}[$__rate_interval])`, "{{instance}} {{publisher}}"}},
		},
		{
			title: "Delay from web server to file", help: "Of lines with a time, to a second.", unit: "s",
			queries: []query{{`logsub_log_delay_seconds{instance=~"$instance",group=~"$group"}`, "{{instance}} {{group}}"}},
		},
	}}
}

func publishers() row {
	return row{"Do web hosts publish?", []panel{
		{
			title: "Lines published, by group", unit: "cps",
			queries: []query{{`sum by (group) (rate(logpub_group_lines_total{instance=~"$instance",group=~"$group"}[$__rate_interval]))`, "{{group}}"}},
		},
		{
			title: "Lines read, by input", unit: "cps",
			queries: []query{{`rate(logpub_input_lines_total{instance=~"$instance"}[$__rate_interval])`, "{{instance}} {{input}}"}},
		},
		{
			title: "Connected", help: "0: lines wait.",
			queries: []query{{`max by (instance) (logpub_connected{instance=~"$instance"})`, "{{instance}}"}},
		},
		{
			title: "Oldest unsent line", unit: "s",
			queries: []query{{`logpub_lag_seconds{instance=~"$instance"}`, "{{instance}}"}},
		},
		{
			title: "Memory and spool", help: "In parts of their limits.", unit: "percentunit",
			queries: []query{
				{`logpub_queue_bytes{instance=~"$instance"} / logpub_queue_limit_bytes{instance=~"$instance"}`, "{{instance}} memory"},
				{`logpub_spool_bytes{instance=~"$instance"} / (logpub_spool_limit_bytes{instance=~"$instance"} > 0)`, "{{instance}} spool"},
			},
		},
		{
			title: "Bytes of files not read yet", unit: "bytes",
			queries: []query{{`logpub_file_behind_bytes{instance=~"$instance"}`, "{{instance}} {{input}}"}},
		},
	}}
}

func logHosts() row {
	return row{"Do log hosts write?", []panel{
		{
			title: "Lines written", unit: "cps",
			queries: []query{{`sum by (instance) (rate(logsub_sink_written_lines_total{instance=~"$instance"}[$__rate_interval]))`, "{{instance}}"}},
		},
		{
			title: "Lines of logs, by group", unit: "cps",
			queries: []query{{`sum by (instance, group) (rate(logsub_log_lines_total{instance=~"$instance",group=~"$group"}[$__rate_interval]))`, "{{instance}} {{group}}"}},
		},
		{
			title:   "Groups not joined",
			queries: []query{{`logsub_groups{instance=~"$instance"} - logsub_joined_groups{instance=~"$instance"}`, "{{instance}} {{daemon}}"}},
		},
		{
			title: "Queues of sinks", help: "In parts of their limits.", unit: "percentunit",
			queries: []query{{`logsub_sink_queue_bytes{instance=~"$instance"} / logsub_sink_queue_limit_bytes{instance=~"$instance"}`, "{{instance}} {{sink}}"}},
		},
		{
			title: "Errors of sinks and disks", help: "In ten minutes.",
			queries: []query{{`sum by (instance, sink) (increase(logsub_sink_errors_total{instance=~"$instance"}[10m]))`, "{{instance}} {{sink}}"}},
		},
		{
			title: "Healing", help: "Lines fetched from other log hosts, and failures to fetch them, in ten minutes.",
			queries: []query{
				{`increase(logsub_healed_lines_total{instance=~"$instance"}[10m])`, "{{instance}} lines"},
				{`sum by (instance) (increase(logsub_healing_failures_total{instance=~"$instance"}[10m]))`, "{{instance}} failures"},
			},
		},
	}}
}

func traffic() row {
	return row{"What do web servers answer?", []panel{
		{
			title: "Requests, by status code", unit: "reqps",
			queries: []query{{`sum by (code) (rate(logmon_requests_total{instance=~"$instance"}[$__rate_interval]))`, "{{code}}"}},
		},
		{
			title: "Server errors, by virtual host", help: "Status 5xx, in parts of all requests.", unit: "percentunit",
			queries: []query{{`sum by (vhost) (rate(logmon_vhost_errors_total{instance=~"$instance",class="5xx"}[$__rate_interval])) / sum by (vhost) (rate(logmon_vhost_requests_total{instance=~"$instance"}[$__rate_interval]) > 0)`, "{{vhost}}"}},
		},
		{
			title: "Bytes of responses", unit: "Bps",
			queries: []query{{`sum by (server) (rate(logmon_server_response_bytes_total{instance=~"$instance"}[$__rate_interval]))`, "{{server}}"}},
		},
		{
			title: "Lines that are no requests", help: "Of the group.", unit: "cps",
			queries: []query{{`sum by (group) (rate(logmon_group_odd_lines_total{instance=~"$instance",group=~"$group"}[$__rate_interval]))`, "{{group}}"}},
		},
	}}
}
