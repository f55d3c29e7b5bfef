// /docs in a browser: Swagger UI shows the station's description, under its Content-Security-Policy.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { collectComplaints, openBrowser, startStation } from './station.mjs';

let station, browser, page;
const complaints = [];
const foreign = [];

before(async () => {
  station = await startStation({ env: { ATELIER_ENGINE: 'fake' } });
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  collectComplaints(page, complaints);
  page.on('request', (request) => {
    if (!request.url().startsWith(station.url) && !request.url().startsWith('data:')) foreign.push(request.url());
  });
  await page.goto(`${station.url}/docs`);
});

after(async () => {
  await browser?.close();
  await station?.stop();
});

test('every operation of the description is shown', async () => {
  await page.locator('.opblock').first().waitFor({ timeout: 30_000 });
  const description = await (await fetch(`${station.url}/openapi.json`)).json();
  const operations = Object.values(description.paths).flatMap((methods) => Object.keys(methods));
  assert.equal(await page.locator('.opblock').count(), operations.length);
  await page.getByText('/api/v1/jobs', { exact: true }).first().waitFor();
});

test('an operation can be tried out', async () => {
  const block = page.locator('.opblock', { hasText: '/health' }).first();
  await block.locator('button.opblock-summary-control').click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  await block.getByRole('button', { name: 'Execute' }).click();
  await block.locator('.live-responses-table').getByText('moondream-station').first().waitFor({ timeout: 10_000 });
});

test('there are no errors and no requests to other hosts', () => {
  assert.deepEqual(complaints, []);
  assert.deepEqual(foreign, []);
});
