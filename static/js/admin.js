/* Keyboard shortcuts of the staff area. Without this file all fields are reached by Tab and forms sent by Enter. */

const COLUMNS = [".admin-field--change", ".admin-field--level", ".admin-field--tracking", ".admin-choice"];

function move(field, step) {
  const column = COLUMNS.find((selector) => field.matches(selector));
  if (!column) return false;
  const fields = [...document.querySelectorAll(column)];
  const next = fields[fields.indexOf(field) + step];
  next?.focus();
  next?.select();
  return Boolean(next);
}

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (!event.altKey && move(field, event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
  } else if (event.key === "Enter" && field.matches(".admin-field--tracking")) {
    event.preventDefault(); // barcode scanners send Enter after each code
    move(field, 1);
  } else if (event.altKey && event.key.toLowerCase() === "l") {
    const ledger = field.closest(".admin-row")?.querySelector(".admin-row__ledger");
    if (ledger) event.preventDefault();
    ledger?.click();
  } else if (event.key === "/" && !field.closest("input, textarea, select")) {
    const words = document.getElementById("admin-words");
    if (words) event.preventDefault();
    words?.focus();
    words?.select();
  }
});

/* Drag and drop of files onto an upload form. */

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.closest?.("form[data-drop]");
    if (!form || !event.dataTransfer?.types.includes("Files")) return;
    if (kind !== "dragleave") event.preventDefault();
    form.classList.toggle("is-over", kind === "dragover");
    if (kind !== "drop") return;
    form.querySelector("input[type=file]").files = event.dataTransfer.files;
    form.requestSubmit();
  });
}
