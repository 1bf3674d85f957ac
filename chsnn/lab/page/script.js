"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // A choice is kept where the browser lets it be; without one the system decides.
  const stored = () => { try { return localStorage.getItem("chsnn-theme"); } catch { return null; } };
  const store = (theme) => { try { localStorage.setItem("chsnn-theme", theme); } catch { /* private */ } };
  const toggle = document.getElementById("theme");
  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  const label = () => { toggle.textContent = isDark() ? "Light" : "Dark"; };
  if (["light", "dark"].includes(stored())) root.dataset.theme = stored();
  toggle.hidden = false;
  toggle.setAttribute("aria-label", "switch between light and dark");
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    store(root.dataset.theme);
    label();
  });
  dark.addEventListener("change", label);
  label();

  for (const block of document.querySelectorAll(".frames")) {
    const slider = block.querySelector("input");
    const output = block.querySelector("output");
    const play = block.querySelector(".play");
    const said = output.dataset.said.split("\n");
    const stacks = [...block.querySelectorAll(".stack")].map((stack) => [...stack.children]);
    let timer = 0;

    const show = (frame) => {
      slider.value = frame;
      slider.setAttribute("aria-valuetext", said[frame]);
      output.textContent = said[frame];
      for (const images of stacks) images.forEach((image, i) => image.classList.toggle("on", i === frame));
    };
    const stop = () => { clearInterval(timer); timer = 0; play.textContent = "Play"; };
    slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
    if (said.length < 2) continue;
    play.hidden = false;
    play.addEventListener("click", () => {
      if (timer) { stop(); return; }
      if (Number(slider.value) === said.length - 1) show(0);
      play.textContent = "Stop";
      timer = setInterval(() => {
        const next = Number(slider.value) + 1;
        if (next >= said.length) stop(); else show(next);
      }, Math.max(120, 4000 / said.length));
    });
  }
})();
