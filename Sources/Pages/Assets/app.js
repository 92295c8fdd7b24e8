// Keys, parts that change in place, and what a browser keeps too long. Every page is complete
// without this script.
(() => {
  "use strict";
  const body = document.body;
  const parts = window.trustedTypes
    ? trustedTypes.createPolicy("parts", { createHTML: (html) => html })
    : { createHTML: (html) => html };

  // ---- a page that Back restores is read again -------------------------------------------------
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // ---- keys --------------------------------------------------------------------------------------
  const isTyping = (target) =>
    target instanceof Element && target.closest("input, select, textarea, [contenteditable]");
  let afterG = false;
  let row = -1;
  const rows = () => [...document.querySelectorAll("[data-row]")];

  function choose(index) {
    const all = rows();
    if (!all.length) return;
    row = Math.max(0, Math.min(all.length - 1, index));
    const link = all[row].querySelector("a") || all[row];
    link.focus();
    all[row].scrollIntoView({ block: "nearest" });
  }

  function follow(selector) {
    const link = document.querySelector(selector);
    if (link) link.click();
    return Boolean(link);
  }

  if (body.dataset.keys === "on") {
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const key = event.key;
      if (afterG) {
        afterG = false;
        if (follow(`nav [data-key="${CSS.escape(key)}"]`)) event.preventDefault();
        return;
      }
      if (key === "g") { afterG = true; setTimeout(() => { afterG = false; }, 1500); return; }
      if (key === "/") {
        const find = document.getElementById("q");
        if (find) { find.focus(); event.preventDefault(); }
      } else if (key === "j") choose(row + 1);
      else if (key === "k") choose(row - 1);
      else if (key === "[" || key === "]") follow(`[aria-keyshortcuts="${key}"]`);
    });
  }

  // ---- parts that change in place ----------------------------------------------------------------
  const live = body.dataset.live;
  if (live && window.EventSource) {
    const fresh = document.getElementById("fresh");
    const status = document.getElementById("status");
    let source = null;
    let lostAt = 0;
    let timer = 0;

    const isHeld = (element) =>
      element.contains(document.activeElement) || element.dataset.typed === "yes";

    function open() {
      source = new EventSource(live);
      source.addEventListener("open", () => { lostAt = 0; clearTimeout(timer); });
      source.addEventListener("parts", (event) => {
        lostAt = 0;
        for (const [id, html] of Object.entries(JSON.parse(event.data))) {
          const element = document.getElementById(id);
          if (!element || isHeld(element)) continue;
          element.innerHTML = parts.createHTML(html);
          element.classList.remove("changed");
          void element.offsetWidth;
          element.classList.add("changed");
        }
      });
      source.addEventListener("over", (event) => {
        if (status) status.textContent = event.data;
        source.close();
        source = null;
      });
      source.addEventListener("error", () => {
        if (lostAt) return;
        lostAt = Date.now();
        const since = new Date().toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
        timer = setTimeout(() => { if (lostAt && fresh) fresh.textContent = `Not live since ${since}`; }, 10000);
      });
    }

    const look = () => {
      if (document.visibilityState === "visible" && !source) open();
      else if (document.visibilityState === "hidden" && source) { source.close(); source = null; }
    };
    document.addEventListener("visibilitychange", look);
    addEventListener("pagehide", () => { if (source) { source.close(); source = null; } });
    look();
  }
  document.addEventListener("input", (event) => {
    const part = event.target.closest("[id]");
    if (part) part.dataset.typed = "yes";
  });
})();
