// /openapi.json and /docs: the API described, and a page of its own that draws the description
// without any network.
#include "http/openapi.h"
#include "http/route.h"
#include "http/static_files.h"

namespace atelier::http {
namespace {

constexpr std::string_view kPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Atelier: API</title>
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<main id="paths"><p>Reading <a href="/openapi.json">/openapi.json</a> …</p></main>
<script src="/docs/script.js"></script>
</body>
</html>
)";

constexpr std::string_view kStyle =
    R"(:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; }
details { border: 1px solid #8886; border-radius: 6px; margin: 0.5rem 0; padding: 0.5rem 0.8rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { background: #8882; border-radius: 6px; max-height: 30rem; overflow: auto; padding: 0.6rem; }
textarea { box-sizing: border-box; font: 13px/1.45 ui-monospace, monospace; min-height: 8rem; width: 100%; }
button { padding: 0.3rem 0.9rem; }
)";

constexpr std::string_view kScript = R"('use strict';
const make = (tag, text, ...children) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};

const example = (schema, book, depth = 0) => {
  if (!schema || depth > 5) return null;
  if (schema.$ref) return example(book[schema.$ref.split('/').pop()], book, depth + 1);
  const types = [].concat(schema.type ?? (schema.anyOf ? 'null' : 'object'));
  if (types.includes('null')) return undefined;
  if (types[0] === 'object') {
    const entries = Object.entries(schema.properties ?? {});
    return Object.fromEntries(entries.map(([name, each]) => [name, example(each, book, depth + 1)]));
  }
  return { string: '', integer: 0, number: 0, boolean: false, array: [] }[types[0]];
};

const tryOut = (method, path, operation, book) => {
  const address = make('input');
  address.value = path;
  address.size = 60;
  address.setAttribute('aria-label', 'Path');
  const body = make('textarea');
  body.setAttribute('aria-label', 'Body');
  const schema = operation.requestBody?.content['application/json'].schema;
  if (schema) body.value = JSON.stringify(example(schema, book), null, 2);
  const output = make('pre');
  output.hidden = true;
  const send = make('button', 'Send');
  send.addEventListener('click', async () => {
    output.hidden = false;
    output.textContent = '…';
    const wish = { method: method.toUpperCase() };
    if (schema) Object.assign(wish, { body: body.value, headers: { 'Content-Type': 'application/json' } });
    const response = await fetch(address.value, wish).catch((error) => error);
    if (!(response instanceof Response)) output.textContent = String(response);
    else output.textContent = `${response.status}\n${(await response.text()).slice(0, 20000)}`;
  });
  const form = make('div', '', make('p', '', address));
  if (schema) form.append(body);
  form.append(make('p', '', send), output);
  return form;
};

const draw = (document_) => {
  const book = document_.components.schemas;
  const main = document.getElementById('paths');
  main.replaceChildren(make('h1', `${document_.info.title} ${document_.info.version}`));
  const link = make('a', '/openapi.json');
  link.href = '/openapi.json';
  main.append(make('p', 'The machine-readable form is at ', link));
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const title = make('summary', '', make('b', method.toUpperCase()), make('code', path));
      title.append(` ${operation.summary}`);
      const box = make('details', '', title);
      const shapes = { request: operation.requestBody?.content, responses: operation.responses };
      box.append(tryOut(method, path, operation, book), make('pre', JSON.stringify(shapes, null, 2)));
      main.append(box);
    }
  }
  main.append(make('h2', 'Schemas'), make('pre', JSON.stringify(book, null, 2)));
};

fetch('/openapi.json').then((response) => response.json()).then(draw);
)";

Response text(std::string_view body, std::string type) {
  Response response;
  response.content_type = std::move(type);
  response.body = body;
  response.set("Content-Security-Policy", std::string{content_security_policy()});
  response.set("Cache-Control", "no-cache");
  return response;
}

Outcome document(const Request&, Service& service) {
  return text(openapi_document(service.routes), "application/json");
}

Route page_part(std::string pattern, std::string_view body, std::string type) {
  return {
      .method = "GET",
      .pattern = std::move(pattern),
      .tag = "description",
      .summary = "The description as a page",
      .response_type = type,
      .runs_on = RunsOn::kIoThread,
      .function = [body, type](const Request&, Service&) -> Outcome { return text(body, type); }};
}

}  // namespace

std::vector<Route> document_routes() {
  return {{.method = "GET",
           .pattern = "/openapi.json",
           .tag = "description",
           .summary = "This document",
           .function = document},
          page_part("/docs", kPage, "text/html; charset=utf-8"),
          page_part("/docs/style.css", kStyle, "text/css; charset=utf-8"),
          page_part("/docs/script.js", kScript, "text/javascript; charset=utf-8")};
}

}  // namespace atelier::http
