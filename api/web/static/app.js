// What pages do beyond htmx: copy buttons, the menu on phones, tabs, the section being read.
(() => {
  const say = (text) => { document.getElementById("announcer").textContent = text; };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    const label = button.querySelector("[data-copy-text]");
    try {
      await copy(source.value ?? source.textContent);
      const before = label.dataset.before ?? label.textContent;
      label.dataset.before = before;
      label.textContent = button.dataset.copied;
      button.classList.add("is-copied");
      say(button.dataset.copied);
      setTimeout(() => { label.textContent = before; button.classList.remove("is-copied"); }, 2000);
    } catch { getSelection().selectAllChildren(source); }
  });

  // The clipboard API is there on HTTPS and localhost only.
  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = Object.assign(document.createElement("textarea"), { value: text });
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("not copied");
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-menu]");
    if (button) toggle(button, button.getAttribute("aria-expanded") !== "true");
    else if (event.target.closest("[data-menu-close] a")) {
      document.querySelectorAll("[data-menu][aria-expanded=true]").forEach((one) => toggle(one, false));
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("[data-menu][aria-expanded=true]").forEach((one) => {
      toggle(one, false);
      one.focus();
    });
  });
  function toggle(button, open) {
    button.setAttribute("aria-expanded", String(open));
    document.getElementById(button.getAttribute("aria-controls")).classList.toggle("is-open", open);
  }

  // Tabs as the ARIA Authoring Practices describe them.
  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab);
  });
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.("[role=tab]");
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!tab || !step) return;
    const tabs = [...tab.parentElement.querySelectorAll("[role=tab]")];
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });
  function choose(tab) {
    for (const one of tab.parentElement.querySelectorAll("[role=tab]")) {
      const chosen = one === tab;
      one.setAttribute("aria-selected", String(chosen));
      one.tabIndex = chosen ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = !chosen;
    }
  }

  // Marks the link of the section that is being read.
  const links = new Map([...document.querySelectorAll("[data-spy] a[href^='#']")]
    .map((link) => [link.hash.slice(1), link]));
  const sections = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  if (sections.length) {
    let waiting = false;
    const mark = () => {
      waiting = false;
      const passed = sections.filter((one) => one.getBoundingClientRect().top < 140);
      const current = passed.at(-1) ?? sections[0];
      for (const [id, link] of links) {
        if (id === current.id) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    };
    addEventListener("scroll", () => {
      if (!waiting) { waiting = true; requestAnimationFrame(mark); }
    }, { passive: true });
    mark();
  }
})();
