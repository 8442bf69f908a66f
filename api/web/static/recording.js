// The waveform of a recording shows how far it was played, and a click on it goes there. Keyboards
// have the controls of the audio element itself.
(() => {
  for (const player of document.querySelectorAll("[data-recording]")) {
    const audio = player.querySelector("audio");
    const wave = player.querySelector("[data-wave]");
    if (!wave) continue;
    const played = wave.querySelector("[data-played]");
    const mark = () => {
      const part = audio.duration ? audio.currentTime / audio.duration : 0;
      played.setAttribute("width", `${part * 100}%`);
    };
    for (const name of ["timeupdate", "seeked", "loadedmetadata"]) audio.addEventListener(name, mark);
    wave.addEventListener("click", (event) => {
      const box = wave.getBoundingClientRect();
      if (audio.duration) audio.currentTime = audio.duration * (event.clientX - box.left) / box.width;
    });
  }
})();
