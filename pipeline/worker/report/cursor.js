// Draws a line through all rows of a figure where the pointer is, with the media time beside it.
for (const figure of document.querySelectorAll("figure.timeline")) {
  const strip = figure.querySelector(".axis .strip");
  const time = document.createElement("output");
  time.className = "now";
  strip.append(time);
  figure.addEventListener("pointermove", (event) => {
    const { left, width } = strip.getBoundingClientRect();
    const at = (event.clientX - left) / width;
    figure.classList.toggle("pointed", at >= 0 && at <= 1);
    figure.style.setProperty("--at", `${at * 100}%`);
    const seconds = Math.floor((at * figure.dataset.span) / 1000);
    const two = (part) => String(part).padStart(2, "0");
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    time.textContent = h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  });
  figure.addEventListener("pointerleave", () => figure.classList.remove("pointed"));
}
