/* The little that HTML, CSS and htmx cannot do. Without this file everything still works. */

const TOAST_SHOWN = 8000; // milliseconds
const announcement = document.getElementById("announcement");
const words = document.getElementById("search-words");

if (window.htmx) document.documentElement.classList.add("js");

/* Announcements: shown for a while, longer as long as the pointer or the focus rests on them. */

let hiding;

function hideLater() {
  clearTimeout(hiding);
  hiding = setTimeout(() => {
    if (announcement.matches(":hover, :focus-within")) hideLater();
    else announcement.replaceChildren();
  }, TOAST_SHOWN);
}

function announce(text) {
  const spoken = document.createElement("span");
  spoken.className = "visually-hidden";
  spoken.textContent = text;
  announcement.replaceChildren(spoken);
}

if (announcement) new MutationObserver(hideLater).observe(announcement, { childList: true });

/* Suggestions: a combobox, once there is a script to make it one. */

function options() {
  const list = document.getElementById("suggestions");
  return list ? [...list.querySelectorAll("[role=option]")] : [];
}

function select(option) {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  if (option) words.setAttribute("aria-activedescendant", option.id);
  else words.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function showSuggestions(shown) {
  const list = document.getElementById("suggestions");
  const isShown = shown && options().length > 0 && words.value.trim() !== "" && document.activeElement === words;
  list.hidden = !isShown;
  words.setAttribute("aria-expanded", String(isShown));
  select(null);
}

function moveInSuggestions(event) {
  const all = options();
  const current = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const isOpen = words.getAttribute("aria-expanded") === "true";
  if (event.key === "Escape" && isOpen) {
    event.preventDefault();
    showSuggestions(false);
  } else if (event.key === "Enter" && isOpen && current >= 0) {
    event.preventDefault();
    all[current].click();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && all.length) {
    event.preventDefault();
    if (!isOpen) return showSuggestions(true);
    const places = all.length + 1; // the field itself is one of them
    const next = (current + 1 + (event.key === "ArrowDown" ? 1 : -1) + places) % places;
    select(next ? all[next - 1] : null);
  }
}

if (window.htmx && words) {
  words.setAttribute("role", "combobox");
  words.setAttribute("aria-autocomplete", "list");
  words.setAttribute("aria-controls", "suggestions");
  words.setAttribute("aria-expanded", "false");
  words.addEventListener("keydown", moveInSuggestions);
  words.addEventListener("focus", () => showSuggestions(true));
  words.addEventListener("blur", () => showSuggestions(false));
  // Pressing on a suggestion must not take the focus, or it would be gone before it is released.
  words.form.addEventListener("mousedown", (event) => {
    if (event.target.closest("#suggestions")) event.preventDefault();
  });
}

/* Quantities: - and + beside a number field. */

document.addEventListener("click", (event) => {
  const step = event.target.closest("[data-step]");
  const field = step?.parentElement.querySelector("input[type=number]");
  if (!field) return;
  if (step.dataset.step > 0) field.stepUp();
  else field.stepDown();
  field.dispatchEvent(new Event("change", { bubbles: true }));
});

/* A chosen option says its price and stock where those of the product stand. */

document.addEventListener("change", (event) => {
  const option = event.target.closest(".option");
  if (!option) return;
  const stock = document.querySelector(".product__stock .stock");
  if (stock) {
    stock.textContent = event.target.dataset.stock;
    stock.className = `stock stock--${event.target.dataset.stockState}`;
  }
  const price = option.querySelector(".option__price");
  const shown = document.querySelector("[data-price]");
  if (!price || !shown || price.textContent === shown.textContent) return;
  shown.textContent = price.textContent;
  for (const old of shown.parentElement.querySelectorAll(".price__was, .price__saving")) old.hidden = true;
});

/* Where one is stands in the middle of its row of links, also on a phone. */

for (const current of document.querySelectorAll(".rail [aria-current]")) {
  const { left, width } = current.getBoundingClientRect();
  current.closest(".rail").scrollLeft += left + width / 2 - innerWidth / 2;
}

/* Filters: the drawer closes when they are applied, and addresses carry only what was chosen. */

document.addEventListener("submit", (event) => {
  if (event.target.id === "filters") document.getElementById("facets").open = false;
});

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.id !== "filters") return;
  for (const [name, value] of [...ctx.request.body]) {
    if (value === "" || (name === "sort" && value === "default")) ctx.request.body.delete(name);
  }
});

/* A request that failed on the way. The shop's own refusals bring their words; a cut line or a proxy has none. */

const notices = document.getElementById("notices");

function isOfTheShop({ headers }) {
  return headers.has("HX-Retarget") || (headers.get("Vary") ?? "").includes("HX-Request");
}

function tellUnreached({ sourceElement: sender, request }) {
  if (!notices || sender === words) return; // suggestions may be missing
  const isRepeatable = sender.querySelector("input[name=key]"); // what names a command makes it safe to send twice
  const kind = request.method.toUpperCase() === "GET" ? "read" : isRepeatable ? "repeat" : "write";
  notices.replaceChildren(document.getElementById(`unreached-${kind}`).content.cloneNode(true));
  if (sender.id === "filters") sender.reset(); // to what the listing shows
}

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx && ctx.text === undefined) tellUnreached(ctx);
});

document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  if (ctx.response.status < 400 || isOfTheShop(ctx.response)) return;
  event.preventDefault();
  tellUnreached(ctx);
});

/* After a swap: what was folded out stays so, and a new count is spoken. */

document.addEventListener("htmx:before:swap", ({ detail }) => {
  for (const task of detail.tasks) {
    for (const details of task.fragment.querySelectorAll("details[id]")) {
      if (document.getElementById(details.id)?.open) details.open = true;
    }
  }
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const id = ctx.target?.id;
  if (id === "suggestions") return showSuggestions(true);
  document.querySelector(".notice--unreached")?.remove();
  const spoken = id && document.getElementById(id)?.querySelector("[data-announce]");
  if (spoken && announcement) announce(spoken.textContent.trim());
});
