// Draws every canvas with data-chart: {kind, labels, series: [{name, values, tone}], unit}. The
// colours are those of the page, so charts are drawn anew when it turns light or dark.
(() => {
  const charts = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const money = (unit) => !["count", "percent"].includes(unit);

  function told(unit, digits) {
    const format = new Intl.NumberFormat("en", { maximumFractionDigits: digits });
    const after = { count: "", percent: " %" }[unit] ?? ` ${unit}`;
    return (value) => format.format(value) + after;
  }

  function dataset(one, kind) {
    const tone = colour(one.tone);
    const look = kind === "line"
      ? { borderWidth: 2, pointRadius: 2, pointHitRadius: 12, tension: 0.25, spanGaps: true }
      : { borderRadius: 3, maxBarThickness: 28, stack: "all" };
    return { label: one.name, data: one.values, backgroundColor: tone, borderColor: tone, ...look };
  }

  function options({ unit, kind }) {
    const quiet = colour("quiet"), line = colour("line"), inTip = told(unit, 6), onAxis = told(unit, 2);
    const whole = unit === "count" ? { precision: 0 } : {};
    return {
      animation: false, responsive: true, maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: {
        legend: { position: "bottom", labels: { color: quiet, boxWidth: 10, boxHeight: 10 } },
        tooltip: { callbacks: { label: (at) => `${at.dataset.label}: ${inTip(at.parsed.y)}` } },
      },
      scales: {
        x: { stacked: kind === "bar", grid: { display: false }, border: { color: line },
          ticks: { color: quiet, maxRotation: 0, autoSkipPadding: 16 } },
        y: { stacked: kind === "bar", beginAtZero: true, ...(unit === "percent" ? { max: 100 } : {}),
          ...(money(unit) || unit === "percent" ? {} : { suggestedMax: 4 }),
          grid: { color: line }, border: { display: false },
          ticks: { color: quiet, callback: onAxis, maxTicksLimit: 6, ...whole } },
      },
    };
  }

  function draw(canvas) {
    const given = JSON.parse(canvas.dataset.chart);
    charts.get(canvas)?.destroy();
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    charts.set(canvas, new Chart(canvas, {
      type: given.kind, options: options(given),
      data: { labels: given.labels, datasets: given.series.map((one) => dataset(one, given.kind)) },
    }));
  }

  const drawAll = () => document.querySelectorAll("canvas[data-chart]").forEach(draw);
  new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  drawAll();
})();
