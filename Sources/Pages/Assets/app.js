// Keys, the end of a session, parts that change in place, and what a browser keeps too long. Every page
// is complete without this script.
(() => {
  "use strict";
  const body = document.body;
  const parts = window.trustedTypes
    ? trustedTypes.createPolicy("parts", { createHTML: (html) => html })
    : { createHTML: (html) => html };
  // What a page asks by itself is told by this name in its address: the reader may be away.
  const isByItself = new URLSearchParams(location.search).has("auto");
  const live = { start() {}, stop() {} };

  function make(name, text = "", attributes = {}) {
    const element = document.createElement(name);
    if (text) element.append(text);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  // ---- a page that Back restores is read again -------------------------------------------------
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // ---- the session's end -------------------------------------------------------------------------
  // Every tab of a session tells the others that somebody is there; a page for nobody has them look.
  const tabs = window.BroadcastChannel ? new BroadcastChannel("session") : null;
  const tell = (word) => { if (tabs) tabs.postMessage(word); };
  const reader = document.querySelector(".who");
  const idle = reader ? Number(reader.dataset.idle) * 1000 : 0;
  let lookAgain = () => {};

  if (idle) {
    let longestUntil = Date.now() + Number(reader.dataset.longest) * 1000;
    const warning = 3 * 60000;
    let idleUntil = Date.now() + idle;
    let dialog = null;
    let isOver = false;

    const seen = () => {
      idleUntil = Date.now() + idle;
      if (dialog && longestUntil - Date.now() > warning) { dialog.remove(); dialog = null; }
    };

    // Nothing of the page is left to be read. What was typed is kept, for who typed it.
    const cover = () => {
      if (isOver) return;
      isOver = true;
      live.stop();
      const isTyped = Boolean(document.querySelector("[data-typed=yes]"));
      const kept = [...body.childNodes].filter((node) => node.localName !== "dialog");
      const again = make("button", "Show this page again", { type: "button" });
      again.addEventListener("click", async () => {
        const answer = await fetch("/account", { cache: "no-store", redirect: "manual" }).catch(() => null);
        if (!answer || !answer.ok) return;
        const account = make("template");
        account.innerHTML = parts.createHTML(await answer.text());
        const { subject, longest } = account.content.querySelector(".who").dataset;
        if (!isTyped || subject !== reader.dataset.subject) { location.reload(); return; }
        body.replaceChildren(...kept);
        longestUntil = Date.now() + Number(longest) * 1000;
        isOver = false;
        seen();
        live.start();
      });
      const text = make("div", "", { class: "empty" });
      text.append(
        make("h1", "Your session is over", { tabindex: "-1" }),
        make("p", "This page is covered, since nobody may have been reading it. Sign in, and come back to this tab."),
        make("a", "Sign in", { class: "button main", href: "/", target: "_blank", rel: "noopener" }),
        again,
      );
      const panel = make("section", "", { class: "panel" });
      panel.append(text);
      const main = make("main", "", { id: "main" });
      main.append(panel);
      body.replaceChildren(main);
      text.firstChild.focus();
    };

    // Asks whether the session is still there: "true", "false", or null where nobody answers.
    const ask = async (address) => {
      try {
        const answer = await fetch(address, { cache: "no-store", redirect: "manual" });
        if (answer.type === "opaqueredirect") return false;
        return answer.ok ? true : null;
      } catch {
        return null;
      }
    };
    lookAgain = async () => { if (await ask("/account?auto=1") === false) cover(); };

    const stay = async () => {
      const isThere = await ask("/account");
      if (isThere === false) cover();
      else if (isThere) { seen(); tell("seen"); }
      else dialog.querySelector("p").textContent = "The service does not answer. Press again.";
    };

    const warn = () => {
      const minutes = Math.max(1, Math.ceil((Math.min(idleUntil, longestUntil) - Date.now()) / 60000));
      const time = minutes === 1 ? "a minute" : `${minutes} minutes`;
      const isLast = longestUntil <= idleUntil;
      const text = isLast
        ? `In ${time} you have to sign in again. Finish what you are doing.`
        : `You have not asked for anything for a while. In ${time} this page is covered.`;
      if (!dialog) {
        dialog = make("dialog", "", { "aria-labelledby": "h-ending", "aria-describedby": "p-ending" });
        const button = isLast
          ? make("button", "Close", { type: "button" })
          : make("button", "Stay signed in", { type: "button", class: "main" });
        button.addEventListener("click", isLast ? () => dialog.close() : stay);
        dialog.append(
          make("h2", "Your session ends soon", { id: "h-ending" }), make("p", text, { id: "p-ending" }), button);
        body.append(dialog);
        dialog.showModal();
      } else if (dialog.open) {
        dialog.querySelector("p").textContent = text;
      }
    };

    let told = 0;
    const tick = () => {
      if (isOver) return;
      const left = Math.min(idleUntil, longestUntil) - Date.now();
      if (left <= 0) cover();
      else if (left <= warning && Math.ceil(left / 60000) !== told) {
        told = Math.ceil(left / 60000);
        warn();
      } else if (left > warning) told = 0;
    };
    setInterval(tick, 1000);
    document.addEventListener("visibilitychange", tick);
    if (tabs) {
      tabs.addEventListener("message", (event) => {
        if (event.data === "seen") seen();
        else lookAgain();
      });
    }
    tick();
    if (!isByItself) tell("seen");
  } else {
    tell("look");
  }

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

  function open(id) {
    const dialog = document.getElementById(id);
    if (dialog && !dialog.open) dialog.showModal();
    return Boolean(dialog);
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener && open(opener.dataset.opens)) event.preventDefault();
  });

  if (body.dataset.keys === "on") {
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
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
      } else if (key === "?") open("keys");
      else if (key === "j") choose(row + 1);
      else if (key === "k") choose(row - 1);
      else if (key === "n") {
        const record = document.querySelector("[data-record]");
        if (!record) return;
        event.preventDefault();
        if (record.localName !== "details") { record.click(); return; }
        record.open = true;
        record.querySelector("li a").focus();
      } else if (key === "[" || key === "]") follow(`[aria-keyshortcuts="${key}"]`);
    });
  }

  // ---- the group sheet: a row is one stop, up and down mark nothing, a digit marks and goes on -----
  const sheet = document.querySelector("table.sheet");
  if (sheet) {
    const radios = (line) => [...line.querySelectorAll("input[type=radio]")];
    const open = () => [...sheet.tBodies[0].rows].filter((line) => radios(line).length);
    const go = (line, isMinutes) => {
      const field = line
        ? isMinutes ? line.querySelector(".minutes") : radios(line).find((each) => each.checked)
        : document.querySelector(".dock .main");
      if (field) field.focus();
    };
    for (const field of sheet.querySelectorAll(".minutes")) field.tabIndex = -1;
    sheet.addEventListener("keydown", (event) => {
      const line = event.target.closest("tr");
      const isMinutes = event.target.classList.contains("minutes");
      if (event.ctrlKey || event.metaKey || event.altKey || !(isMinutes || event.target.type === "radio")) return;
      const all = open();
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const mark = body.dataset.keys === "on" && !isMinutes ? radios(line)[event.key] : null;
      if (step) {
        const next = all[all.indexOf(line) + step];
        if (next || step > 0) go(next, isMinutes);
      } else if (mark && /^[0-9]$/.test(event.key)) {
        mark.checked = true;
        go(all[all.indexOf(line) + 1]);
      } else if (body.dataset.keys === "on" && !isMinutes && event.key === "m") go(line, true);
      else if (body.dataset.keys === "on" && !isMinutes && event.key === "a") follow("[value=rest]");
      else return;
      event.preventDefault();
    });
  }

  // ---- the chosen row of a list that scrolls by itself ---------------------------------------------
  const chosen = document.querySelector(".work .chosen");
  if (chosen) {
    const panel = chosen.closest(".panel");
    if (chosen.offsetTop + chosen.offsetHeight > panel.clientHeight) panel.scrollTop = chosen.offsetTop - 100;
  }

  // ---- parts that change in place ----------------------------------------------------------------
  if (body.dataset.live && window.EventSource) {
    const fresh = document.getElementById("fresh");
    const status = document.getElementById("status");
    let source = null;
    let lostAt = 0;
    let timer = 0;
    let before = null;

    const isHeld = (element) =>
      element.contains(document.activeElement) || element.dataset.typed === "yes";

    function start() {
      source = new EventSource(body.dataset.live);
      source.addEventListener("open", () => {
        if (status && status.dataset.live) { status.textContent = status.dataset.live; delete status.dataset.live; }
        lostAt = 0;
        clearTimeout(timer);
        if (before) fresh.replaceChildren(...before);
        before = null;
      });
      source.addEventListener("parts", (event) => {
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
        lookAgain();
      });
      source.addEventListener("error", () => {
        if (lostAt) return;
        lostAt = Date.now();
        const since = new Date().toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
        timer = setTimeout(() => {
          if (!lostAt || !fresh || before) return;
          before = [...fresh.childNodes];
          fresh.textContent = `Not live since ${since}`;
        }, 10000);
      });
    }

    const look = () => {
      if (document.visibilityState === "visible" && !source) start();
      else if (document.visibilityState === "hidden") stop();
    };
    const stop = () => { if (source) { source.close(); source = null; } };
    live.start = () => { document.addEventListener("visibilitychange", look); look(); };
    live.stop = () => { stop(); document.removeEventListener("visibilitychange", look); };
    addEventListener("pagehide", stop);
    live.start();
  }
  document.addEventListener("input", (event) => {
    const part = event.target.closest("[id]");
    if (part) part.dataset.typed = "yes";
  });
})();
