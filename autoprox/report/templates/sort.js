(() => {
  // A click on the head of a column sorts the rows of its table; without this script the tables stay as they are.
  const key = (cell) => {
    const text = cell.textContent.trim(), data = cell.querySelector("data");
    const number = Number(data ? data.value : text.replace(/[,%]/g, ""));
    return text === "" || text === "\u2013" ? null : Number.isNaN(number) ? text : number;
  };
  const compare = (a, b) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1);
  for (const table of document.querySelectorAll("table:not(.grouped)")) {
    const body = table.tBodies[0];
    if (body.rows.length < 2) continue;
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const turn = head.ariaSort === "descending" ? 1 : -1;
        for (const each of head.parentElement.cells) each.removeAttribute("aria-sort");
        head.ariaSort = turn === 1 ? "ascending" : "descending";
        const rows = [...body.rows].map((row) => [key(row.cells[head.cellIndex]), row]);
        rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : turn * compare(a, b)));
        body.append(...rows.map(([, row]) => row));
      });
    }
  }
})();
