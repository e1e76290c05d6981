"use strict";
const at = (id) => document.getElementById(id);
const FIELDS = `{ __schema { queryType { fields { name description args { name } } }
  mutationType { fields { name description args { name } } } } }`;

async function ask(query, variables) {
  const headers = { "content-type": "application/json" };
  const token = at("token").value.trim();
  if (token) headers.authorization = "Bearer " + token;
  const body = JSON.stringify({ query, variables });
  const began = performance.now();
  // The page's own address, whatever path a proxy has put before it.
  const response = await fetch(location.pathname, { method: "POST", headers, body, credentials: "omit", cache: "no-store" });
  const text = await response.text();
  at("state").textContent = "HTTP " + response.status + ", " + text.length + " characters, " + Math.round(performance.now() - began) + " ms";
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

async function show(query, readVariables) {
  at("state").textContent = "…";
  try {
    at("answer").textContent = await ask(query, readVariables());
  } catch (error) {
    at("state").textContent = "";
    at("answer").textContent = String(error);
  }
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  show(at("query").value, () => JSON.parse(at("variables").value || "{}"));
});
at("schema").addEventListener("click", () => show(FIELDS, () => ({})));
at("query").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("form").requestSubmit();
});
