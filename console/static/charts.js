/* Draws every [data-chart] from its data-values, in the page's own colours, again when they change. The figures stand in the page as well. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const shades = () => ({ on_time: colour("--fill"), makeup: colour("--makeup"), proxy: colour("--proxy"), line: colour("--soft") });

const KINDS = {
  /* A stack for each day, and a line of what was assigned: {labels, series: [{name, state, data}], line: {name, data}, links}. */
  days(values) {
    const shade = shades();
    const text = { color: colour("--soft"), fontSize: 13 };
    const stacks = values.series.map(({ name, state, data }) => ({
      name, data, type: "bar", stack: "done", barMaxWidth: 34, itemStyle: { color: shade[state] }, cursor: values.links.length ? "pointer" : "default",
    }));
    const line = { ...values.line, type: "line", symbolSize: 5, itemStyle: { color: shade.line }, lineStyle: { type: "dashed", width: 1.5 }, cursor: "default" };
    return {
      animation: false,
      grid: { left: 36, right: 8, top: 12, bottom: 26 },
      xAxis: { type: "category", data: values.labels, axisLabel: text, axisTick: { show: false }, axisLine: { lineStyle: { color: colour("--line") } } },
      yAxis: { type: "value", minInterval: 1, axisLabel: text, splitLine: { lineStyle: { color: colour("--line") } } },
      series: [...stacks, line],
    };
  },
};

function draw(place) {
  const values = JSON.parse(place.dataset.values);
  const chart = echarts.getInstanceByDom(place) || echarts.init(place, null, { renderer: "canvas" });
  chart.setOption(KINDS[place.dataset.chart](values), true);
  chart.off("click");
  chart.on("click", (event) => {
    if (values.links[event.dataIndex]) location.href = values.links[event.dataIndex];
  });
  return chart;
}

const charts = [...document.querySelectorAll("[data-chart]")].map((place) => ({ place, chart: draw(place) }));
const again = () => charts.forEach(({ place }) => draw(place));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
addEventListener("resize", () => charts.forEach(({ chart }) => chart.resize()));
