// A page that is opened while the station starts: it shows this, keeps what is typed, and works soon after.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser, seriousBarriers, startStation } from './station.mjs';

let station, browser, page;

before(async () => {
  browser = await openBrowser();
  station = await startStation({
    env: { ATELIER_ENGINE: 'fake', ATELIER_FAKE: 'hello_ms=6000,step_ms=5' }, until: 'listening',
  });
  page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
});

after(async () => {
  await browser?.close();
  await station?.stop();
});

const knowsModels = async () => (await (await fetch(`${station.url}/api/v1/models`)).json()).models.length > 0;
const create = () => page.getByRole('button', { name: /^Create/ });
const reason = () => page.locator('#why-not');
const fillIn = async (seed) => {
  await page.getByLabel('Seed', { exact: true }).fill(seed);
  await page.getByLabel('Prompt', { exact: true }).fill('a red circle');
};
const worksAtOnce = async (seed) => {
  const since = Date.now();
  await create().click({ timeout: 30_000 });
  const waited = Date.now() - since;
  await page.getByText(new RegExp(`seed ${seed}\\b`)).waitFor({ timeout: 30_000 });
  return waited;
};

test('Create waits for the worker, shows the reason, and works within two seconds of its start', async () => {
  await page.goto(station.url);
  await reason().getByText('The worker has not started yet').waitFor({ timeout: 5_000 });
  await fillIn('3');
  assert.equal(await create().getAttribute('aria-disabled'), 'true');
  assert.match(await reason().innerText(), /The worker has not started yet/);
  assert.deepEqual(await seriousBarriers(page), []);
  while (!(await knowsModels())) await new Promise((resolve) => setTimeout(resolve, 50));
  const waited = await worksAtOnce('3');
  assert.ok(waited < 2_000, `Create came alive ${waited} ms after the station knew its models`);
  assert.equal(await page.getByLabel('Prompt', { exact: true }).inputValue(), 'a red circle');
});

test('a first request that fails or hangs is repeated', async () => {
  let requests = 0;
  await page.route('**/api/v1/models', async (route) => {
    requests += 1;
    if (requests === 1) return route.abort('connectionreset');
    if (requests === 2) return route.fulfill({ status: 503, body: 'refused by a proxy' });
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // the card arrives while a person types
    return route.continue();
  });
  await page.reload();
  await reason().getByText('The station does not answer').waitFor({ timeout: 5_000 });
  await fillIn('4');
  assert.ok((await worksAtOnce('4')) < 6_000);
  await page.unroute('**/api/v1/models');
});
