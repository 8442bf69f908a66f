// Forms that ask the browser for a passkey and send its answer along.
(() => {
  const bytes = (text) => Uint8Array.from(
    atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const listed = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const here = location.hostname === form.dataset.host;
    form.querySelector("button").disabled = !(here && window.PublicKeyCredential);
    form.querySelector("[data-passkey-elsewhere]").hidden = here;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        form.querySelector("[data-passkey-answer]").value = JSON.stringify(await ask(form));
        form.submit();
      } catch {
        form.querySelector("[data-passkey-status]").textContent = form.dataset.failed;
      }
    });
  }

  async function ask(form) {
    const response = await fetch(form.dataset.options, {
      method: "POST", redirect: "error",
      body: new URLSearchParams({ csrf: form.elements.csrf.value }),
    });
    if (!response.ok) throw new Error(String(response.status));
    const publicKey = await response.json();
    publicKey.challenge = bytes(publicKey.challenge);
    return form.dataset.passkey === "get" ? used(publicKey) : made(publicKey);
  }

  async function used(publicKey) {
    publicKey.allowCredentials = listed(publicKey.allowCredentials);
    const one = await navigator.credentials.get({ publicKey });
    return shown(one, {
      clientDataJSON: text(one.response.clientDataJSON),
      authenticatorData: text(one.response.authenticatorData),
      signature: text(one.response.signature),
      userHandle: one.response.userHandle ? text(one.response.userHandle) : null,
    });
  }

  async function made(publicKey) {
    publicKey.user.id = bytes(publicKey.user.id);
    publicKey.excludeCredentials = listed(publicKey.excludeCredentials);
    const one = await navigator.credentials.create({ publicKey });
    return shown(one, {
      clientDataJSON: text(one.response.clientDataJSON),
      attestationObject: text(one.response.attestationObject),
    });
  }

  function shown(one, response) {
    return { id: one.id, rawId: text(one.rawId), type: one.type, response,
      clientExtensionResults: one.getClientExtensionResults() };
  }
})();
