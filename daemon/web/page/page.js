// The page requests /status/overview every two seconds and shows it.
(() => {
	const { $, el, svg, setText, count, size, rate, percent, span, say } = base;
	const maxReasons = 8, maxMatrix = 24, maxNodes = 24, maxChanges = 20;
	const millis = (s) => s ? (1000 * s).toFixed(s < 0.01 ? 2 : 0) + " ms" : "–";
	const age = (v, t) => t ? span(v.ms - Date.parse(t)) : "–";
	const when = (v, t) => {
		const d = new Date(t), clock = d.toLocaleTimeString("en-GB");
		return v.ms - d < 72000000 ? clock : d.toLocaleDateString("en-CA") + " " + clock;
	};

	// ---------------------------------------------------------------- the daemons, as all see them

	// hosts joins what each daemon says of itself with what this one knows, in the order of the
	// configuration.
	function hosts(v) {
		const all = new Map((v.cluster ? v.cluster.daemons : []).map((d) => [d.name, d]));
		return v.status.daemons.map((d) => {
			const s = all.get(d.name), answered = Boolean(s && s.answered) || d.self;
			const ring = v.status.ring;
			let state = "missing", text = s && s.text || d.text || "";
			if (here(v).includes(d.name) || s && s.answered && s.operating && s.ring && s.ring === ring.id) [state, text] = ["member", answered ? "" : s && s.text || "does not answer"];
			else if (answered) [state, text] = [s && s.operating ? "in another ring" : "in no ring", d.text || ""];
			else if (d.state === "never-seen") state = "never seen";
			return { ...d, s: s || {}, answered, state, text, peers: s && s.peers || own(v, d), known: answered && (s && s.extended || d.self) };
		});
	}
	// here are the members of this daemon's ring, if it works.
	const here = (v) => v.status.ring.operating ? v.status.ring.members : [];
	// own makes the peers of this daemon of its status, if nobody could be asked.
	const own = (v, d) => !d.self ? [] : v.status.daemons.filter((o) => !o.self).map((o) => ({
		name: o.name, loss_rate: o.heard && o.heard.loss_rate, round_trip_seconds: o.heard && o.heard.round_trip_seconds, link: o.state === "member" ? "good" : "silent" }));

	// ---------------------------------------------------------------- the verdict

	function verdict(v) {
		const c = v.cluster || v.status, list = c.reasons;
		const members = v.status.ring.members.length, all = v.status.daemons.length, operating = v.status.ring.operating;
		const broken = list.some((r) => r.code === "one-way" || r.code === "cut-link");
		$("verdict").dataset.verdict = c.verdict === "degraded" && (broken || !operating) ? "broken" : c.verdict;
		const words = { healthy: "Healthy: all daemons are in one ring and hear each other", degraded: "Degraded", unreachable: "No daemon answers" };
		setText($("verdict-title"), (words[c.verdict] || c.verdict) + (c.verdict === "healthy" ? "" : ": " + (operating ? members + " of " + all + " daemons are in the ring" : "no ring is in operation on " + v.status.daemon)));
		// Broken links come first: they explain most of the others.
		const rank = (r) => r.code === "one-way" || r.code === "cut-link" ? 0 : 1;
		const shown = [...list].sort((a, b) => rank(a) - rank(b)).slice(0, maxReasons);
		const key = JSON.stringify([shown, list.length]);
		if ($("reasons").dataset.key === key) return;
		$("reasons").dataset.key = key;
		$("reasons").replaceChildren(...shown.map((r) => {
			const li = el("li");
			li.append(el("code", "", r.code), " ", el("strong", "", r.text), ". ", el("span", "do", (r.do || "").replaceAll("`", "")));
			return li;
		}));
		if (list.length > shown.length) $("reasons").append(el("li", "do", "and " + (list.length - shown.length) + " more: see /status/cluster"));
	}

	// ---------------------------------------------------------------- tiles

	let before = null; // the packets of all daemons, from the view before
	const again = (v) => {
		const list = v.cluster ? v.cluster.daemons.filter((d) => d.answered) : [];
		const now = { ms: v.ms, key: list.map((d) => d.name).join(), sent: 0, again: 0 };
		for (const d of list) { now.sent += d.packets_sent; now.again += d.packets_retransmitted; }
		const was = before;
		if (!was || was.key !== now.key || now.ms - was.ms >= 1000) before = now;
		if (!was || was.key !== now.key || now.again < was.again || now.ms - was.ms < 500) return null;
		return { rate: (now.again - was.again) / (now.ms - was.ms) * 1000, sent: (now.sent - was.sent) / (now.ms - was.ms) * 1000 };
	};
	const sum = (v, key) => v.cluster ? v.cluster.daemons.reduce((n, d) => n + (d[key] || 0), 0) : 0;
	const tiles = [
		["members", "Members", (v) => [here(v).length + " of " + v.status.daemons.length, v.status.ring.forming_since ? "no ring for " + age(v, v.status.ring.forming_since) : v.status.ring.since ? "ring for " + age(v, v.status.ring.since) : "no ring yet"],
			(v) => here(v).length < v.status.daemons.length ? "server" : ""],
		["round", "Token round", (v) => [millis(v.status.ring.token.round_seconds), v.status.ring.token.round_seconds_mean ? millis(v.status.ring.token.round_seconds_mean) + " since the start" : ""]],
		["messages", "Messages per second", (v) => [v.status.ring.flow.messages_rate === undefined ? "–" : rate(v.status.ring.flow.messages_rate), count(v.status.ring.flow.messages_delivered) + " in total"]],
		["again", "Sent again per second", (v) => { const a = v.again; return [a ? rate(a.rate) : "–", a ? "packets, of " + rate(a.sent) + " sent" : "packets of all daemons"]; },
			(v) => v.again && v.again.rate > 0.02 * v.again.sent && v.again.rate >= 1 ? "client" : ""],
		["clients", "Clients", (v) => [count(v.cluster ? sum(v, "sessions") : v.status.clients.sessions), (v.cluster ? sum(v, "behind") : v.status.clients.behind) + " slow, " + count(v.cluster ? sum(v, "dropped_slow") : v.status.clients.dropped_slow) + " dropped as slow"],
			(v) => sum(v, "behind") || v.status.clients.behind ? "client" : ""],
		["waiting", "Waiting for clients", (v) => [size(v.cluster ? sum(v, "waiting_bytes") : v.status.clients.waiting_bytes), "memory " + size(v.status.memory.used_bytes) + " of " + size(v.status.memory.max_bytes) + " here"]],
	].map(base.makeTile);

	// ---------------------------------------------------------------- the ring

	// arrow draws an arrow between two nodes, bent by bend pixels, with a tip.
	function arrow(a, b, cls, tip, radius, bend) {
		const dx = b.x - a.x, dy = b.y - a.y, d = Math.hypot(dx, dy) || 1, ux = dx / d, uy = dy / d;
		const from = { x: a.x + ux * radius, y: a.y + uy * radius }, to = { x: b.x - ux * (radius + 5), y: b.y - uy * (radius + 5) };
		const mid = { x: (from.x + to.x) / 2 - uy * bend, y: (from.y + to.y) / 2 + ux * bend };
		const t = Math.atan2(to.y - mid.y, to.x - mid.x), p = (s, r) => (to.x + r * Math.cos(t + s)).toFixed(1) + "," + (to.y + r * Math.sin(t + s)).toFixed(1);
		return [svg("path", { class: cls, d: `M${from.x.toFixed(1)} ${from.y.toFixed(1)}Q${mid.x.toFixed(1)} ${mid.y.toFixed(1)} ${to.x.toFixed(1)} ${to.y.toFixed(1)}` }),
			svg("polygon", { class: tip, points: [p(0, 6), p(2.3, 6), p(-2.3, 6)].join(" ") })];
	}

	let drawn = "";
	function ring(v) {
		const members = here(v);
		const order = [...members.map((n) => v.hosts.find((h) => h.name === n)).filter(Boolean), ...v.hosts.filter((h) => !members.includes(h.name))];
		const nodes = order.slice(0, maxNodes), radius = nodes.length > 12 ? 14 : 22;
		const links = nodes.flatMap((h) => h.peers.filter((p) => p.link === "broken").map((p) => [p.name, h.name]));
		const key = JSON.stringify([members, nodes.map((h) => [h.name, h.state, h.self]), links]);
		if (key === drawn) return;
		drawn = key;
		const at = new Map(nodes.map((h, i) => {
			const t = 2 * Math.PI * i / nodes.length - Math.PI / 2;
			return [h.name, { x: 230 + (nodes.length > 1 ? 170 : 0) * Math.cos(t), y: 138 + (nodes.length > 1 ? 98 : 0) * Math.sin(t) }];
		}));
		const parts = [];
		const inRing = members.filter((n) => at.has(n));
		if (inRing.length > 1) inRing.forEach((n, i) => parts.push(...arrow(at.get(n), at.get(inRing[(i + 1) % inRing.length]), "token", "good-tip", radius, inRing.length === 2 ? -24 : -10)));
		for (const [from, to] of links) if (at.has(from) && at.has(to)) parts.push(...arrow(at.get(from), at.get(to), "broken", "bad-tip", radius, 18));
		for (const h of nodes) {
			const { x, y } = at.get(h.name), state = h.state === "member" ? "" : h.answered ? " unknown" : " missing";
			const name = svg("text", { x, y: y + radius + 14 }), leader = members[0] === h.name;
			name.textContent = h.name.length > 16 ? h.name.slice(0, 15) + "…" : h.name;
			const sub = svg("text", { x, y: y + 4, class: "sub" });
			sub.textContent = h.self ? "here" : h.state !== "member" ? "–" : leader ? "leader" : "";
			parts.push(svg("circle", { class: "node" + state + (h.self ? " self" : ""), cx: x, cy: y, r: radius }), name, sub);
		}
		$("ring").replaceChildren(...parts);
		const out = v.hosts.filter((h) => h.state !== "member").map((h) => h.name);
		const broken = links.map(([from, to]) => from + " → " + to);
		setText($("ring-text"), (members.length ? "Token: " + shorten(members, " → ") : "No ring is in operation") + (out.length ? ". Not in the ring: " + shorten(out, ", ") : "") +
			(broken.length ? ". Broken: " + shorten(broken, ", ") : "") + (order.length > nodes.length ? ". " + (order.length - nodes.length) + " more are not drawn" : ""));
	}
	const shorten = (list, sep) => list.slice(0, 12).join(sep) + (list.length > 12 ? sep + "and " + (list.length - 12) + " more" : "");

	// ---------------------------------------------------------------- who hears whom

	function matrix(v) {
		// The worst first, if there are too many.
		const trouble = (h) => h.peers.filter((p) => p.link === "broken" || p.link === "lossy").length + (h.state === "member" ? 0 : 1);
		let list = v.hosts;
		if (list.length > maxMatrix) {
			const chosen = new Set([...list].sort((a, b) => trouble(b) - trouble(a)).slice(0, maxMatrix));
			list = list.filter((h) => chosen.has(h));
		}
		setText($("matrix-note"), "loss, round trip of each row's daemon" + (list.length < v.hosts.length ? "; " + list.length + " of " + v.hosts.length + " daemons" : ""));
		const names = list.map((h) => h.name), table = $("matrix");
		if (table.dataset.names !== JSON.stringify(names)) {
			table.dataset.names = JSON.stringify(names);
			const head = el("tr"), corner = el("th", "", "hears →");
			corner.scope = "col";
			head.append(corner, ...names.map((n) => { const th = el("th", "", n); th.scope = "col"; return th; }));
			table.tHead.replaceChildren(head);
			table.tBodies[0].replaceChildren(...names.map((n) => {
				const tr = el("tr"), th = el("th", "", n);
				th.scope = "row";
				tr.append(th, ...names.map(() => el("td")));
				return tr;
			}));
		}
		list.forEach((h, i) => list.forEach((o, j) => {
			const cell = table.tBodies[0].rows[i].cells[j + 1], p = h.peers.find((p) => p.name === o.name);
			let [cls, text, title] = ["unknown", "?", h.name + " does not say how it hears " + o.name];
			if (i === j) [cls, text, title] = ["self", "·", h.name];
			else if (h.known && p) {
				cls = p.link || "unknown";
				const loss = p.loss_rate, trip = p.round_trip_seconds;
				const heard = p.last_seconds === undefined || p.last_seconds === null ? "never heard" : "last heard " + span(1000 * p.last_seconds) + " ago";
				if (cls === "silent") [cls, text] = [o.answered ? "unknown" : "silent", "–"];
				else if (cls === "broken") text = "✗ deaf";
				else text = (loss === undefined || loss === null ? "ok" : loss === 0 ? "0%" : percent(loss)) + (trip ? ", " + millis(trip) : "");
				title = h.name + (cls === "broken" ? " does not hear " + o.name + ", which is alive" : cls === "silent" ? " does not hear " + o.name : cls === "lossy" ? " loses packets of " + o.name : " hears " + o.name) +
					"; " + heard + (p.packets ? "; " + count(p.packets) + " packets arrived, " + count(p.missed) + " were sent again" : "");
			}
			setText(cell, text);
			if (cell.className !== cls) cell.className = cls;
			if (cell.title !== title) cell.title = title;
		}));
	}

	// ---------------------------------------------------------------- lists

	const names = { "its own limit": "more waited than its limit allows" };
	const more = (total, list) => total > list.length ? list.length + " of " + count(total) : "";
	// changes are those of this daemon, and the last of each other daemon if it is another one.
	function changes(v) {
		const list = v.status.changes.map((c) => ({ ...c, at: Date.parse(c.time), on: v.status.daemon }));
		const seen = new Set(list.map((c) => c.text));
		for (const h of v.hosts) if (h.s.change && !h.self && !seen.has(h.s.change)) list.push({ text: h.s.change, on: h.name, at: h.s.since ? Date.parse(h.s.since) : 0, members: [], time: h.s.since });
		return list.sort((a, b) => b.at - a.at).slice(0, maxChanges);
	}
	// slow are the clients that wait or were dropped, then what else was dropped.
	const slow = (v) => [
		...v.status.sessions.list.filter((s) => s.behind || s.waiting_messages > 0).map((s) => ({ name: s.name, peer: s.peer, state: s.behind ? "slow" : "reads", waiting: s.waiting_bytes, text: count(s.waiting_messages) + " messages wait" + (s.blocked_seconds >= 1 ? ", blocked for " + span(1000 * s.blocked_seconds) : "") })),
		...v.status.dropped.map((d) => ({ name: d.name, peer: d.peer, state: "dropped", waiting: d.waiting_bytes, text: age(v, d.time) + " ago: " + (names[d.why] || d.why) })),
		...v.hosts.filter((h) => !h.self && (h.s.behind || h.s.dropped_slow)).map((h) => ({ name: "clients of " + h.name, peer: h.address, state: h.s.behind ? "slow" : "dropped", waiting: h.s.waiting_bytes, text: (h.s.behind || 0) + " slow, " + count(h.s.dropped_slow || 0) + " dropped since its start" })),
	].slice(0, maxChanges);
	const lists = [
		{ id: "hosts", name: "Hosts", broad: true, rows: (v) => v.hosts.slice(0, 128), note: (v) => more(v.hosts.length, v.hosts.slice(0, 128)), columns: [
			{ head: "daemon", text: (h) => h.name + (h.self ? " (here)" : ""), left: true },
			{ head: "state", text: (h) => h.state, left: true, cls: (h) => h.state === "member" ? "" : "server" },
			{ head: "for", text: (h, v) => h.self ? age(v, v.status.ring.forming_since || v.status.ring.since) : age(v, h.state === "member" ? h.s.since || h.since : h.s.since && !h.answered ? h.s.since : h.since) },
			{ head: "why", text: (h) => h.text, left: true },
			{ head: "address", wide: true, text: (h) => h.address + ":" + h.port, left: true },
			{ head: "up", text: (h) => h.s.uptime_seconds ? span(1000 * h.s.uptime_seconds) : "–" },
			{ head: "round", wide: true, text: (h) => millis(h.s.round_seconds) },
			{ head: "late", wide: true, text: (h) => h.s.late_seconds ? millis(h.s.late_seconds) : "–", cls: (h) => h.s.late_seconds >= 0.1 ? "client" : "" },
			{ head: "clients", text: (h) => h.answered ? count(h.s.sessions || 0) : "–" },
			{ head: "slow", wide: true, text: (h) => h.known ? count(h.s.behind || 0) : "–", cls: (h) => h.s.behind ? "client" : "" },
			{ head: "sent again", wide: true, text: (h) => h.answered ? count(h.s.packets_retransmitted || 0) : "–" },
			{ head: "version", wide: true, text: (h) => h.s.version || (h.s.protocol ? "C " + h.s.protocol : "–"), left: true }] },
		{ id: "changes", name: "Changes of membership", rows: changes, note: (v) => v.status.ring.installed > v.status.changes.length ? v.status.changes.length + " of " + count(v.status.ring.installed) + " are kept" : "", columns: [
			{ head: "time", text: (c, v) => c.time ? when(v, c.time) : "–", left: true },
			{ head: "on", text: (c) => c.on, left: true },
			{ head: "what and why", text: (c) => c.text, left: true }] },
		{ id: "slow", name: "Slow and dropped clients", rows: slow, note: (v) => slow(v).length === 0 ? "none" : "", columns: [
			{ head: "client", text: (s) => s.name, left: true },
			{ head: "from", wide: true, text: (s) => s.peer, left: true },
			{ head: "state", text: (s) => s.state, cls: (s) => s.state === "dropped" ? "server" : s.state === "slow" ? "client" : "" },
			{ head: "waiting", text: (s) => size(s.waiting || 0) },
			{ head: "why", text: (s) => s.text, left: true }] },
		{ id: "groups", name: "Traffic by group", value: (g) => g.bytes_rate || 0, rows: (v) => [...v.status.groups.list].sort((a, b) => (b.bytes_rate || 0) - (a.bytes_rate || 0)),
			note: (v) => v.status.groups.total === 0 ? "no groups" : more(v.status.groups.total, v.status.groups.list), columns: [
			{ head: "group", text: (g) => g.name, left: true },
			{ head: "messages/s", text: (g) => g.messages_rate === undefined ? "–" : rate(g.messages_rate) },
			{ head: "bytes/s", text: (g) => g.bytes_rate === undefined ? "–" : size(g.bytes_rate) },
			{ head: "messages", wide: true, text: (g) => count(g.messages), exact: (g) => g.messages },
			{ head: "members", text: (g) => count(g.num_members), exact: (g) => g.num_members }] },
		{ id: "drops", name: "Dropped or refused here", rows: (v) => v.status.drops.slice(0, maxChanges), note: (v) => v.status.drops.length === 0 ? "nothing" : "since the start", columns: [
			{ head: "what", text: (d) => d.what, left: true },
			{ head: "why", text: (d) => d.reason, left: true },
			{ head: "count", text: (d) => count(d.count), exact: (d) => d.count }] },
	].map(base.makeList);

	// ---------------------------------------------------------------- a new view

	function show(v) {
		v.ms = Date.parse(v.status.time);
		v.hosts = hosts(v);
		v.again = again(v);
		const st = v.status, self = v.hosts.find((h) => h.self);
		setText($("where"), st.daemon + (self ? " at " + self.address + ":" + self.port : "") + " · spreadd " + st.version + " · configuration " + st.configuration.hash);
		if (v.cluster) say("on", "live");
		else say("off", "cannot ask the other daemons: " + v.error);
		document.title = (v.cluster || st).verdict + " · spreadd " + st.daemon;
		verdict(v);
		for (const f of [...tiles, ring, matrix, ...lists]) f(v);
		document.documentElement.dataset.views = Number(document.documentElement.dataset.views || 0) + 1;
	}

	const ask = base.live("spreadd", 2000, () => base.get("status/overview"), show);
	base.colors(() => {});
	ask();
})();
