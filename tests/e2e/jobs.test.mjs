// The jobs page with the fake engine: pause, order, cancel, and a failed job that is found again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { collectComplaints, openBrowser, seriousBarriers, startStation } from './station.mjs';

let station, browser, page;
const complaints = [];

before(async () => {
  station = await startStation({ env: { ATELIER_ENGINE: 'fake', ATELIER_FAKE: 'step_ms=20,oom_at_step=3' } });
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  collectComplaints(page, complaints);
});

after(async () => {
  await browser?.close();
  await station?.stop();
});

const button = (name) => page.getByRole('button', { name, exact: true });
const rows = (name) => page.getByRole('list', { name }).getByRole('listitem');
const submit = async (prompt, steps) => {
  const body = JSON.stringify({ input: { prompt, steps, width: 64, height: 64 } });
  const reply = await fetch(`${station.url}/api/v1/jobs`, { method: 'POST', body });
  return (await reply.json()).id;
};

test('a paused queue is reordered, cancelled and goes on', async () => {
  await page.goto(`${station.url}/#jobs`);
  await button('Pause: Interactive').click();
  await button('Resume: Interactive').waitFor();
  await submit('a cat', 2);
  await submit('a dog', 2);
  await page.getByText('1. a cat').waitFor();
  await button('Move to front: a dog').click();
  await page.getByText('1. a dog').waitFor();
  assert.match(await rows('Waiting').nth(1).innerText(), /2\. a cat/);
  assert.deepEqual(await seriousBarriers(page), []);
  await page.reload();
  await button('Resume: Interactive').waitFor(); // it is still paused
  await button('Cancel all waiting').click();
  await page.getByText('Nothing waits.').waitFor();
  await button('Resume: Interactive').click();
  await button('Pause: Interactive').waitFor();
});

test('a failed job is still there after a reload, with its sentence, and can be retried', async () => {
  await submit('a tree', 8);
  const failed = rows('Failed').filter({ hasText: 'a tree' });
  await failed.waitFor({ timeout: 30_000 });
  await page.goto(station.url);
  await page.reload();
  await page.getByRole('alert').getByRole('button', { name: 'Retry' }).waitFor();
  await page.goto(`${station.url}/#jobs`);
  await page.reload();
  await failed.waitFor();
  assert.match(await failed.innerText(), /memory/i);
  assert.deepEqual(await seriousBarriers(page), []);
  await button('Retry: a tree').click();
  await page.waitForFunction(
    async () => (await (await fetch('/api/v1/jobs?state=failed')).json()).jobs.length === 2);
  await failed.first().waitFor({ timeout: 30_000 });
  assert.equal(await failed.count(), 1); // the one that was run again is no longer listed
  assert.deepEqual(complaints, []);
});
