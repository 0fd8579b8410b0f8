// Draws a CPU profile as a flame graph in one small SVG: what called what, as wide as its time.
const width = 1200;
const rowHeight = 17;
const narrowest = 2;
const margin = 24;
const charWidth = 6.6;

/** `nameOf` and `placeOf` tell a node in words. Frames narrower than two pixels are left out, idle time too. */
export function drawFlames({ nodes }, selfUs, { nameOf, placeOf }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const merged = merge([byId.get(nodes[0].id)], byId, selfUs);
  const children = [...merged.children.values()].filter(({ name }) => name !== '(idle)');
  const totalUs = children.reduce((sum, { us }) => sum + us, 0);
  const boxes = [];
  const place = (frames, left, depth) => {
    let x = left;
    for (const frame of frames.toSorted((a, b) => b.us - a.us)) {
      const w = (frame.us / totalUs) * width;
      if (w >= narrowest) {
        boxes.push({ x, w, depth, frame });
        place([...frame.children.values()], x, depth + 1);
      }
      x += w;
    }
  };
  place(children, 0, 0);
  const height = (Math.max(...boxes.map(({ depth }) => depth)) + 1) * rowHeight + margin;
  const drawn = boxes.map(({ x, w, depth, frame }) =>
    draw(x, height - (depth + 1) * rowHeight, w, frame, totalUs),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="11">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="4" y="15">CPU of mendd at its work: a box is as wide as the time in a function and in what it called (below: the caller)</text>
${drawn.join('\n')}
</svg>
`;

  /** One frame for all nodes of one name at one place in the tree. */
  function merge(same, index, times) {
    const below = new Map();
    for (const child of same.flatMap((node) => node.children ?? []).map((id) => index.get(id))) {
      const key = `${nameOf(child)} ${placeOf(child)}`;
      below.set(key, [...(below.get(key) ?? []), child]);
    }
    const found = new Map([...below].map(([key, list]) => [key, merge(list, index, times)]));
    const own = same.reduce((sum, { id }) => sum + times.get(id), 0);
    const us = own + [...found.values()].reduce((sum, frame) => sum + frame.us, 0);
    return { name: nameOf(same[0]), place: placeOf(same[0]), us, children: found };
  }
}

function draw(x, y, w, { name, place, us }, totalUs) {
  const title = escape(`${name}, ${place}: ${((us * 100) / totalUs).toFixed(1)}%`);
  const fits = Math.floor((w - 4) / charWidth);
  const label =
    fits < 3 ? '' : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escape(name.slice(0, fits))}</text>`;
  const box = `<rect x="${x.toFixed(1)}" y="${y}" width="${(w - 0.5).toFixed(1)}" height="${rowHeight - 1}" fill="${colour(place)}"/>`;
  return `<g><title>${title}</title>${box}${label}</g>`;
}

/** Each folder and package has a hue of its own; mendd is warm, all else is cool. */
function colour(place) {
  const sum = [...place].reduce((total, char) => total + char.charCodeAt(0) * 7, 0);
  return place.startsWith('mendd') ? `hsl(${10 + (sum % 45)} 90% 72%)` : `hsl(${170 + (sum % 110)} 55% 78%)`;
}

function escape(text) {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
