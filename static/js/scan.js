/* Receiving by scanner. Each entry is kept at once and sent when its turn comes, so that no key is lost while an answer
   is on its way. What an entry means is the server's business: it knows the codes, and the line that is open by then.
   Without this file the forms are sent one by one. */

const entries = [];
let isSending = false;

const form = () => document.querySelector("#scan-code, #scan-quantity");
const fieldOf = (of) => of.querySelector(".scan__field");
const part = (id) => document.getElementById(id);

function show(id, isShown) {
  part(id).hidden = !isShown;
  part(id).querySelector("[data-entries]").textContent = entries.map((entry) => entry || "↵").join(", ");
}

/* An answer is a fragment with #scan, whatever its status; anything else, such as a sign-in page, is a failure. */
async function answerTo(sent, entry) {
  const data = new FormData(sent);
  data.set(fieldOf(sent).name, entry);
  const query = new URLSearchParams(data);
  const isGet = sent.method === "get";
  const response = await fetch(isGet ? `${sent.action}?${query}` : sent.action, {
    method: sent.method.toUpperCase(),
    body: isGet ? undefined : query,
    headers: { "HX-Request": "true", "HX-Request-Type": "partial" },
  });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const answer = page.getElementById("scan");
  if (!answer) throw new Error(`no answer: ${response.status}`);
  return document.adoptNode(answer);
}

/* The field is another element afterwards, with the same text, selection and focus: nothing can be typed in between. */
function swap(answer) {
  const before = fieldOf(form());
  const hadFocus = document.activeElement === before || document.activeElement === document.body;
  const { value, selectionStart, selectionEnd } = before;
  const isTypedAhead = value !== "" || entries.length > 0;
  part("scan").replaceWith(answer);
  const field = fieldOf(form());
  if (isTypedAhead) field.value = value;
  if (hadFocus) field.focus();
  if (isTypedAhead) field.setSelectionRange(selectionStart, selectionEnd);
  else field.select();
  const said = answer.querySelector("[data-announce]");
  const spoken = document.createElement("span");
  spoken.className = "visually-hidden";
  spoken.textContent = said?.textContent ?? "";
  if (said) part("announcement").replaceChildren(spoken);
}

/* A problem whose place is taken by the answer to the next entry stays in a list until somebody has seen to it. */
function keepProblem(answer) {
  const problem = answer.querySelector("#scan-problem");
  if (!problem || !entries.length) return;
  const item = document.createElement("li");
  item.textContent = problem.textContent;
  part("scan-missed-list").append(item);
  part("scan-missed").hidden = false;
}

async function send() {
  if (isSending) return;
  isSending = true;
  show("scan-unsent", false);
  try {
    while (entries.length) {
      show("scan-sending", true);
      const answer = await answerTo(form(), entries[0]);
      entries.shift();
      keepProblem(answer);
      swap(answer);
    }
  } catch {
    show("scan-unsent", true);
  }
  isSending = false;
  show("scan-sending", false);
}

document.addEventListener("submit", (event) => {
  if (event.target !== form()) return;
  event.preventDefault();
  const field = fieldOf(form());
  entries.push(field.value.trim());
  field.value = "";
  field.focus();
  send();
  if (!part("scan-sending").hidden) show("scan-sending", true);
});

part("scan-resend").addEventListener("click", () => {
  fieldOf(form()).focus();
  send();
});

part("scan-missed-done").addEventListener("click", () => {
  part("scan-missed").hidden = true;
  part("scan-missed-list").replaceChildren();
  fieldOf(form()).focus();
});

addEventListener("beforeunload", (event) => {
  if (entries.length) event.preventDefault();
});
