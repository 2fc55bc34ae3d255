"use strict";
// Sort and filter the table of runs. A recipe is one tbody; its first row may be the mean of the others.
const table = document.querySelector("table.runs");
const heads = [...table.tHead.rows[0].cells];
const names = heads.map((head) => head.textContent.trim().toLowerCase());
const isMean = (row) => row.classList.contains("recipe");
const text = (cell) => cell.textContent.trim().toLowerCase().replace(/\s+/g, " ");
const key = (row, column) => row.cells[column].dataset.value ?? text(row.cells[column]);

function order(a, b, sign) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const [x, y] = [Number(a), Number(b)];
  return sign * (isNaN(x) || isNaN(y) ? a.localeCompare(b, undefined, { numeric: true }) : x - y);
}

function sort(column, sign) {
  const bodies = [...table.tBodies].map((body) => {
    const rows = [...body.rows];
    const runs = rows.filter((row) => !isMean(row));
    runs.sort((p, q) => order(key(p, column), key(q, column), sign));
    body.append(...rows.filter(isMean), ...runs);
    return { body, value: key(body.rows[0], column) || key(runs[0], column) };
  });
  bodies.sort((p, q) => order(p.value, q.value, sign));
  table.append(...bodies.map((each) => each.body));
  heads.forEach((head, at) => {
    if (at === column) head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  });
}

heads.forEach((head, column) => {
  if (head.dataset.kind === "curve") return;
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  const first = head.dataset.kind === "accuracy" ? -1 : 1;
  button.addEventListener("click", () => {
    const now = { ascending: 1, descending: -1 }[head.getAttribute("aria-sort")];
    sort(column, now ? -now : first);
  });
});

const box = document.querySelector(".filter");
const input = box.querySelector("input");
const status = box.querySelector("[role=status]");
const runs = [...table.querySelectorAll("tbody tr")].filter((row) => !isMean(row));

// "a b" wants both; "name=value" wants that value in the column of that name.
function matches(row, word) {
  const at = word.indexOf("=");
  const column = at > 0 ? names.indexOf(word.slice(0, at)) : -1;
  return column < 0 ? text(row).includes(word) : text(row.cells[column]) === word.slice(at + 1);
}

function filter() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  runs.forEach((row) => { row.hidden = !words.every((word) => matches(row, word)); });
  for (const body of table.tBodies) body.hidden = [...body.rows].every((row) => isMean(row) || row.hidden);
  const shown = runs.filter((row) => !row.hidden).length;
  status.textContent = status.dataset.text.replace("{shown}", shown).replace("{all}", runs.length);
}

input.addEventListener("input", filter);
filter();
box.hidden = false;
