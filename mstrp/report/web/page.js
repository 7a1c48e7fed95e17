"use strict";
(async () => {
  const $ = (id) => document.getElementById(id);
  const ROW = 28, PAGE = 200;

  // Text into elements; nothing from a capture is ever taken for HTML.
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    for (const child of children) if (child !== null && child !== undefined) node.append(child);
    return node;
  };

  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };

  // Theme ----------------------------------------------------------------------------------------------------------
  const root = document.documentElement;
  const paint = (dark) => {
    root.dataset.theme = dark ? "dark" : "light";
    $("theme").textContent = dark ? "Light" : "Dark";
    $("theme").setAttribute("aria-pressed", String(dark));
  };
  paint(matchMedia("(prefers-color-scheme: dark)").matches);
  $("theme").onclick = () => paint(root.dataset.theme !== "dark");

  const data = await unpack($("data").textContent);
  for (const id of ["calls", "ladder", "machine"]) $(id).hidden = false;

  // Findings by place ----------------------------------------------------------------------------------------------
  const byFrame = new Map(), byCall = new Map();
  const put = (map, key, value) => map.has(key) ? map.get(key).push(value) : map.set(key, [value]);
  data.findings.forEach((finding, number) => {
    const [capture, frame, , session, machine, instance] = finding;
    put(byFrame, `${capture} ${session} ${frame}`, number);
    if (machine === "call") put(byCall, `${capture} ${session} ${instance}`, number);
  });

  // Sessions and calls: a window over one long list ------------------------------------------------------------------
  const entries = [];
  data.captures.forEach((capture, place) => {
    for (const session of capture.sessions) {
      entries.push({ capture: place, session, text: `${session.id} ${session.client} ${session.server}`, bad: 0, odd: 0 });
      const own = entries[entries.length - 1];
      for (const call of capture.calls) {
        if (call[0] !== session.id) continue;
        const found = byCall.get(`${place} ${session.id} ${call[1]}`) || [];
        const bad = found.filter((number) => data.findings[number][7] === "fail").length;
        own.bad += bad; own.odd += found.length - bad;
        entries.push({ capture: place, session, call, bad, odd: found.length - bad, text: `${call[1]} ${session.id} ${call[2].join(" ")} ${call[3]}` });
      }
    }
  });
  let visible = entries, active = 0, chosen = null;
  const list = $("list"), pad = $("pad");

  const label = (entry) => {
    if (!entry.call) {
      const many = data.captures.length > 1 ? `${data.captures[entry.capture].path}: ` : "";
      const version = entry.session.version ? `, TAPI ${entry.session.version}` : "";
      return `${many}session ${entry.session.id}: ${entry.session.client} → ${entry.session.server}, ${entry.session.model || "model unknown"}${version}, ${entry.session.packets.length} packets`;
    }
    return `${entry.call[1]}  ${entry.call[2].join(" → ") || "no state known"}; ${entry.call[3]}`;
  };

  const rowOf = (entry, place) => {
    const row = make("div", { className: `row ${entry.call ? "call" : "session"}${place === active ? " active" : ""}`, id: `row-${place}` });
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(entry === chosen));
    row.setAttribute("aria-posinset", place + 1);
    row.setAttribute("aria-setsize", visible.length);
    row.style.top = `${place * ROW}px`;
    if (entry.bad) row.append(make("span", { className: "bad", textContent: `${entry.bad} fail ` }));
    if (entry.odd) row.append(make("span", { className: "odd", textContent: `${entry.odd} warn ` }));
    row.append(label(entry));
    row.onclick = () => { active = place; choose(entry); };
    return row;
  };

  const draw = () => {
    pad.style.height = `${visible.length * ROW}px`;
    list.style.height = `${visible.length * ROW + 2}px`;
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
    const last = Math.min(visible.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 5);
    pad.replaceChildren(...visible.slice(first, last).map((entry, place) => rowOf(entry, first + place)));
    list.setAttribute("aria-activedescendant", `row-${active}`);
  };
  const reveal = () => {
    if (active * ROW < list.scrollTop) list.scrollTop = active * ROW;
    if ((active + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (active + 1) * ROW - list.clientHeight;
    draw();
  };
  list.onscroll = draw;
  list.onkeydown = (event) => {
    const jump = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity }[event.key];
    if (jump !== undefined) {
      active = Math.max(0, Math.min(visible.length - 1, active + jump));
      reveal();
      event.preventDefault();
    } else if ((event.key === "Enter" || event.key === " ") && visible[active]) {
      choose(visible[active]);
      event.preventDefault();
    }
  };
  const filter = () => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean), only = $("bad").checked;
    visible = entries.filter((entry) => (!only || entry.bad || entry.odd) && words.every((word) => entry.text.toLowerCase().includes(word)));
    active = 0;
    list.scrollTop = 0;
    const calls = visible.filter((entry) => entry.call).length;
    $("shown").textContent = `${calls.toLocaleString("en")} calls, ${(visible.length - calls).toLocaleString("en")} sessions`;
    draw();
  };
  $("search").oninput = filter;
  $("bad").onchange = filter;

  // The ladder of what is chosen -------------------------------------------------------------------------------------
  const chunks = new Map();
  const packet = async (capture, number) => {
    const place = Math.floor(number / data.chunk), key = `${capture} ${place}`;
    if (!chunks.has(key)) {
      if (chunks.size > 40) chunks.delete(chunks.keys().next().value);
      chunks.set(key, unpack($(`packets-${capture}-${place}`).textContent));
    }
    return (await chunks.get(key))[number % data.chunk];
  };

  let start = 0, turn = 0;
  const packetsOf = (entry) => entry.call ? entry.call[4] : entry.session.packets;

  const plain = (value) => {
    if (Array.isArray(value)) {
      if (value.every((item) => typeof item !== "object")) return value.join(" | ");
      return make("ul", {}, ...value.map((item) => make("li", {}, plain(item))));
    }
    if (value !== null && typeof value === "object") {
      return make("table", {}, make("tbody", {}, ...Object.entries(value).map(([name, below]) => make("tr", {}, make("th", { scope: "row", textContent: name }), make("td", {}, plain(below))))));
    }
    return String(value);
  };

  const detail = (row) => {
    const found = row[9], lines = [];
    const add = (name, number, meaning) => lines.push(make("tr", {}, make("th", { scope: "row", textContent: name }), make("td", { textContent: number }), make("td", {}, meaning)));
    for (const [name, value] of Object.entries(found)) {
      if (!["fields", "values", "problems"].includes(name) && value !== null) add(name, "", String(value));
    }
    const values = { ...found.values };
    for (const [name, number] of Object.entries(found.fields || {})) {
      add(name, `0x${number.toString(16)} (${number})`, name in values ? plain(values[name]) : "");
      delete values[name];
    }
    for (const [name, value] of Object.entries(values)) add(name, "", plain(value));
    for (const problem of found.problems || []) add("problem", "", problem);
    const head = make("tr", {}, ...["field", "number", "meaning"].map((name) => make("th", { scope: "col", textContent: name })));
    return make("div", { className: "detail" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines)));
  };

  const rung = (row, capture, findings) => {
    const [number, frame, time, session, direction, phase, channel, text, states] = row;
    const item = make("li", { className: `rung p${phase} ${direction ? "in" : "out"}${channel ? " channel" : ""}` });
    const when = make("span", { className: "when", textContent: `${frame}  ${time.toFixed(6)}` });
    const who = direction ? "server to client" : "client to server";
    const way = make("span", { className: "sr", textContent: `${who}, ${channel ? "event" : "request"} connection: ` });
    const arrow = make("span", { className: "arrow" }, way, text);
    const shown = states.filter((state) => state[0] !== "request").map((state) => `${state[0] === "call" ? "" : state[0] + " "}${state[0] === "binding" || state[0] === "channel" ? "" : state[1] + ": "}${state[2]}`);
    const state = make("span", { className: "state", textContent: shown.join("; ") });
    const button = make("button", { type: "button" }, when, arrow, state);
    button.setAttribute("aria-expanded", "false");
    button.onclick = () => {
      const open = item.querySelector(".detail");
      if (open) open.remove();
      else button.after(detail(row));
      button.setAttribute("aria-expanded", String(!open));
    };
    item.append(button);
    for (const finding of findings) {
      const [, , , , , , rule, verdict, summary, , , allowed] = data.findings[finding];
      const legal = allowed.length ? ` Legal: ${allowed.join(", ")}.` : "";
      item.append(make("p", { className: `found ${verdict}`, id: `found-${finding}`, textContent: `${verdict.toUpperCase()} ${rule}: ${summary}.${legal}` }));
    }
    return item;
  };

  const showPage = async (focus) => {
    const mine = ++turn, entry = chosen, numbers = packetsOf(entry), rungs = [];
    const rows = await Promise.all(numbers.slice(start, start + PAGE).map((number) => packet(entry.capture, number)));
    if (mine !== turn) return;
    let target = null;
    rows.forEach((row, place) => {
      const last = place + 1 === rows.length || rows[place + 1][1] !== row[1];
      const found = last ? byFrame.get(`${entry.capture} ${row[3]} ${row[1]}`) || [] : [];
      const item = rung(row, entry.capture, found);
      if (focus !== undefined && found.includes(focus)) { item.classList.add("here"); target = item; }
      rungs.push(item);
    });
    $("rungs").replaceChildren(...rungs);
    $("page").textContent = numbers.length ? `packets ${start + 1} to ${Math.min(start + PAGE, numbers.length)} of ${numbers.length}` : "no packets";
    $("earlier").disabled = start === 0;
    $("later").disabled = start + PAGE >= numbers.length;
    if (target) { target.scrollIntoView({ block: "center" }); target.querySelector("button").focus({ preventScroll: true }); }
  };
  $("earlier").onclick = () => { start = Math.max(0, start - PAGE); showPage(); };
  $("later").onclick = () => { start += PAGE; showPage(); };

  const choose = async (entry, focus) => {
    chosen = entry;
    start = 0;
    if (focus !== undefined) {
      const frame = data.findings[focus][1], numbers = packetsOf(entry);
      for (let place = 0; place < numbers.length; place += PAGE) {
        const last = await packet(entry.capture, numbers[Math.min(place + PAGE, numbers.length) - 1]);
        start = place;
        if (last[1] >= frame) break;
      }
    }
    const left = data.captures[entry.capture].leftOut;
    $("chosen").textContent = label(entry) + (left ? ` (${left.toLocaleString("en")} packets of the capture are not shown)` : "");
    $("client").textContent = `client ${entry.session.client}`;
    $("server").textContent = `server ${entry.session.server}`;
    draw();
    await showPage(focus);
    picture();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-finding], button[data-more]");
    if (!button) return;
    if (button.dataset.more) {
      const items = button.dataset.more.split(" ").map((number) => {
        const finding = data.findings[number];
        const go = make("button", { type: "button", className: "go", textContent: `frame ${finding[1]}` });
        go.dataset.finding = number;
        return make("li", {}, go, make("span", { textContent: `${finding[2].toFixed(6)} s: ${finding[8]}.` }));
      });
      button.previousElementSibling.append(...items);
      button.remove();
      return;
    }
    const number = Number(button.dataset.finding), [capture, , , session, machine, instance] = data.findings[number];
    const own = (entry) => entry.capture === capture && entry.session.id === session;
    const call = machine === "call" && entries.find((entry) => own(entry) && entry.call && entry.call[1] === instance);
    const entry = call || entries.find((other) => own(other) && !other.call);
    if (!entry) return;
    if (!visible.includes(entry)) { $("search").value = ""; $("bad").checked = false; filter(); }
    active = visible.indexOf(entry);
    reveal();
    choose(entry, number);
  });

  // The machines -----------------------------------------------------------------------------------------------------
  const which = $("which");
  data.machines.forEach((machine, place) => which.append(make("option", { value: place, textContent: machine.name })));
  const call = data.machines.findIndex((machine) => machine.name === "call");
  which.value = String(Math.max(0, call));
  const SVG = "http://www.w3.org/2000/svg";

  const middle = (node) => { const box = node.getBBox(); return [box.x + box.width / 2, box.y + box.height / 2, box.width / 2, box.height / 2]; };
  const border = ([x, y, w, h], tx, ty) => {
    const dx = tx - x, dy = ty - y, scale = Math.min(dx ? w / Math.abs(dx) : Infinity, dy ? h / Math.abs(dy) : Infinity);
    return Number.isFinite(scale) ? [x + dx * scale, y + dy * scale] : [x, y];
  };
  // An arrow that the picture does not have: a step that no drawn row takes.
  const overlay = (graph, from, to, number, broken) => {
    const a = middle(from), b = middle(to), path = document.createElementNS(SVG, "path"), text = document.createElementNS(SVG, "text");
    let [mx, my] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    if (from === to) {
      path.setAttribute("d", `M ${a[0] - 14} ${a[1] - a[3]} C ${a[0] - 40} ${a[1] - a[3] - 42}, ${a[0] + 40} ${a[1] - a[3] - 42}, ${a[0] + 14} ${a[1] - a[3]}`);
      my = a[1] - a[3] - 34;
    } else {
      const dx = b[0] - a[0], dy = b[1] - a[1], length = Math.hypot(dx, dy) || 1, bend = Math.min(70, length / 4);
      const cx = mx - dy / length * bend, cy = my + dx / length * bend, s = border(a, cx, cy), e = border(b, cx, cy);
      path.setAttribute("d", `M ${s[0]} ${s[1]} Q ${cx} ${cy} ${e[0]} ${e[1]}`);
      [mx, my] = [(s[0] + 2 * cx + e[0]) / 4, (s[1] + 2 * cy + e[1]) / 4];
    }
    path.setAttribute("class", `overlay${broken ? " violated" : ""}`);
    path.setAttribute("marker-end", `url(#head-${broken ? "red" : "blue"})`);
    text.setAttribute("class", `step${broken ? " violated" : ""}`);
    text.setAttribute("x", mx); text.setAttribute("y", my); text.textContent = number;
    graph.append(path, text);
  };
  const heads = () => {
    const defs = document.createElementNS(SVG, "defs");
    for (const [name, colour] of [["red", "#d0021b"], ["blue", "#0b4f8a"]]) {
      const marker = document.createElementNS(SVG, "marker"), arrow = document.createElementNS(SVG, "path");
      for (const [key, value] of Object.entries({ id: `head-${name}`, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 5, markerHeight: 5, orient: "auto-start-reverse" })) marker.setAttribute(key, value);
      arrow.setAttribute("d", "M 0 0 L 10 5 L 0 10 z"); arrow.setAttribute("fill", colour);
      marker.append(arrow); defs.append(marker);
    }
    return defs;
  };

  function picture() {
    const machine = data.machines[Number(which.value)];
    if (!machine) return;
    const place = $("picture"), walk = machine.name === "call" && $("walk").checked && chosen && chosen.call ? chosen.call[5] : [];
    const percent = (100 * machine.rows[0] / machine.rows[1]).toFixed(1), seen = Object.keys(machine.states).length, all = Object.keys(machine.labels).length;
    $("about").textContent = `${machine.summary}. ${seen} of ${all} states and ${machine.rows[0]} of ${machine.rows[1]} rows (${percent} %) occurred in the captures.`;
    const words = walk.map(([frame, from, event, to, rule]) => {
      const names = (states) => states.length > 4 ? `any of ${states.length} states` : states.map((state) => machine.labels[state]).join(" or ");
      return make("li", { className: rule ? "fail" : "" }, `frame ${frame}: ${names(from)} → ${names(to)} on ${event}${rule ? `, violates ${rule}` : ""}`);
    });
    $("path").replaceChildren(...(words.length ? words : [make("li", { textContent: "Choose a call above to see its path." })]));
    place.innerHTML = machine.svg;
    const svg = place.querySelector("svg");
    if (!svg) { place.textContent = "No picture: nothing that draws was installed where the report was made."; return; }
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `State diagram of the machine ${machine.name}`);
    const node = (state) => svg.getElementById(`${machine.name}-state-${state}`), graph = svg.querySelector("g");
    const edges = (from, to) => [...svg.querySelectorAll(`[id^="${machine.name}-edge-${from}-${to}-"]`)];
    if ($("cover").checked) {
      for (const other of svg.querySelectorAll(`[id^="${machine.name}-state-"]`)) {
        const count = machine.states[other.id.slice(machine.name.length + 7)];
        other.classList.add(count ? "covered" : "dim");
      }
      for (const other of svg.querySelectorAll(`[id^="${machine.name}-edge-"]`)) {
        const [from, to] = other.id.slice(machine.name.length + 6).split("-");
        if (!machine.edges[`${from} ${to}`]) other.classList.add("dim");
      }
    }
    for (const group of svg.querySelectorAll(".node")) {
      // The renderer measured another font than the one that the reader has.
      const shape = group.querySelector("path, polygon");
      if (!shape) continue;
      const box = shape.getBBox();
      for (const text of group.querySelectorAll("text")) {
        const own = text.getBBox(), room = Math.min(box.x + box.width - 6 - own.x, box.width - 8);
        if (own.width > room && room > 0) {
          text.setAttribute("textLength", room);
          text.setAttribute("lengthAdjust", "spacingAndGlyphs");
          if (text.getAttribute("text-anchor") === "middle") text.setAttribute("x", box.x + box.width / 2);
        }
      }
    }
    graph.prepend(heads());
    walk.forEach(([, from, , to, rule], number) => {
      for (const state of [...(from.length === 1 ? from : []), ...(to.length === 1 ? to : [])]) { const found = node(state); if (found) { found.classList.add("walked"); found.classList.remove("dim"); } }
      if (from.length !== 1 || to.length !== 1) return;
      const drawn = rule ? [] : edges(from[0], to[0]);
      for (const edge of drawn) { edge.classList.add("walked"); edge.classList.remove("dim"); }
      const a = node(from[0]), b = node(to[0]);
      if (!drawn.length && a && b) overlay(graph, a, b, number + 1, Boolean(rule));
    });
    const target = svg.querySelector(".violated") || svg.querySelector(".walked");
    if (target) { const box = target.getBoundingClientRect(), frame = place.getBoundingClientRect(); place.scrollTop += box.top - frame.top - frame.height / 2; place.scrollLeft += box.left - frame.left - frame.width / 2; }
  }
  which.onchange = picture;
  $("walk").onchange = picture;
  $("cover").onchange = picture;
  const rows = data.machines.map((machine) => make("tr", {}, make("th", { scope: "row", textContent: machine.name }), make("td", { textContent: `${Object.keys(machine.states).length} of ${Object.keys(machine.labels).length}` }), make("td", { textContent: `${machine.rows[0]} of ${machine.rows[1]}` })));
  $("coverage").append(make("h3", { textContent: "Coverage of the machines" }), make("table", {}, make("thead", {}, make("tr", {}, ...["machine", "states", "rows"].map((name) => make("th", { scope: "col", textContent: name })))), make("tbody", {}, ...rows)));

  filter();
  const worst = entries.find((entry) => entry.call && entry.bad) || entries.find((entry) => entry.call && entry.odd) || entries.find((entry) => entry.call) || entries[0];
  if (worst) { active = visible.indexOf(worst); reveal(); await choose(worst); }
  root.dataset.ready = "true";
})().catch((error) => {
  document.documentElement.dataset.ready = "failed";
  document.querySelector("main").prepend(Object.assign(document.createElement("p"), { className: "fail", textContent: `This page could not be built: ${error}` }));
});
