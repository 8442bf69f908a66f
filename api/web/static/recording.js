// The waveform of a recording shows how far it was played, and a click on it goes there. Keyboards
// have the controls of the audio element itself. A player may come after the page, so the events
// are caught at the top.
(() => {
  const mark = (event) => {
    const audio = event.target;
    const played = audio.closest("[data-recording]")?.querySelector("[data-played]");
    const part = audio.duration ? audio.currentTime / audio.duration : 0;
    played?.setAttribute("width", `${part * 100}%`);
  };
  for (const name of ["timeupdate", "seeked", "loadedmetadata"]) {
    document.addEventListener(name, mark, true);
  }
  document.addEventListener("click", (event) => {
    const wave = event.target.closest("[data-wave]");
    if (!wave) return;
    const audio = wave.closest("[data-recording]").querySelector("audio");
    const box = wave.getBoundingClientRect();
    if (audio.duration) audio.currentTime = audio.duration * (event.clientX - box.left) / box.width;
  });
})();
