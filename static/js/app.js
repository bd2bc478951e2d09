/* What HTML, CSS and htmx cannot do. Everything works without this file. */

const TOAST_SHOWN = 8000; // milliseconds
const announcement = document.getElementById("announcement");
const words = document.getElementById("search-words");

if (window.htmx) document.documentElement.classList.add("js");

/* Announcements: shown for a while, and for as long as they are hovered or focused. */

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

/* Search suggestions: turns the search field into a combobox. */

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
    const places = all.length + 1; // the field itself is one of the positions
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
  // Pressing a suggestion must not take the focus: the list would close before the button is released.
  words.form.addEventListener("mousedown", (event) => {
    if (event.target.closest("#suggestions")) event.preventDefault();
  });
}

/* Quantities: the − and + buttons of number fields. */

document.addEventListener("click", (event) => {
  const step = event.target.closest("[data-step]");
  const field = step?.parentElement.querySelector("input[type=number]");
  if (!field) return;
  if (step.dataset.step > 0) field.stepUp();
  else field.stepDown();
  field.dispatchEvent(new Event("change", { bubbles: true }));
});

/* Product options: selecting one updates the price and the availability. */

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

/* Scrolls the current link of a scrolling row into the middle. */

for (const current of document.querySelectorAll(".rail [aria-current]")) {
  const { left, width } = current.getBoundingClientRect();
  current.closest(".rail").scrollLeft += left + width / 2 - innerWidth / 2;
}

/* Filters: closes the drawer on submit, and keeps empty values out of the URL. */

document.addEventListener("submit", (event) => {
  if (event.target.id === "filters") document.getElementById("facets").open = false;
});

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.id !== "filters") return;
  for (const [name, value] of [...ctx.request.body]) {
    if (value === "" || (name === "sort" && value === "default")) ctx.request.body.delete(name);
  }
});

/* Requests that failed on the way. The shop's own errors bring a text; a network failure or a proxy does not. */

const notices = document.getElementById("notices");

function isShopError({ headers }) {
  return headers.has("HX-Retarget") || (headers.get("Vary") ?? "").includes("HX-Request");
}

function showNetworkError({ sourceElement: sender, request }) {
  if (!notices || sender === words) return; // missing suggestions need no message
  const isRepeatable = sender.querySelector("input[name=key]"); // an idempotency key makes it safe to send twice
  const kind = request.method.toUpperCase() === "GET" ? "read" : isRepeatable ? "repeat" : "write";
  notices.replaceChildren(document.getElementById(`unreached-${kind}`).content.cloneNode(true));
  if (sender.id === "filters") sender.reset(); // back to what the listing shows
}

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx && ctx.text === undefined) showNetworkError(ctx);
});

document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  if (ctx.response.status < 400 || isShopError(ctx.response)) return;
  event.preventDefault();
  showNetworkError(ctx);
});

/* A page that the browser kept is shown again: its badge, hearts and sign-in link may be old, so they are fetched anew. */

async function refreshVisitorParts() {
  const response = await fetch(location.href, { cache: "no-cache" }).catch(() => null);
  if (!response?.ok || response.redirected) return;
  const now = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const old of document.querySelectorAll(".header__links, .wishlist-toggle")) {
    const current = old.id ? now.getElementById(old.id) : now.querySelector(".header__links");
    if (!current || current.isEqualNode(old)) continue;
    const focused = old.contains(document.activeElement) && document.activeElement.id;
    old.replaceWith(current);
    window.htmx?.process(current);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

addEventListener("pageshow", ({ persisted }) => {
  const [visit] = performance.getEntriesByType("navigation");
  if (persisted || visit?.type === "back_forward") refreshVisitorParts();
});

/* After a swap: keeps open <details> open, and announces the new count. */

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
