"use strict";
// Draws each chart from the JSON beside it, in the colours of the page's theme.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const draw = (onPaper) => {
    const ink = onPaper ? "#1c2430" : getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
    for (const figure of document.querySelectorAll("figure.chart")) {
      const { data, layout } = JSON.parse(figure.querySelector("script").textContent);
      layout.font.color = ink;
      if (onPaper) layout.width = 640; // what is printed is not laid out anew
      for (const trace of data) if (trace.error_x) trace.error_x.color = ink;
      Plotly.react(figure.querySelector(".plot"), data, layout, { responsive: true, displayModeBar: false });
    }
  };
  draw(false);
  dark.addEventListener("change", () => draw(false));
  window.addEventListener("beforeprint", () => draw(true));
  window.addEventListener("afterprint", () => draw(false));
})();
