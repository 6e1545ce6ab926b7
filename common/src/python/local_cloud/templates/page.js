"use strict";
// Keeps the page up to date: fetches it again and replaces the parts that changed. Keyboard focus and
// the scroll position stay. The address says whether updates are paused.
(() => {
  const seconds = Number(document.body.dataset.refreshSeconds);
  const button = document.getElementById("pause");
  const trouble = document.getElementById("trouble");
  const main = document.getElementById("main");
  let attempt = 0;

  const isPaused = () => new URL(location.href).searchParams.has("paused");

  const selects = () => {
    const selection = getSelection();
    return !selection.isCollapsed && main.contains(selection.anchorNode);
  };

  const replace = (part, next) => {
    if (part.innerHTML === next.innerHTML) return;
    const focused = part.contains(document.activeElement) && part !== document.activeElement
      ? document.activeElement.id : null;
    part.replaceChildren(...next.childNodes);
    if (focused !== null) {
      (document.getElementById(focused) ?? main).focus({ preventScroll: true });
    }
  };

  const say = (text) => {
    if (trouble.textContent !== text) trouble.textContent = text;
  };

  const update = async () => {
    const own = ++attempt;
    let page, status;
    try {
      const response = await fetch(location.href, { cache: "no-store" });
      status = response.status;
      page = new DOMParser().parseFromString(await response.text(), "text/html");
    } catch {
      say("The local cloud does not answer, so this page may be out of date. Is it still running?");
      return;
    }
    // A later update, or a pause, makes this one obsolete.
    if (own !== attempt) return;
    if (!page.getElementById("main")) {
      say(`This page could not be updated: the local cloud answered with status ${status}.`);
      return;
    }
    say("");
    document.title = page.title;
    for (const part of document.querySelectorAll("[data-live]")) {
      replace(part, page.getElementById(part.id));
    }
  };

  const label = () => {
    button.textContent = isPaused() ? "Resume updates" : "Pause updates";
  };

  button.addEventListener("click", () => {
    const address = new URL(location.href);
    if (isPaused()) address.searchParams.delete("paused");
    else address.searchParams.set("paused", "");
    history.replaceState(null, "", address);
    label();
    // The links of the page now keep it paused, or no longer do.
    update();
  });

  const loop = async () => {
    if (!isPaused() && !document.hidden && !selects()) await update();
    setTimeout(loop, seconds * 1000);
  };

  label();
  button.hidden = false;
  setTimeout(loop, seconds * 1000);
})();
