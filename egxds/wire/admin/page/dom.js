// Elements out of data. Text of files and Envoys is a stranger's: it becomes text, never markup.

export function el(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== ""));
  return made;
}

export const text = (value, style) => el("span", style ? { class: style } : {}, String(value));

export function place(source) {
  if (!source) return "";
  return el("span", { class: "place" }, source.line ? `${source.file}:${source.line}` : source.file);
}

export function table(caption, columns, rows) {
  const head = el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name)));
  const body = rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell))));
  return el("table", { "aria-label": caption }, el("thead", {}, head), el("tbody", {}, body));
}

export function show(section, made, count) {
  // What has the focus, and where one has scrolled to, stays where nothing differs.
  const content = document.querySelector(`#${section} .content`);
  const fresh = el("div", {}, made);
  if (content.innerHTML !== fresh.innerHTML) content.replaceChildren(...fresh.childNodes);
  if (count !== undefined) document.querySelector(`#${section} .count`).textContent = count;
}

export const none = (words) => el("p", { class: "none" }, words);
