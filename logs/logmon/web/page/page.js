// The page requests /data each second and shows it.
(() => {
	const { $, el, svg, setText, count, size, rate, percent, span, share, say } = base;
	const clock = (unix) => new Date(unix * 1000).toLocaleTimeString("en-GB");
	const keep = 600; // seconds of history, as on the server
	// ---------------------------------------------------------------- settings

	const wish = { vhost: "", range: 300, pages: "rate", servers: "rate", vhosts: "rate", sessions: "recent" };
	const fromHash = new URLSearchParams(location.hash.slice(1));
	if (fromHash.get("vhost")) wish.vhost = fromHash.get("vhost");
	if (["60", "300", "600"].includes(fromHash.get("range"))) wish.range = Number(fromHash.get("range"));
	const remember = () => {
		const p = new URLSearchParams();
		if (wish.vhost) p.set("vhost", wish.vhost);
		if (wish.range !== 300) p.set("range", wish.range);
		history.replaceState(null, "", "#" + p);
	};
	// ---------------------------------------------------------------- tiles

	const tiles = [
		["requests", "Requests per second", (v) => [rate(v.total.requests_per_second), count(v.total.requests) + " in total", v.total.requests]],
		["bandwidth", "Bandwidth", (v) => [size(v.total.bytes_per_second) + "/s", size(v.total.bytes) + " in total", v.total.bytes]],
		["client-errors", "Client errors, 4xx", (v) => [percent(share(v.total.client_errors_per_second, v.total.requests_per_second)), count(v.total.client_errors) + " in total", v.total.client_errors],
			(v) => share(v.total.client_errors_per_second, v.total.requests_per_second) >= 0.05 ? "client" : ""],
		["server-errors", "Server errors, 5xx", (v) => [percent(share(v.total.server_errors_per_second, v.total.requests_per_second)), count(v.total.server_errors) + " in total", v.total.server_errors],
			(v) => share(v.total.server_errors_per_second, v.total.requests_per_second) >= 0.01 ? "server" : ""],
		["online", "Online", (v) => [(v.online_at_least ? "≥" : "") + count(v.online), "clients with their agents", v.online]],
		["odd", "Odd lines", (v) => [count(v.odd_lines), "of " + count(v.lines) + " lines", v.odd_lines]],
	].map(base.makeTile);

	// ---------------------------------------------------------------- charts

	const points = []; // of the history, the oldest first
	const total = (p) => p.classes.reduce((a, b) => a + b, 0);
	// Shares cover ten seconds, like the rates.
	const tenShare = (cls) => (ps, i) => {
		let part = 0, all = 0;
		for (let k = Math.max(0, i - 9); k <= i; k++) { part += ps[k].classes[cls]; all += total(ps[k]); }
		return share(part, all);
	};
	const charts = [
		{ id: "chart-requests", name: "Requests per second", text: count, stack: true, least: 4, series: [
			["c2", "2xx", (ps, i) => ps[i].classes[2]],
			["c3", "3xx", (ps, i) => ps[i].classes[3]],
			["c4", "4xx", (ps, i) => ps[i].classes[4]],
			["c5", "5xx", (ps, i) => ps[i].classes[5]],
			["c0", "other", (ps, i) => ps[i].classes[0] + ps[i].classes[1]]] },
		{ id: "chart-bandwidth", name: "Bandwidth", text: (n) => size(n) + "/s", least: 1000, series: [["ca", "bytes", (ps, i) => ps[i].bytes]] },
		{ id: "chart-errors", name: "Errors, share of 10 s", text: percent, least: 0.01, most: 1, series: [["c4", "4xx", tenShare(4)], ["c5", "5xx", tenShare(5)]] },
		{ id: "chart-online", name: "Online", text: count, least: 4, series: [["ca", "sessions", (ps, i) => ps[i].online]] },
	].map(makeChart);

	// nice returns a round number above n as the end of an axis.
	function nice(n) {
		const p = 10 ** Math.floor(Math.log10(n));
		for (const f of [1, 2, 4, 5, 8, 10]) if (n <= f * p * (1 + 1e-9)) return f * p;
		return 10 * p;
	}

	function makeChart(c) {
		const figure = el("figure", "card"), caption = el("figcaption"), legend = el("div", "legend");
		figure.id = c.id;
		caption.append(el("h2", "", c.name), legend);
		const keys = c.series.map(([cls, name]) => { const k = el("span", cls, name); legend.append(k); return k; });
		const picture = svg("svg", { role: "slider", tabindex: 0, "aria-label": c.name + " over time; arrow keys move through the seconds", "aria-orientation": "horizontal" });
		const at = el("p", "at"), details = el("details"), scroll = el("div", "scroll"), table = el("table");
		details.append(el("summary", "", "As a table"), scroll);
		scroll.append(table);
		table.setAttribute("aria-label", c.name);
		table.append(el("thead"), el("tbody"));
		const headRow = el("tr");
		headRow.append(el("th", "text", "Time"), ...c.series.map(([, name]) => el("th", "", name)));
		table.tHead.append(headRow);
		figure.append(caption, picture, at, details);
		$("charts").append(figure);
		let chosen = null; // the time of the cursor
		let shown = [], left = 0, width = 0, seconds = 0; // seconds is the time that the width covers

		const describe = () => {
			const n = shown.length;
			let i = chosen === null ? n - 1 : shown.findIndex((p) => p.t === chosen);
			if (i < 0) { i = n - 1; chosen = null; }
			if (n === 0) return -1;
			const from = points.length - n;
			const text = clock(shown[i].t) + ": " + c.series.map(([, name, f]) => c.text(f(points, from + i)) + (c.series.length > 1 ? " " + name : "")).join(", ");
			picture.setAttribute("aria-valuemin", 0);
			picture.setAttribute("aria-valuemax", n - 1);
			picture.setAttribute("aria-valuenow", i);
			picture.setAttribute("aria-valuetext", text);
			setText(at, (chosen === null ? "" : "at ") + text);
			return i;
		};
		const draw = () => {
			const box = picture.getBoundingClientRect(), w = box.width, h = box.height;
			shown = points.slice(-wish.range);
			picture.replaceChildren();
			if (w < 60 || h < 40) return;
			picture.setAttribute("viewBox", `0 0 ${w} ${h}`);
			left = 62;
			seconds = Math.min(wish.range, Math.max(60, points.length));
			width = w - left - 6;
			const top = 8, height = h - top - 20, from = points.length - shown.length;
			const values = c.series.map(([, , f]) => shown.map((_, i) => f(points, from + i)));
			if (c.stack) for (let s = 1; s < values.length; s++) values[s] = values[s].map((n, i) => n + values[s - 1][i]);
			let most = c.least;
			for (const row of values) for (const n of row) most = Math.max(most, n);
			most = c.most ? Math.min(nice(most), c.most) : nice(most);
			const x = (i) => left + width * (1 - (shown.length - 1 - i) / (seconds - 1));
			const y = (n) => top + height * (1 - n / most);
			for (let k = 0; k <= 2; k++) {
				const n = most * k / 2, label = svg("text", { x: left - 6, y: y(n) + 4, "text-anchor": "end" });
				label.textContent = c.text(n);
				picture.append(svg("line", { class: "grid", x1: left, x2: left + width, y1: y(n), y2: y(n) }), label);
			}
			if (shown.length > 0) {
				const end = shown[shown.length - 1].t;
				for (const [part, anchor] of [[0, "start"], [0.5, "middle"], [1, "end"]]) {
					const label = svg("text", { x: left + width * part, y: h - 4, "text-anchor": anchor });
					label.textContent = clock(end - Math.round((seconds - 1) * (1 - part)));
					picture.append(label);
				}
			}
			const path = (row) => row.map((n, i) => (i ? "L" : "M") + x(i).toFixed(1) + " " + y(n).toFixed(1)).join("");
			const back = (row) => row.map((n, i) => [n, i]).reverse().map(([n, i]) => "L" + x(i).toFixed(1) + " " + y(n).toFixed(1)).join("") + "Z";
			for (let s = values.length - 1; s >= 0 && shown.length > 0; s--) {
				const cls = c.series[s][0], low = c.stack && s > 0 ? values[s - 1] : values[s].map(() => 0);
				const area = path(values[s]) + back(low);
				picture.append(svg("path", { class: (c.stack ? "area " : "soft ") + cls, d: area }));
				if (!c.stack) picture.append(svg("path", { class: "line " + cls, d: path(values[s]) }));
			}
			const i = describe();
			if (chosen !== null && i >= 0) picture.append(svg("line", { class: "cursor", x1: x(i), x2: x(i), y1: top, y2: top + height }));
			keys.forEach((k, s) => setText(k, c.series[s][1]));
			if (details.open) fill(from);
		};
		const fill = (from) => {
			const rows = [];
			for (let i = points.length - 1; i >= from; i--) {
				const tr = el("tr");
				tr.dataset.t = points[i].t;
				tr.append(el("td", "text", clock(points[i].t)), ...c.series.map(([, , f]) => {
					const td = el("td", "", c.text(f(points, i)));
					td.dataset.value = f(points, i);
					return td;
				}));
				rows.push(tr);
			}
			table.tBodies[0].replaceChildren(...rows);
		};
		const choose = (i) => {
			if (shown.length === 0) return;
			i = Math.max(0, Math.min(shown.length - 1, i));
			chosen = shown[i].t;
			draw();
		};
		picture.addEventListener("pointermove", (e) => {
			const part = (e.clientX - picture.getBoundingClientRect().left - left) / Math.max(width, 1);
			choose(Math.round(shown.length - 1 - (1 - part) * (seconds - 1)));
		});
		const leave = () => { chosen = null; draw(); };
		picture.addEventListener("pointerleave", leave);
		picture.addEventListener("blur", leave);
		picture.addEventListener("keydown", (e) => {
			const now = chosen === null ? shown.length - 1 : shown.findIndex((p) => p.t === chosen);
			const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10, Home: -keep, End: keep }[e.key];
			if (step === undefined) return;
			e.preventDefault();
			choose(now + step);
		});
		details.addEventListener("toggle", draw);
		new ResizeObserver(draw).observe(picture);
		return draw;
	}

	// ---------------------------------------------------------------- lists

	const clientShare = (r) => share(r.client_errors_per_second, r.requests_per_second);
	const serverShare = (r) => share(r.server_errors_per_second, r.requests_per_second);
	const numbers = [
		{ head: "req/s", order: "rate", text: (r) => rate(r.requests_per_second) },
		{ head: "4xx", text: (r) => percent(clientShare(r)), cls: (r) => clientShare(r) >= 0.05 ? "client" : "" },
		{ head: "5xx", order: "error-share", text: (r) => percent(serverShare(r)), cls: (r) => serverShare(r) >= 0.01 ? "server" : "" },
		{ head: "B/s", order: "bandwidth", wide: true, text: (r) => size(r.bytes_per_second) },
		{ head: "requests", order: "requests", text: (r) => (r.may_miss ? "≥" : "") + count(r.requests), exact: (r) => r.requests },
		{ head: "errors", order: "errors", wide: true, text: (r) => count(r.client_errors + r.server_errors), exact: (r) => r.client_errors + r.server_errors },
		{ head: "bytes", order: "bytes", wide: true, text: (r) => size(r.bytes), exact: (r) => r.bytes },
	];
	const names = { 0: "no status", 200: "OK", 201: "Created", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 303: "See Other",
		304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
		405: "Method Not Allowed", 408: "Request Timeout", 410: "Gone", 413: "Content Too Large", 416: "Range Not Satisfiable", 429: "Too Many Requests",
		431: "Request Header Fields Too Large", 499: "Client Closed Request", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
		503: "Service Unavailable", 504: "Gateway Timeout" };
	const chooseHost = (name) => { $("vhost").value = name; setHost(name); };
	const lists = [
		{ id: "codes", name: "Status codes", rows: (v) => v.codes, share: (r, v) => share(r.requests, v.total.requests), columns: [
			{ head: "status", text: (r) => (r.status || "–") + " " + (names[r.status] || ""), left: true },
			{ head: "req/s", text: (r) => rate(r.requests_per_second), cls: (r) => r.status >= 500 ? "server" : "" },
			{ head: "requests", text: (r) => count(r.requests), exact: (r) => r.requests },
			{ head: "share", text: (r, v) => percent(share(r.requests, v.total.requests)) },
			{ head: "bytes", wide: true, text: (r) => size(r.bytes), exact: (r) => r.bytes }] },
		{ id: "servers", name: "Servers", rows: (v) => v.servers, columns: [{ head: "server", order: "name", text: (r) => r.name, left: true }, ...numbers] },
		{ id: "vhosts", name: "Virtual hosts", rows: (v) => v.vhosts, note: (v) => v.num_vhosts > v.vhosts.length ? v.vhosts.length + " of " + v.num_vhosts : "", columns: [
			{ head: "host", order: "name", text: (r) => r.name, left: true, choose: (r) => r.name }, ...numbers,
			{ head: "online", order: "online", text: (r) => count(r.online || 0), exact: (r) => r.online || 0 }] },
		{ id: "groups", name: "Groups", rows: (v) => v.groups, columns: [
			{ head: "group", text: (r) => r.name, left: true },
			{ head: "messages", text: (r) => count(r.messages), exact: (r) => r.messages },
			{ head: "lines", text: (r) => count(r.lines), exact: (r) => r.lines },
			{ head: "odd", text: (r) => count(r.odd), exact: (r) => r.odd, cls: (r) => r.odd ? "client" : "" },
			{ head: "bytes", wide: true, text: (r) => size(r.bytes), exact: (r) => r.bytes }] },
		{ id: "pages", name: "Pages", broad: true, rows: (v) => v.pages, columns: [
			{ head: "page", order: "name", text: (r, v) => v.vhost ? r.name : r.vhost + r.name, left: true }, ...numbers] },
		{ id: "sessions", name: "Online", broad: true, rows: (v) => v.sessions, note: (v) => v.online > v.sessions.length ? v.sessions.length + " of " + count(v.online) : "", columns: [
			{ head: "client", order: "name", text: (r) => (r.user ? r.user + "@" : "") + r.client, left: true },
			{ head: "idle", order: "recent", text: (r, v) => span(v.ms - Date.parse(r.last)) },
			{ head: "for", order: "longest", wide: true, text: (r, v) => span(v.ms - Date.parse(r.first)) },
			{ head: "requests", order: "requests", text: (r) => count(r.requests), exact: (r) => r.requests },
			{ head: "errors", order: "errors", wide: true, text: (r) => count(r.errors), cls: (r) => r.errors ? "client" : "" },
			{ head: "bytes", order: "bytes", wide: true, text: (r) => size(r.bytes) },
			{ head: "last page", text: (r, v) => (v.vhost ? "" : r.vhost) + r.page, left: true },
			{ head: "user agent", wide: true, text: (r) => r.agent, left: true }] },
	].map((l) => base.makeList({
		value: (r) => r.requests_per_second || 0, choose: chooseHost,
		...(wish[l.id] && { order: () => wish[l.id], sort: (o) => { wish[l.id] = o; ask(); } }), ...l,
	}));

	// ---------------------------------------------------------------- a new view

	function show(v) {
		v.ms = Date.parse(v.time);
		const s = v.state;
		setText($("where"), s.joined.join(" ") + " @ " + s.daemon);
		const since = span(v.ms - Date.parse(s.since));
		// Screen readers read the text of a status region aloud, so it must not change each second.
		$("state").title = (s.connected ? "for " : "since ") + since;
		if (s.connected) say("on", "connected");
		else say("off", "not connected: " + s.error);
		if (v.vhost && !v.known) say("off", "no current data for " + v.vhost);
		$("start").textContent = new Date(v.start).toLocaleString("en-GB");
		document.title = rate(v.total.requests_per_second) + "/s · logmon";
		const doubts = [];
		if (v.missing_lines > v.late_lines) doubts.push(count(v.missing_lines - v.late_lines) + " lines did not come");
		if (v.repeated_lines) doubts.push(count(v.repeated_lines) + " repeats were not counted");
		if (s.dropped.queue_full) doubts.push(count(s.dropped.queue_full) + " messages came too fast to be counted");
		setText($("doubts"), doubts.join("; "));
		$("doubts").hidden = doubts.length === 0;
		hosts(v);
		for (const p of v.history || []) if (points.length === 0 || p.t > points[points.length - 1].t) points.push(p);
		points.splice(0, points.length - keep);
		for (const f of [...tiles, ...lists]) f(v);
		for (const draw of charts) draw();
		document.documentElement.dataset.views = Number(document.documentElement.dataset.views || 0) + 1;
	}

	// hosts fills the selection, and leaves it alone while nothing changes.
	let known = "";
	function hosts(v) {
		const all = v.vhosts.map((r) => r.name);
		if (wish.vhost && !all.includes(wish.vhost)) all.push(wish.vhost);
		all.sort();
		if (all.join("\n") === known) return;
		known = all.join("\n");
		const options = [new Option("all", "")].concat(all.map((n) => new Option(n, n)));
		$("vhost").replaceChildren(...options);
		$("vhost").value = wish.vhost;
	}

	// ---------------------------------------------------------------- requests

	function request() {
		const q = new URLSearchParams({ pages: wish.pages, servers: wish.servers, vhosts: wish.vhosts, sessions: wish.sessions, vhost: wish.vhost });
		if (points.length > 0) q.set("since", points[points.length - 1].t + 1);
		return base.get("data?" + q);
	}
	const ask = base.live("logmon", 1000, request, show);
	function setHost(name) {
		wish.vhost = name;
		points.length = 0;
		remember();
		ask();
	}

	$("vhost").addEventListener("change", (e) => setHost(e.target.value));
	$("range").value = String(wish.range);
	$("range").addEventListener("change", (e) => {
		wish.range = Number(e.target.value);
		remember();
		for (const draw of charts) draw();
	});
	base.colors(() => { for (const draw of charts) draw(); });
	ask();
})();
