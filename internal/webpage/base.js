"use strict";
// What the pages of our programs have in common. All text enters the document as text (textContent):
// what clients write never becomes HTML.
const base = (() => {
	const $ = (id) => document.getElementById(id);
	const el = (tag, cls, text) => {
		const e = document.createElement(tag);
		if (cls) e.className = cls;
		if (text !== undefined) e.textContent = text;
		return e;
	};
	const svg = (tag, attrs) => {
		const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
		for (const k in attrs) e.setAttribute(k, attrs[k]);
		return e;
	};
	const setText = (e, text) => { if (e.textContent !== text) e.textContent = text; };

	// ---------------------------------------------------------------- numbers as text

	const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
	const scaled = (n, letters) => {
		let i = -1;
		while (n >= 999.5 && i < letters.length - 1) { n /= 1000; i++; }
		return (n < 9.95 ? n.toFixed(1) : n.toFixed(0)) + (i < 0 ? "" : letters[i]);
	};
	const count = (n) => n < 1e6 ? whole.format(n) : scaled(n, "kMGTPE");
	const size = (n) => n < 999.5 ? n.toFixed(0) + " B" : scaled(n, "kMGTPE").replace(/([kMGTPE])$/, " $1B");
	const rate = (n) => n === 0 ? "0" : n < 0.05 ? "<0.1" : n < 9.95 ? n.toFixed(1) : count(n);
	const percent = (n) => n === 0 ? "0%" : n < 0.0005 ? "<0.1%" : (100 * n).toFixed(n < 0.0995 ? 1 : 0) + "%";
	const two = (n) => String(n).padStart(2, "0");
	const span = (ms) => {
		const s = Math.max(0, Math.floor(ms / 1000));
		if (s < 60) return s + "s";
		if (s < 3600) return Math.floor(s / 60) + "m" + two(s % 60) + "s";
		if (s < 86400) return Math.floor(s / 3600) + "h" + two(Math.floor(s / 60) % 60) + "m";
		return Math.floor(s / 86400) + "d" + two(Math.floor(s / 3600) % 24) + "h";
	};
	const share = (part, all) => all > 0 ? part / all : 0;

	// ---------------------------------------------------------------- settings

	const store = (key, value) => { try { localStorage.setItem(key, value); } catch { /* not allowed: for this time only */ } };
	const stored = (key) => { try { return localStorage.getItem(key); } catch { return null; } };

	// ---------------------------------------------------------------- tiles

	// makeTile adds a tile to the element "tiles", and returns how to show a view. text returns what it
	// shows large and small, and optionally an exact number; cls returns the class of the former.
	function makeTile([id, name, text, cls]) {
		const tile = el("div", "tile"), now = el("dd"), more = el("dd", "more");
		now.id = id;
		tile.append(el("dt", "", name), now, more);
		$("tiles").append(tile);
		return (v) => {
			const [large, small, exact] = text(v);
			setText(now, large);
			setText(more, small);
			if (exact !== undefined) now.dataset.sum = exact;
			now.className = cls ? cls(v) : "";
		};
	}

	// ---------------------------------------------------------------- lists

	// makeList adds a list to the element "lists", and returns how to show a view. A list has id, name,
	// columns, rows, and optionally note, broad, value, share, order, sort and choose. A column has a head
	// and the text of a row's cell. Optional are order, by which the server sorts; left for alignment; wide
	// for columns that a telephone has no room for; cls for a color; exact for a number; choose.
	function makeList(l) {
		const card = el("section", l.broad ? "card broad" : "card"), head = el("div", "head"), title = el("h2", "", l.name), note = el("p", "note");
		const scroll = el("div", "scroll"), table = el("table"), headRow = el("tr"), body = el("tbody");
		card.id = l.id;
		title.id = l.id + "-title";
		table.setAttribute("aria-labelledby", title.id);
		scroll.tabIndex = 0;
		scroll.setAttribute("role", "region");
		scroll.setAttribute("aria-labelledby", title.id);
		head.append(title, note);
		table.append(el("thead"), body);
		table.tHead.append(headRow);
		scroll.append(table);
		card.append(head, scroll);
		$("lists").append(card);
		const cls = (c, i) => [c.left ? "text" : "", c.wide ? "wide" : "", i === 0 ? "first" : ""].join(" ").trim();
		const heads = l.columns.map((c) => {
			const th = el("th", cls(c, -1));
			th.scope = "col";
			if (c.order && l.order) {
				const b = el("button", "", c.head);
				b.type = "button";
				b.title = "sort by " + c.order;
				b.addEventListener("click", () => l.sort(c.order));
				th.append(b);
			} else {
				th.textContent = c.head;
			}
			headRow.append(th);
			return th;
		});
		const makeRow = () => {
			const tr = el("tr");
			l.columns.forEach((c, i) => {
				const cell = el(i === 0 ? "th" : "td", cls(c, i));
				if (i === 0) cell.scope = "row";
				if (c.choose) {
					const b = el("button");
					b.type = "button";
					b.addEventListener("click", () => l.choose(cell.dataset.choose));
					cell.append(b);
				}
				tr.append(cell);
			});
			return tr;
		};
		return (v) => {
			const rows = l.rows(v) || [];
			heads.forEach((th, i) => {
				const c = l.columns[i];
				if (c.order && l.order && c.order === l.order()) th.setAttribute("aria-sort", c.order === "name" ? "ascending" : "descending");
				else th.removeAttribute("aria-sort");
			});
			setText(note, l.note ? l.note(v) : "");
			while (body.rows.length > rows.length) body.deleteRow(-1);
			while (body.rows.length < rows.length) body.append(makeRow());
			let most = 0;
			if (l.value) for (const r of rows) most = Math.max(most, l.value(r));
			rows.forEach((r, n) => {
				const tr = body.rows[n];
				l.columns.forEach((c, i) => {
					const cell = tr.cells[i], text = c.text(r, v);
					if (c.choose) {
						cell.dataset.choose = c.choose(r);
						setText(cell.firstChild, text);
					} else {
						setText(cell, text);
					}
					if (c.left) cell.title = text;
					if (c.exact) {
						cell.dataset.value = c.exact(r);
						cell.title = whole.format(c.exact(r));
					}
					const extra = c.cls ? c.cls(r) : "";
					const want = cls(c, i) + (extra ? " " + extra : "");
					if (cell.className !== want) cell.className = want;
				});
				const part = l.share ? l.share(r, v) : l.value ? share(l.value(r), most) : 0;
				tr.cells[0].style.setProperty("--share", part.toFixed(3));
			});
		};
	}

	// ---------------------------------------------------------------- requests

	const say = (state, text) => {
		$("state").dataset.state = state;
		setText($("state-text"), text);
	};

	const get = async (path) => {
		const r = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(10000) });
		if (!r.ok) throw new Error((await r.text()).trim());
		return r.json();
	};

	// live requests a view, shows it, and does so again while the page is visible and not paused. It
	// returns how to do that now.
	function live(program, every, request, show) {
		let timer = 0, asked = 0, paused = false;
		async function ask() {
			clearTimeout(timer);
			const mine = ++asked;
			try {
				const v = await request();
				if (mine === asked) show(v);
			} catch (e) {
				if (mine === asked) say("off", program + " does not answer: " + e.message);
			}
			if (mine === asked) next();
		}
		function next() {
			clearTimeout(timer);
			if (!paused && !document.hidden) timer = setTimeout(ask, every);
		}
		$("pause").addEventListener("click", () => {
			paused = !paused;
			$("pause").setAttribute("aria-pressed", String(paused));
			if (paused) next(); else ask();
		});
		document.addEventListener("visibilitychange", () => { if (!document.hidden && !paused) ask(); });
		return ask;
	}

	// colors lets the user choose light or dark, and calls changed after that.
	function colors(changed) {
		const theme = (t) => { document.documentElement.dataset.theme = t; $("theme").value = t; };
		theme(["light", "dark"].includes(stored("theme")) ? stored("theme") : "auto");
		$("theme").addEventListener("change", (e) => { theme(e.target.value); store("theme", e.target.value); changed(); });
	}

	return { $, el, svg, setText, whole, count, size, rate, percent, span, share, makeTile, makeList, say, get, live, colors };
})();
