"use strict";
(() => {
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // Tables: a heading becomes a button that sorts its column, up, then down.
  const words = new Intl.Collator("en", { numeric: true });
  const value = (row, column) => row.cells[column].textContent.trim();
  const absent = (text) => text === "" || text === "\u2013";
  const sort = (table, heading) => {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    const numeric = heading.classList.contains("number");
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    rows.sort((first, second) => {
      const [left, right] = [value(first, heading.cellIndex), value(second, heading.cellIndex)];
      if (absent(left) || absent(right)) return absent(left) - absent(right);
      const order = numeric ? parseFloat(left) - parseFloat(right) : words.compare(left, right);
      return up ? order : -order;
    });
    body.append(...rows);
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  };
  for (const table of document.querySelectorAll("table")) {
    if (table.tBodies[0].rows.length < 2) continue;
    for (const heading of table.tHead.rows[0].cells) {
      const button = make("button", { type: "button" }, ...heading.childNodes);
      button.addEventListener("click", () => sort(table, heading));
      heading.append(button);
    }
  }

  // Figures: a press enlarges them, Escape or a press closes, and a link saves them.
  const large = make("img", { alt: "" });
  const close = make("button", { type: "button", className: "close" }, "Close");
  const dialog = make("dialog", {}, close, make("div", { className: "large" }, large));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  for (const image of document.querySelectorAll("figure img")) {
    const button = make("button", { type: "button", className: "enlarge", title: "Enlarge" });
    image.replaceWith(button);
    button.append(image);
    button.addEventListener("click", () => {
      large.src = image.src;
      large.alt = image.alt;
      dialog.setAttribute("aria-label", "Enlarged figure");
      dialog.showModal();
    });
    const file = image.dataset.file;
    const kind = file.endsWith(".svg") ? "SVG" : "PNG";
    const hidden = make("span", { className: "unseen" }, `: ${file}`);
    const link = make("a", { href: image.src, download: file }, `Save as ${kind}`, hidden);
    link.className = "save";
    image.closest("figure").querySelector("figcaption").append(" ", link);
  }
})();
