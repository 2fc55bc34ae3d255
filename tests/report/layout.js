// What of a page is cut off, too small to read, or too pale: a list of sentences.
() => {
  const found = new Set();
  const shown = (each) => each.checkVisibility();
  const named = (text) => JSON.stringify(text.trim().slice(0, 40));
  const scrolls = (each) => each.closest(".scroll:has(.lines), .stage .scroll"); // many runs; matrices
  const inside = (box, outer, what) => {
    if (box.left < outer.left - 1 || box.right > outer.right + 1) found.add(`${what} is cut sideways`);
  };
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (each) => {
    for (; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if ((channels(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const page = { left: 0, right: document.documentElement.clientWidth };
  if (document.documentElement.scrollWidth > innerWidth) found.add("the page scrolls sideways");
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const parent = node.parentElement, style = getComputedStyle(parent);
    if (!node.data.trim() || !shown(parent) || parent.closest(".skip")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const svg = parent.closest("svg"), what = named(node.data);
    const boxes = svg ? [parent.getBoundingClientRect()] : [...range.getClientRects()];
    for (const box of scrolls(parent) ? [] : boxes) {
      inside(box, page, what);
      for (let outer = parent; outer && outer !== document.body; outer = outer.parentElement) {
        const cuts = getComputedStyle(outer).overflowX !== "visible";
        if (cuts && (outer === svg || !svg)) {
          const frame = outer.getBoundingClientRect();
          inside(box, frame, what);
          if (svg && (box.top < frame.top - 1 || box.bottom > frame.bottom + 1)) found.add(`${what} is cut`);
        }
      }
    }
    const scale = svg ? Math.abs(parent.getScreenCTM().a || parent.getScreenCTM().b) : 1;
    const turned = svg && parent.getAttribute("transform")?.includes("rotate");
    if (!turned && parseFloat(style.fontSize) * scale < 10.99) found.add(`${what} is ${style.fontSize} × ${scale}`);
    const colour = svg ? style.fill : style.color;
    if (contrast(colour, ground(parent)) < 4.5) found.add(`${what} is pale: ${colour}`);
  }
  for (const each of document.querySelectorAll("svg, img, table, figure, pre")) {
    if (shown(each) && !scrolls(each)) inside(each.getBoundingClientRect(), page, `<${each.tagName}>`);
  }
  for (const each of document.querySelectorAll(".chart")) {
    const drawn = [...each.children].filter(shown).length;
    if (drawn > 1 || (!drawn && each.querySelector(".narrow"))) found.add(`${drawn} layouts are shown`);
    if (each.scrollWidth > each.clientWidth) found.add("a chart scrolls");
  }
  return [...found];
}
