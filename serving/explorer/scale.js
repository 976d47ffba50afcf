// The horizontal scale that the bars and the waterfall share: shares of bare metal, in per cent of
// the cell's width, so that no drawing has to be done again when the window changes.

const { scaleLinear } = window.d3;

/** A scale from 0 to a little beyond `top`, as text for SVG attributes. */
export function across(top) {
  const scale = scaleLinear().domain([0, Math.max(1, top)]).range([0, 100]).clamp(true);
  const at = (share) => `${scale(share).toFixed(3)}%`;
  const wide = (from, to) => `${Math.max(0, scale(to) - scale(from)).toFixed(3)}%`;
  return { at, wide, ticks: tickShares(Math.max(1, top)) };
}

function tickShares(top) {
  const step = top > 4 ? 1 : top > 2 ? 0.5 : 0.25;
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** Draw the axis of a chart column: figures above, none that would run out of the cell. */
export function drawAxis(svg, { at, ticks }) {
  svg
    .selectAll("text")
    .data(ticks)
    .join("text")
    .attr("x", at)
    .attr("y", 12)
    .attr("class", (share) => (share === 1 ? "tick native" : "tick"))
    .attr("text-anchor", (share) => (share === 0 ? "start" : "middle"))
    .text((share) => `${Math.round(share * 100)}`);
}

/** Draw the grid of a row behind its marks. */
export function drawGrid(svg, { at, ticks }) {
  svg
    .selectAll("line.grid")
    .data(ticks)
    .join((enter) => enter.insert("line", ":first-child"))
    .attr("class", (share) => (share === 1 ? "grid native" : "grid"))
    .attr("x1", at)
    .attr("x2", at)
    .attr("y1", 0)
    .attr("y2", "100%");
}
