// Charts, by uPlot: a series' past with its limits, its alerts and its gaps, and the small outlines beside balances.
// Floats place points; the amounts that are shown as text are the exact ones.
"use strict";

const charts = (() => {
  const drawn = new Map(); // element -> {plot, data, tag}
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const utc = (stamp) => uPlot.tzDate(new Date(stamp * 1e3), "Etc/UTC");
  const written = (stamp) => new Date(stamp * 1e3).toISOString().slice(0, 19).replace("T", " ") + " UTC";

  function bands(data) {
    return {
      hooks: {
        drawClear: (plot) => {
          const { ctx, bbox } = plot;
          ctx.save();
          ctx.beginPath();
          ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
          ctx.clip();
          hatch(ctx, plot, data.gaps);
          for (const band of data.bands) {
            const left = plot.valToPos(band.since, "x", true);
            const right = plot.valToPos(band.until ?? data.until, "x", true);
            ctx.fillStyle = colour(band.severity);
            ctx.globalAlpha = 0.16;
            ctx.fillRect(left, bbox.top, Math.max(right - left, 2), bbox.height);
            ctx.globalAlpha = 1;
          }
          ctx.restore();
        },
        draw: (plot) => {
          const { ctx, bbox } = plot;
          ctx.save();
          ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
          for (const limit of data.limits) {
            const y = plot.valToPos(Number(limit.amount), "y", true);
            if (y < bbox.top || y > bbox.top + bbox.height) continue;
            ctx.strokeStyle = ctx.fillStyle = colour(limit.severity);
            ctx.lineWidth = 1.5 * devicePixelRatio;
            ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
            ctx.beginPath();
            ctx.moveTo(bbox.left, y);
            ctx.lineTo(bbox.left + bbox.width, y);
            ctx.stroke();
            ctx.textBaseline = "bottom";
            ctx.textAlign = "left";
            ctx.fillText(`${limit.rule}: ${limit.side} ${limit.amount}`, bbox.left + 6 * devicePixelRatio, y - 2 * devicePixelRatio);
          }
          ctx.restore();
        },
      },
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

  // The limits belong into the picture, as long as the line does not become flat by it.
  function range(data) {
    return (plot, low, high) => {
      if (low === null) [low, high] = [0, 1];
      const span = high - low || Math.abs(high) || 1;
      for (const { amount } of data.limits) {
        const limit = Number(amount);
        if (limit > low - 1.5 * span && limit < high + 1.5 * span) [low, high] = [Math.min(low, limit), Math.max(high, limit)];
      }
      const margin = (high - low || Math.abs(high) || 1) * 0.08;
      return [low - margin, high + margin];
    };
  }

  // Hours by the clock of 24, and the day where it begins.
  function hours(plot, splits, axis, space, step) {
    let day = "";
    return splits.map((stamp) => {
      const [date, clock] = new Date(stamp * 1e3).toISOString().split("T");
      const text = step >= 86400 ? date.slice(5) : date === day ? clock.slice(0, step < 60 ? 8 : 5) : `${clock.slice(0, step < 60 ? 8 : 5)}\n${date}`;
      day = date;
      return text;
    });
  }

  function options(element, data) {
    const axis = { stroke: colour("text"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
    return {
      width: Math.max(element.clientWidth, 200),
      height: Math.max(240, Math.min(380, Math.round(element.clientWidth * 0.45))),
      tzDate: utc,
      plugins: [bands(data)],
      legend: { live: true },
      cursor: { y: false, drag: { x: true, y: false } },
      scales: { x: { time: true, range: (plot, low, high) => (low === data.times[0] || low === null ? [data.since, data.until] : [low, high]) }, y: { range: range(data) } },
      axes: [{ ...axis, values: hours, size: 46 }, { ...axis, size: 76, values: (plot, values) => values.map((value) => value.toLocaleString("en", { maximumSignificantDigits: 7 })) }],
      series: [
        { label: "Read at", value: (plot, value, series, index) => (index === null ? "" : written(data.times[index])) },
        {
          label: element.dataset.title,
          stroke: colour("accent"),
          width: 1.5,
          paths: uPlot.paths.stepped({ align: 1 }), // an amount holds until another one is read
          spanGaps: false,
          points: { show: data.times.length < 60 },
          value: (plot, value, series, index) => (index === null ? "" : (data.amounts[index] ?? "unknown")),
        },
      ],
    };
  }

  const count = (things, name) => `${things.length} ${name}${things.length === 1 ? "" : "s"}`;

  function describe(element, data) {
    const known = data.amounts.filter((amount) => amount !== null);
    const words = known.length
      ? `from ${known[0]} to ${known.at(-1)}, over ${data.readings} readings`
      : "nothing was read in this time";
    const more = [
      data.bands.length ? `${count(data.bands, "alert")} fired` : "",
      data.gaps.length ? `${count(data.gaps, "gap")} in which nothing was read` : "",
    ].filter(Boolean);
    element.setAttribute("aria-label", `Chart of ${element.dataset.title}: ${[words, ...more].join(", ")}`);
    const note = document.getElementById("chart-note");
    if (note && !note.querySelector("a")) {
      note.textContent = `${[words, ...more].join("; ")}. Hatched: nothing is known. Drag to zoom, double-click to go back; with the keyboard ← and → read it point by point.`;
    }
  }

  function draw(element, data) {
    drawn.get(element)?.plot?.destroy();
    element.replaceChildren();
    const plot = new uPlot(options(element, data), [data.times, data.values], element);
    drawn.set(element, { ...drawn.get(element), plot, data });
    describe(element, data);
  }

  async function load(element) {
    const known = drawn.get(element) ?? {};
    drawn.set(element, known);
    if (known.loading) return;
    known.loading = true;
    try {
      const answer = await fetch(element.dataset.chart, { headers: known.tag ? { "If-None-Match": known.tag } : {}, cache: "no-store" });
      if (answer.ok) {
        known.tag = answer.headers.get("etag");
        const focused = known.plot?.cursor.idx;
        if (!zoomed(known)) draw(element, await answer.json());
        if (focused != null && document.activeElement === element) point(element, focused);
      }
    } catch {
      // live.js tells that nobody answers
    } finally {
      (drawn.get(element) ?? known).loading = false;
    }
  }

  function zoomed({ plot, data }) {
    return Boolean(plot) && (plot.scales.x.min > data.since + 1 || plot.scales.x.max < data.until - 1);
  }

  function point(element, index) {
    const { plot, data } = drawn.get(element) ?? {};
    if (!plot || !data.times.length) return;
    const at = Math.min(Math.max(index, 0), data.times.length - 1);
    plot.setCursor({ left: plot.valToPos(data.times[at], "x"), top: plot.bbox.height / 2 / devicePixelRatio });
    element.dataset.index = at;
    document.getElementById("news").textContent = `${written(data.times[at])}: ${data.amounts[at] ?? "unknown"}`;
  }

  // Lows and highs of slices of a day, in per mille of the range, with gaps: "0:12:40 _ 5:13:13".
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
        series: [{}, { stroke: colour("accent"), width: 1.2, spanGaps: false, points: { show: (u) => points.filter(([, y]) => y !== null).length < 2 } }],
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

  // Only what is looked at is drawn.
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      if (drawn.get(target)?.outline !== target.dataset.outline) outline(target);
    }
  }, { rootMargin: "200px" });

  function redraw() {
    for (const [element, { data, plot }] of [...drawn]) {
      if (data) draw(element, data);
      else if (plot) outline(element);
    }
  }

  document.addEventListener("keydown", (event) => {
    const element = event.target.closest?.(".chart");
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }[event.key];
    if (!element || step === undefined) return;
    event.preventDefault();
    const { data } = drawn.get(element) ?? {};
    if (data) point(element, Number(element.dataset.index ?? data.times.length) + step);
  });
  dark.addEventListener("change", redraw);
  let resizing = null;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(redraw, 150);
  });
  document.addEventListener("DOMContentLoaded", drawAll);

  return { drawAll, refresh: () => document.querySelectorAll(".chart").forEach((element) => load(element)) };
})();
