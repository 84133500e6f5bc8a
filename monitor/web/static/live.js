// Refreshes a page: fetches it every few seconds and replaces what changed, so that focus, scrolling and typed text stay.
// A page that could not be refreshed is marked as stale. Pages work without this script, by reloading.
"use strict";

(() => {
  const freshness = document.getElementById("freshness");
  if (!freshness) return;
  const lost = document.getElementById("lost");
  const news = document.getElementById("news");
  const every = Number(freshness.dataset.refresh) * 1000;
  let clockAhead = null; // milliseconds by which this machine's clock is ahead of the daemon's; null: not known yet
  let failedSince = null;
  let tag = null;
  let shown = location.pathname + location.search; // the address of the page on screen and of `tag`
  let fetching = null; // the controller of the newest request: older responses are dropped

  const unit = (seconds) => {
    const size = Math.abs(seconds);
    if (size < 120) return `${Math.round(size)} s`;
    if (size < 7200) return `${Math.floor(size / 60)} min`;
    if (size < 172800) return `${Math.floor(size / 3600)} h`;
    return `${Math.floor(size / 86400)} d`;
  };

  // Ages are shown once the daemon's clock is known: by a wrong local clock they would be wrong.
  function showAges() {
    if (clockAhead === null) return;
    const now = Date.now() - clockAhead;
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const seconds = (now - Date.parse(time.dateTime)) / 1000;
      if (!time.title) time.title = time.textContent;
      const text = time.dataset.ago === "due" && seconds >= 0 ? "now" : seconds >= 0 ? `${unit(seconds)} ago` : `in ${unit(seconds)}`;
      if (time.textContent !== text) time.textContent = text;
    }
  }

  function compareClocks(response) {
    const sent = Date.parse(response.headers.get("date"));
    clockAhead = Number.isNaN(sent) ? 0 : Date.now() - sent;
    if (Math.abs(clockAhead) < 2000) clockAhead = 0; // the header has whole seconds
  }

  // Blanks between rows are equal to idiomorph: it would match them and move the rows, and a moved row loses its
  // selection.
  function withoutBlanks(root) {
    for (const parent of root.querySelectorAll("thead, tbody, tr, ul, ol, dl")) {
      for (const node of [...parent.childNodes]) {
        if (node.nodeType === Node.TEXT_NODE && !node.data.trim()) node.remove();
      }
    }
  }

  function morph(doc) {
    withoutBlanks(document);
    withoutBlanks(doc);
    const headline = document.querySelector("h1")?.textContent.trim();
    document.title = doc.title;
    for (const id of ["freshness", "main"]) {
      const [old, fresh] = [document.getElementById(id), doc.getElementById(id)];
      if (!old || !fresh) return;
      Idiomorph.morph(old, fresh, {
        morphStyle: "outerHTML",
        ignoreActiveValue: true,
        callbacks: {
          beforeNodeMorphed: (node, next) => {
            if (node.nodeType !== Node.ELEMENT_NODE) return true;
            // drawn charts stay, and are redrawn if their data changed
            if (node.classList.contains("chart") && node.id === next.id) {
              node.dataset.chart = next.dataset.chart;
              return false;
            }
            if (node.classList.contains("chart-note") && charts.drew(node)) return false;
            if (node.matches("time[data-ago]") && node.dateTime === next.dateTime && node.dataset.ago === next.dataset.ago) return false;
            if (node.classList.contains("outline") && node.dataset.outline === next.dataset.outline) return false;
            return true;
          },
        },
      });
    }
    showAges();
    charts.drawAll();
    const now = document.querySelector("h1")?.textContent.trim();
    if (now !== headline) news.textContent = now;
  }

  function showFresh() {
    const state = document.querySelector("#freshness .state");
    if (state) state.textContent = "live, as of";
    freshness_().classList.remove("stale");
    lost.hidden = true;
    failedSince = null;
  }

  const freshness_ = () => document.getElementById("freshness");

  function showLost(reason) {
    failedSince ??= Date.now();
    freshness_().classList.add("stale");
    freshness_().querySelector(".state").textContent = "stale, as of";
    const at = freshness_().querySelector("time").textContent;
    const text = `${reason} This page shows the state of ${at}, at least ${unit((Date.now() - failedSince) / 1000 + every / 1000)} ago.`;
    if (lost.hidden || lost.textContent !== text) lost.textContent = text;
    lost.hidden = false;
  }

  async function refresh() {
    const url = location.pathname + location.search;
    fetching?.abort();
    const mine = (fetching = new AbortController());
    const timer = setTimeout(() => mine.abort(), 4 * every);
    try {
      const headers = tag && shown === url ? { "If-None-Match": tag } : {};
      const response = await fetch(url, { headers, signal: mine.signal, cache: "no-store" });
      compareClocks(response);
      if (response.status === 401) return location.reload(); // which leads to the login
      if (response.status !== 304) {
        if (!response.ok) throw new Error(`The daemon responds with ${response.status}.`);
        const text = await response.text();
        if (fetching !== mine) return;
        [tag, shown] = [response.headers.get("etag"), url];
        morph(new DOMParser().parseFromString(text, "text/html"));
      }
      showAges();
      charts.refresh();
      showFresh();
    } catch (error) {
      if (fetching === mine) showLost(error instanceof TypeError || error.name === "AbortError" ? "The daemon does not answer." : error.message);
    } finally {
      clearTimeout(timer);
      if (fetching === mine) fetching = null;
    }
  }

  // Filters apply while somebody types, and stand in the address, so that it can be shared. "Back" undoes one filter
  // after the other; a typed text is one filter, not one a letter.
  let typing = null;
  let typed = null; // the field that is being typed in, whose text the newest history entry holds
  function filter(form, field) {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    const path = new URL(form.action).pathname;
    const address = query.size ? `${path}?${query}` : path;
    if (address !== location.pathname + location.search) {
      if (typed !== null && typed === field) history.replaceState(null, "", address);
      else history.pushState(null, "", address);
    }
    typed = field?.type === "search" ? field : null;
    refresh();
  }
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-live]");
    if (!form) return;
    clearTimeout(typing);
    typing = setTimeout(() => filter(form, event.target), 250);
  });
  document.addEventListener("focusout", () => (typed = null));
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-live]");
    if (!form) return;
    event.preventDefault();
    clearTimeout(typing);
    filter(form, typed);
    typed = null;
  });
  addEventListener("popstate", () => {
    if (location.pathname + location.search === shown) return; // only to another place on the page
    clearTimeout(typing);
    typed = null;
    const asked = new URLSearchParams(location.search);
    for (const field of document.querySelectorAll("form[data-live] :is(input, select)[name]")) {
      field.value = asked.get(field.name) ?? (field.options ? field.options[0].value : "");
    }
    refresh();
  });

  setInterval(showAges, 1000);
  setInterval(() => document.hidden || fetching || refresh(), every);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  addEventListener("pageshow", (event) => event.persisted && refresh());
  fetch(location.href, { method: "HEAD", cache: "no-store" }).then(compareClocks).then(showAges, () => {}); // refresh() tries again
  showFresh();
})();
