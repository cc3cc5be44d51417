/* SPDX-License-Identifier: Apache-2.0
 *
 * colour.js - colours that people who see fewer of them can tell apart (after Okabe and Ito, and Tol), and what else tells
 * apart: hatching for what was never freed, lines for program memory.
 */
const palette = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#8c6bb1", "#a6761d", "#44aa99", "#882255", "#999933"];
const others_light = "#b4bac4", others_dark = "#5b6470";

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function is_dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

const others_colour = () => (is_dark() ? others_dark : others_light);

/** Whether black reads better on COLOUR than white. */
function wants_black(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b > 140;
}

const hatches = new Map();

/** Diagonal lines, as a pattern for a canvas. */
function hatch(context, colour) {
  if (!hatches.has(colour)) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const draw = tile.getContext("2d");
    draw.strokeStyle = colour;
    draw.lineWidth = 1.3;
    draw.beginPath();
    for (const shift of [-6, 0, 6]) {
      draw.moveTo(shift, 6);
      draw.lineTo(shift + 6, 0);
    }
    draw.stroke();
    hatches.set(colour, context.createPattern(tile, "repeat"));
  }
  return hatches.get(colour);
}
