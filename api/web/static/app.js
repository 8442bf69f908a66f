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

  // "Send" of a try-it panel: the request goes from here to the API; the key is kept in this tab.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-try-send]");
    if (!button) return;
    const form = button.closest("[data-try]");
    const target = document.querySelector(form.getAttribute("hx-target"));
    const key = form.querySelector("[data-try-key]").value.trim();
    if (!/^sk_test_[0-9A-Za-z]{38}$/.test(key)) return show(target, "", button.dataset.wrong, false);
    sessionStorage.setItem("try-key", key);
    const fields = new FormData(form);
    const part = (place) => [...fields].filter(([name, value]) => name.startsWith(place) && value)
      .map(([name, value]) => [name.slice(place.length), value]);
    let url = form.dataset.path;
    for (const [name, value] of part("path.")) url = url.replace(`{${name}}`, encodeURIComponent(value));
    const query = new URLSearchParams(part("query.")).toString();
    const headers = { Authorization: `Bearer ${key}` };
    const body = fields.get("body");
    if (body) headers["Content-Type"] = "application/json";
    try {
      const response = await fetch(query ? `${url}?${query}` : url,
        { method: form.dataset.method, headers, body: body || undefined });
      show(target, `${response.status} ${response.statusText}`, pretty(await response.text()), response.ok);
    } catch { show(target, "", button.dataset.failed, false); }
  });
  document.addEventListener("toggle", (event) => {
    const input = event.target.querySelector?.("[data-try-key]");
    if (input && !input.value) input.value = sessionStorage.getItem("try-key") ?? "";
  }, true);
  function pretty(text) {
    try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text.slice(0, 20000); }
  }
  function show(target, status, text, good) {
    const make = (name, className, inner) => {
      const element = document.createElement(name);
      element.className = className;
      element.append(...inner);
      return element;
    };
    const bar = status ? [make("figcaption", "code-bar",
      [make("span", `tag tag-${good ? "good" : "bad"}`, [status])])] : [];
    const pre = make("pre", "", [make("code", "", [text])]);
    pre.tabIndex = 0;
    target.replaceChildren(make("figure", "code", [...bar, pre]));
  }

  // The answer is a page of its own, such as the one that asks for the password.
  document.addEventListener("send-whole", (event) => event.target.submit());

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
