"use strict";
// The page is complete without this: it adds the threshold's slider and its line in the charts.
(() => {
  const data = document.getElementById("points");
  const slider = document.getElementById("at");
  if (!data || !slider) return;
  const points = JSON.parse(data.textContent);
  const box = slider.closest(".probe");
  const value = document.getElementById("at-value");
  const cells = [...box.querySelectorAll("dd")];
  const charts = [...document.querySelectorAll("svg[data-from]")];
  box.hidden = false;

  const show = () => {
    const [threshold, ...texts] = points[Number(slider.value)];
    value.textContent = threshold.toFixed(2);
    cells.forEach((cell, i) => (cell.textContent = texts[i] || "–"));
    for (const chart of charts) {
      const { from, span, left, width } = chart.dataset;
      const share = (threshold - Number(from)) / Number(span);
      const line = chart.querySelector(".cursor");
      line.toggleAttribute("hidden", share < 0 || share > 1);
      line.setAttribute("transform", `translate(${Number(left) + share * Number(width)} 0)`);
    }
  };
  const nearest = (threshold) => {
    let best = 0;
    points.forEach((point, i) => {
      if (Math.abs(point[0] - threshold) < Math.abs(points[best][0] - threshold)) best = i;
    });
    return best;
  };
  for (const chart of charts) {
    chart.addEventListener("pointermove", (event) => {
      const { from, span, left, width } = chart.dataset;
      const area = chart.getBoundingClientRect();
      const x = ((event.clientX - area.left) / area.width) * chart.viewBox.baseVal.width;
      slider.value = nearest(Number(from) + ((x - Number(left)) / Number(width)) * Number(span));
      show();
    });
  }
  slider.addEventListener("input", show);
  show();
})();
