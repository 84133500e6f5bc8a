// Charts, drawn by uPlot: the history of a series with limits, alerts and gaps, and the small outlines beside balances.
// Floats only place points; amounts in text are the exact ones.
"use strict";

const charts = (() => {
  const drawn = new Map(); // element -> its state: {plot, data, origin, zoom, instant, held, url, tag}
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const utc = (stamp) => uPlot.tzDate(new Date(stamp * 1e3), "Etc/UTC");
  const written = (stamp) => new Date(stamp * 1e3).toISOString().slice(0, 19).replace("T", " ") + " UTC";
  const limitText = (limit) => `${limit.rule}: ${limit.side} ${limit.amount}`;

  function background(known) {
    return (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      hatch(ctx, plot, known.data.gaps);
      for (const band of known.data.bands) {
        const left = plot.valToPos(band.since, "x", true);
        const right = plot.valToPos(band.until ?? known.data.until, "x", true);
        ctx.fillStyle = colour(band.severity);
        ctx.globalAlpha = 0.16;
        ctx.fillRect(left, bbox.top, Math.max(right - left, 2), bbox.height);
        ctx.globalAlpha = 1;
      }
      ctx.restore();
    };
  }

  function hatch(ctx, plot, gaps) {
    const { left, top, width, height } = plot.bbox;
    ctx.save();
    ctx.beginPath();
    for (const [from, until] of gaps) {
      const [begins, ends] = [plot.valToPos(from, "x", true), plot.valToPos(until, "x", true)];
      ctx.rect(begins, top, Math.max(ends - begins, 1), height);
    }
    ctx.clip();
    ctx.strokeStyle = colour("gap");
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    for (let x = left - height; x < left + width; x += 8 * devicePixelRatio) {
      ctx.moveTo(x, top + height);
      ctx.lineTo(x + height, top);
    }
    ctx.stroke();
    ctx.restore();
  }

  // A line with its label; for a limit outside the chart the label alone, at the nearest edge.
  function limits(known) {
    return (plot) => {
      const { ctx, bbox } = plot;
      const dot = devicePixelRatio;
      const bottom = bbox.top + bbox.height;
      const beyond = { above: 0, below: 0 };
      ctx.save();
      ctx.font = `${12 * dot}px system-ui, sans-serif`;
      ctx.textAlign = "left";
      const write = (text, y, baseline) => {
        ctx.textBaseline = baseline;
        ctx.fillText(fitted(ctx, text, bbox.width - 12 * dot), bbox.left + 6 * dot, y);
      };
      for (const limit of known.data.limits) {
        const y = plot.valToPos(height(known, limit.amount), "y", true);
        ctx.strokeStyle = ctx.fillStyle = colour(limit.severity);
        if (y < bbox.top) write(`▲ ${limitText(limit)}`, bbox.top + (3 + 16 * beyond.above++) * dot, "top");
        else if (y > bottom) write(`▼ ${limitText(limit)}`, bottom - (3 + 16 * beyond.below++) * dot, "bottom");
        else {
          ctx.lineWidth = 1.5 * dot;
          ctx.setLineDash([6 * dot, 4 * dot]);
          ctx.beginPath();
          ctx.moveTo(bbox.left, y);
          ctx.lineTo(bbox.left + bbox.width, y);
          ctx.stroke();
          const above = y - bbox.top > 18 * dot;
          write(limitText(limit), above ? y - 2 * dot : y + 3 * dot, above ? "bottom" : "top");
        }
      }
      ctx.restore();
    };
  }

  function fitted(ctx, text, width) {
    if (ctx.measureText(text).width <= width) return text;
    let length = text.length;
    while (length > 1 && ctx.measureText(`${text.slice(0, length)}…`).width > width) length = Math.floor(length * 0.9);
    return `${text.slice(0, length)}…`;
  }

  // A float holds some sixteen digits. Amounts that differ only beyond those are drawn as their difference from the
  // first of them, which is exact.
  function origin(amounts) {
    const known = [...new Set(amounts.filter((amount) => amount !== null))];
    const values = known.map(Number);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (known.length < 2 || high - low > 1e-12 * Math.max(Math.abs(low), Math.abs(high))) return null;
    const exact = known.every((amount) => /^-?\d+(\.\d+)?$/.test(amount));
    return exact && known.some((amount) => apart(amount, known[0]) !== 0) ? known[0] : null;
  }

  function apart(amount, from) {
    const digits = Math.max(...[amount, from].map((one) => (one.split(".")[1] ?? "").length));
    const whole = (one) => {
      const [before, after = ""] = one.split(".");
      return BigInt(before + after.padEnd(digits, "0"));
    };
    return Number(`${whole(amount) - whole(from)}e-${digits}`);
  }

  const height = (known, amount) => (known.origin === null ? Number(amount) : apart(amount, known.origin));

  function columns({ data, origin: from }) {
    if (from === null) return [data.times, data.values];
    return [data.times, data.amounts.map((amount) => (amount === null ? null : apart(amount, from)))];
  }

  // The range includes a limit if the line keeps a quarter of the height, and always if the balance is beyond it. A flat
  // line loses nothing by a wider range.
  function range(known) {
    return (plot, low, high) => {
      const places = known.data.limits.map(({ side, amount }) => ({ side, at: height(known, amount) }));
      if (low === null) low = high = places[0]?.at ?? 0;
      let [bottom, top, span] = [low, high, high - low];
      const distance = ({ at }) => Math.max(low - at, at - high, 0);
      for (const { side, at } of places.sort((one, other) => distance(one) - distance(other))) {
        const broken = side === "below" ? high < at : low > at;
        const [down, up] = [Math.min(bottom, at), Math.max(top, at)];
        if (!broken && span && up - down > 4 * span) continue;
        [bottom, top] = [down, up];
        span ||= up - down;
      }
      const margin = (top - bottom || Math.abs(top) || 1) * 0.08;
      return [bottom - margin, top + margin];
    };
  }

  // Times in 24 hours, with the date where a day begins.
  function hours(plot, splits, axis, space, step) {
    let day = "";
    return splits.map((stamp) => {
      const [date, clock] = new Date(stamp * 1e3).toISOString().split("T");
      const text = step >= 86400 ? date.slice(5) : date === day ? clock.slice(0, step < 60 ? 8 : 5) : `${clock.slice(0, step < 60 ? 8 : 5)}\n${date}`;
      day = date;
      return text;
    });
  }

  const order = (value) => Number(value.toExponential().split("e")[1]);

  // As many digits as distinguish one tick from the next.
  function heights(known) {
    return (plot, splits, axis, space, step) => {
      const [mantissa, exponent] = Number(step.toPrecision(6)).toExponential().split("e");
      const digits = (mantissa.split(".")[1] ?? "").length - Number(exponent);
      const decimals = Math.max(0, digits);
      const short = decimals > 12 || Math.max(...splits.map(Math.abs)) >= 1e15;
      return splits.map((split) => {
        const value = Math.abs(split) < step / 2 ? 0 : split;
        const text = short && value
          ? value.toExponential(Math.min(Math.max(order(value) + digits, 0), 20))
          : value.toLocaleString("en", { minimumFractionDigits: Math.min(decimals, 12), maximumFractionDigits: Math.min(decimals, 12) });
        return known.origin !== null && value > 0 ? `+${text}` : text;
      });
    };
  }

  function width(plot, labels, index, cycle) {
    const axis = plot.axes[index];
    if (cycle > 1) return axis._size;
    plot.ctx.font = axis.font[0];
    const longest = Math.max(0, ...(labels ?? []).map((label) => plot.ctx.measureText(label).width / devicePixelRatio));
    return Math.ceil(axis.ticks.size + axis.gap + longest + 6);
  }

  // A reading between two gaps has no line: it gets a dot.
  function alone(values) {
    return values.flatMap((value, index) => (value !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null ? [index] : []));
  }

  const dots = (all) => ({
    show: all,
    size: 5,
    fill: () => colour("accent"),
    filter: (plot, series, shown) => (shown ? null : alone(plot.data[series])),
  });

  const size = (element) => ({
    width: Math.max(element.clientWidth - 12, 200),
    height: Math.max(240, Math.min(380, Math.round(element.clientWidth * 0.45))),
  });

  function zoom(plot, known, between) {
    known.zoom = between;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    const [min, max] = between ?? [known.data.since, known.data.until];
    plot.setScale("x", { min, max });
  }

  function options(element, known) {
    const ink = (name) => () => colour(name);
    const axis = { stroke: ink("text"), grid: { stroke: ink("line"), width: 1 }, ticks: { stroke: ink("line"), width: 1 } };
    return {
      ...size(element),
      tzDate: utc,
      hooks: {
        drawClear: [background(known)],
        draw: [limits(known)],
        setSelect: [(plot) => {
          const { left, width: wide } = plot.select;
          if (wide > 0) zoom(plot, known, [plot.posToVal(left, "x"), plot.posToVal(left + wide, "x")]);
        }],
      },
      legend: { live: true, markers: { show: false } },
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: (plot) => () => zoom(plot, known, null) },
      },
      scales: { x: { time: true, range: () => known.zoom ?? [known.data.since, known.data.until] }, y: { range: range(known) } },
      axes: [{ ...axis, values: hours, size: 46 }, { ...axis, size: width, values: heights(known) }],
      series: [
        { label: "Read at", value: (plot, value, series, index) => (index === null ? "" : written(known.data.times[index])) },
        {
          label: element.dataset.title,
          stroke: ink("accent"),
          width: 1.5,
          paths: uPlot.paths.stepped({ align: 1 }), // an amount holds until another one is read
          spanGaps: false,
          points: dots(() => known.data.times.length < 60),
          value: (plot, value, series, index) => (index === null ? "" : (known.data.amounts[index] ?? "unknown")),
        },
      ],
    };
  }

  const count = (things, name) => `${things.length} ${name}${things.length === 1 ? "" : "s"}`;

  function describe(element, known) {
    const { data } = known;
    const read = data.amounts.filter((amount) => amount !== null);
    const words = read.length
      ? `from ${read[0]} to ${read.at(-1)}, over ${data.readings} readings`
      : "no readings in this period";
    const more = [
      data.bands.length ? `${count(data.bands, "alert")} fired` : "",
      data.gaps.length ? count(data.gaps, "gap") : "",
      data.limits.length ? `limits: ${data.limits.map(limitText).join(", ")}` : "",
    ].filter(Boolean);
    element.setAttribute("aria-label", `Chart of ${element.dataset.title}: ${[words, ...more].join(", ")}`);
    const counted = known.origin === null ? "" : ` The axis counts from ${known.origin}.`;
    setNote(element, `${[words, ...more].join("; ")}.${counted} Hatched: no readings. Drag to zoom, double-click to reset; ← and → move from point to point.`);
  }

  function setNote(element, text) {
    const note = document.getElementById(element.getAttribute("aria-describedby"));
    if (note && note.textContent !== text) note.textContent = text;
  }

  function draw(element, known, data) {
    known.data = data;
    known.origin = origin(data.amounts);
    if (known.zoom && known.zoom[1] < data.since) known.zoom = null; // the zoomed time has left the chart
    if (known.plot) known.plot.setData(columns(known));
    else {
      element.replaceChildren();
      known.plot = new uPlot(options(element, known), columns(known), element);
      known.plot.over.addEventListener("mousemove", () => (known.held = false));
    }
    queueMicrotask(() => keepCursor(element, known)); // uPlot itself updates in a microtask: after that
    describe(element, known);
  }

  // The cursor stays at its instant, or under the mouse, while the chart moves below it.
  function keepCursor(element, known) {
    const { plot, data } = known;
    element.setAttribute("role", "slider"); // screen readers pass arrow keys on to a slider, and read out its value
    element.setAttribute("aria-valuemin", data.since);
    element.setAttribute("aria-valuemax", data.until);
    if (known.held) show(known, nearest(data.times, known.instant));
    else if (plot.cursor.left >= 0) plot.setCursor({ left: plot.cursor.left, top: plot.cursor.top });
    if (!known.held && document.activeElement !== element) valued(element, data, data.times.length - 1);
  }

  function nearest(times, instant) {
    let best = 0;
    for (const [index, time] of times.entries()) if (Math.abs(time - instant) < Math.abs(times[best] - instant)) best = index;
    return best;
  }

  function show({ plot, data }, index) {
    if (index >= data.times.length) return;
    plot.setCursor({ left: plot.valToPos(data.times[index], "x"), top: plot.over.clientHeight / 2 });
    plot.setLegend({ idx: index }, false); // a pixel may hold several readings
  }

  function valued(element, data, index) {
    const at = data.times[index];
    element.setAttribute("aria-valuenow", at ?? data.until);
    element.setAttribute("aria-valuetext", at === undefined ? "no reading" : `${written(at)}: ${data.amounts[index] ?? "unknown"}`);
  }

  function step(element, known, by) {
    const { data } = known;
    if (!data?.times.length) return;
    const from = known.instant === undefined ? data.times.length : nearest(data.times, known.instant);
    const index = Math.min(Math.max(from + by, 0), data.times.length - 1);
    known.instant = data.times[index];
    known.held = true;
    show(known, index);
    valued(element, data, index);
  }

  async function load(element) {
    const known = drawn.get(element) ?? {};
    drawn.set(element, known);
    if (known.loading) return;
    known.loading = true;
    const url = element.dataset.chart;
    try {
      const kept = known.tag && known.url === url ? { "If-None-Match": known.tag } : {};
      const response = await fetch(url, { headers: kept, cache: "no-store" });
      if (response.status === 304) describe(element, known);
      else if (!response.ok) throw new Error(`the daemon responds with ${response.status}`);
      else {
        draw(element, known, await response.json());
        Object.assign(known, { url, tag: response.headers.get("etag") });
      }
    } catch (error) {
      const reason = error instanceof TypeError ? "the daemon does not answer" : error.message;
      const what = known.data ? `Outdated chart, as of ${written(known.data.until)}` : "The chart could not be loaded";
      setNote(element, `${what}: ${reason}.`);
    } finally {
      known.loading = false;
    }
  }

  // The low and high of each slice of a day, in per mille of the range; _ is a gap: "0:12:40 _ 5:13:13".
  function outline(element) {
    const points = [];
    for (const one of (element.dataset.outline || "").split(" ").filter(Boolean)) {
      if (one === "_") {
        points.push([points.at(-1)[0] + 0.1, null]);
        continue;
      }
      const [at, low, high] = one.split(":").map(Number);
      points.push([at, low]);
      if (high !== low) points.push([at + 0.5, high]);
    }
    if (!points.length) return;
    drawn.get(element)?.plot?.destroy();
    element.replaceChildren();
    const hidden = { show: false };
    const plot = new uPlot(
      {
        width: 96, height: 26, pxAlign: false, padding: [3, 2, 3, 2],
        legend: hidden, cursor: hidden, axes: [hidden, hidden], select: hidden,
        scales: { x: { time: false, range: [0, 48] }, y: { range: [-30, 1030] } },
        series: [{}, { stroke: () => colour("accent"), width: 1.2, spanGaps: false, points: dots(false) }],
      },
      [points.map(([x]) => x), points.map(([, y]) => y)],
      element,
    );
    drawn.set(element, { plot, outline: element.dataset.outline });
  }

  function drawAll() {
    for (const element of drawn.keys()) {
      if (!element.isConnected) {
        drawn.get(element).plot?.destroy();
        drawn.delete(element);
      }
    }
    for (const element of document.querySelectorAll(".chart")) if (!drawn.has(element)) load(element);
    for (const element of document.querySelectorAll(".outline")) {
      if (drawn.get(element)?.outline !== element.dataset.outline) seen.observe(element);
    }
  }

  // Outlines are drawn when they come into view: there may be thousands.
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      if (drawn.get(target)?.outline !== target.dataset.outline) outline(target);
    }
  }, { rootMargin: "200px" });

  document.addEventListener("keydown", (event) => {
    const element = event.target.closest?.(".chart");
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }[event.key];
    if (!element || by === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    step(element, drawn.get(element) ?? {}, by);
  });
  dark.addEventListener("change", () => {
    for (const { plot } of drawn.values()) plot?.redraw();
  });
  let resizing = null;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => {
      for (const [element, known] of drawn) {
        if (!known.data) continue;
        known.plot.setSize(size(element));
        queueMicrotask(() => keepCursor(element, known));
      }
    }, 150);
  });
  document.addEventListener("DOMContentLoaded", drawAll);

  const drew = (note) => [...drawn.keys()].some((element) => element.getAttribute("aria-describedby") === note.id);

  return { drawAll, drew, refresh: () => document.querySelectorAll(".chart").forEach((element) => load(element)) };
})();
