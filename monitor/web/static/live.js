// Keeps a page fresh: fetches it again every few seconds and exchanges what changed, so that focus, scrolling and what
// somebody types stay. What is not fresh any more says so. Pages work without this, by hand.
"use strict";

(() => {
  const freshness = document.getElementById("freshness");
  if (!freshness) return;
  const lost = document.getElementById("lost");
  const news = document.getElementById("news");
  const every = Number(freshness.dataset.refresh) * 1000;
  let clockAhead = 0; // milliseconds that this machine's clock is ahead of the daemon's
  let failedSince = null;
  let tag = null;
  let asking = null;

  const unit = (seconds) => {
    const size = Math.abs(seconds);
    if (size < 120) return `${Math.round(size)} s`;
    if (size < 7200) return `${Math.floor(size / 60)} min`;
    if (size < 172800) return `${Math.floor(size / 3600)} h`;
    return `${Math.floor(size / 86400)} d`;
  };

  function showAges() {
    const now = Date.now() - clockAhead;
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const seconds = (now - Date.parse(time.dateTime)) / 1000;
      if (!time.title) time.title = time.textContent;
      const text = time.dataset.ago === "due" && seconds >= 0 ? "now" : seconds >= 0 ? `${unit(seconds)} ago` : `in ${unit(seconds)}`;
      if (time.textContent !== text) time.textContent = text;
    }
  }

  function morph(doc) {
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
            // what scripts drew stays, and is drawn anew where its data changed
            if (node.classList.contains("chart")) return node.id !== next.id;
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

  function showLost(why) {
    failedSince ??= Date.now();
    freshness_().classList.add("stale");
    freshness_().querySelector(".state").textContent = "stale, as of";
    const at = freshness_().querySelector("time").textContent;
    const text = `${why} What you see is of ${at}, ${unit((Date.now() - failedSince) / 1000 + every / 1000)} old or more.`;
    if (lost.hidden || lost.textContent !== text) lost.textContent = text;
    lost.hidden = false;
  }

  async function look(url = location.href, force = false) {
    asking?.abort();
    const mine = (asking = new AbortController());
    const timer = setTimeout(() => mine.abort(), 4 * every);
    try {
      const headers = tag && !force ? { "If-None-Match": tag } : {};
      const answer = await fetch(url, { headers, signal: mine.signal, cache: "no-store" });
      if (answer.status === 401) return location.reload(); // which leads to the login
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(`The daemon answers ${answer.status}.`);
        const text = await answer.text();
        if (asking !== mine) return;
        tag = answer.headers.get("etag");
        morph(new DOMParser().parseFromString(text, "text/html"));
      }
      clockAhead = Date.now() - Date.parse(answer.headers.get("date") || new Date().toUTCString());
      if (Math.abs(clockAhead) < 2000) clockAhead = 0; // the header tells whole seconds
      charts.refresh();
      showFresh();
    } catch (error) {
      if (asking === mine) showLost(error instanceof TypeError || error.name === "AbortError" ? "The daemon does not answer." : error.message);
    } finally {
      clearTimeout(timer);
      if (asking === mine) asking = null;
    }
  }

  // Filters: as one types, and in the address, so that it can be shared and the way back works.
  let typing = null;
  function filter(form) {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    history.replaceState(null, "", query.size ? `${form.action.split("?")[0]}?${query}` : form.action);
    look(location.href, true);
  }
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-live]");
    if (!form) return;
    clearTimeout(typing);
    typing = setTimeout(() => filter(form), 250);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-live]");
    if (!form) return;
    event.preventDefault();
    clearTimeout(typing);
    filter(form);
  });

  setInterval(showAges, 1000);
  setInterval(() => document.hidden || asking || look(), every);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  showAges();
  showFresh();
})();
