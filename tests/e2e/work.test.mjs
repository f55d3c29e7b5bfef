// Following and cancelling jobs, the form, and narrow windows, with the fake engine, whose speed is fixed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { collectComplaints, openBrowser, seriousBarriers, startStation } from './station.mjs';

let station, browser, page;
const complaints = [];

const openPage = async (width, height) => {
  const opened = await browser.newPage({ viewport: { width, height } });
  collectComplaints(opened, complaints);
  await opened.goto(station.url);
  return opened;
};

before(async () => {
  station = await startStation({ env: { ATELIER_ENGINE: 'fake', ATELIER_FAKE: 'step_ms=100' } });
  browser = await openBrowser();
  page = await openPage(1280, 860);
});

after(async () => {
  await browser?.close();
  await station?.stop();
});

const field = (name) => page.getByLabel(name, { exact: true });
const button = (name) => page.getByRole('button', { name, exact: true });
const result = () => page.getByTestId('result');
const set = async (values) => {
  for (const [name, value] of Object.entries(values)) await field(name).fill(value);
};
const create = () => page.getByRole('button', { name: /^Create/ }).click();
const ended = (seed) => page.getByText(new RegExp(`seed ${seed}\\b`)).waitFor({ timeout: 60_000 });

test('a reload finds the running job; several are followed in the strip and cancelled there', async () => {
  await set({ Prompt: 'a slow one', Seed: '9', 'Steps, exact value': '1000' }); // far longer than this test
  await create();
  await page.getByRole('progressbar').waitFor();
  await page.reload();
  await page.getByRole('progressbar').waitFor({ timeout: 5_000 });
  await page.getByTestId('preview').waitFor({ timeout: 10_000 });
  await page.getByText(/\d running/).waitFor({ timeout: 5_000 });
  await set({ Prompt: 'a second one', Seed: '10' });
  await create();
  await page.getByRole('button', { name: 'Cancel: a second one' }).waitFor({ timeout: 5_000 });
  await page.getByText('1 running · 1 waiting').waitFor({ timeout: 5_000 });
  assert.deepEqual(await seriousBarriers(page), []);
  await page.getByRole('button', { name: /^Look at: a slow one/ }).click();
  await page.getByTestId('preview').waitFor({ timeout: 5_000 });
  await page.getByRole('button', { name: 'Cancel: a second one' }).click();
  await page.getByRole('button', { name: 'Cancel: a second one' }).waitFor({ state: 'detached', timeout: 5_000 });
  // The reply to the cancellation may have an older state of the job than its last event, and may arrive after it.
  await page.route('**/cancel', async (route) => {
    const response = await route.fetch();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await route.fulfill({ response });
  });
  const answered = page.waitForResponse('**/cancel');
  await button('Cancel').click();
  await answered;
  await page.getByText('Cancelled.').waitFor({ timeout: 10_000 });
  await page.getByRole('list', { name: 'Under way' }).waitFor({ state: 'detached', timeout: 5_000 });
});

test('a reload of a task finds its running job', async () => {
  const tasks = await openPage(1280, 860);
  await tasks.goto(`${station.url}/#tasks/upscale`);
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  // Behind a job of the create page, so that it is still there after the reload.
  await set({ Prompt: 'in front', Seed: '11', 'Steps, exact value': '1000' });
  await create();
  await page.getByText(/1 running/).waitFor({ timeout: 5_000 });
  await tasks.getByLabel('Picture to enlarge').setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer: png });
  await tasks.getByRole('button', { name: 'Upscale a picture' }).click();
  const progress = tasks.getByRole('region', { name: 'Result' }).getByRole('progressbar'); // not that of the create page
  await progress.waitFor({ timeout: 5_000 });
  await tasks.reload();
  await progress.waitFor({ timeout: 5_000 });
  await tasks.getByRole('button', { name: 'Cancel', exact: true }).click();
  await tasks.getByText('Cancelled.').waitFor({ timeout: 5_000 });
  await button('Cancel').click();
  await page.getByText('Cancelled.').waitFor({ timeout: 10_000 });
  await tasks.close();
});

test('a reload keeps the form and its picture', async () => {
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  await page.getByLabel('Picture to start from').setInputFiles({ name: 'kept.png', mimeType: 'image/png', buffer: png });
  await page.getByText('Starts from kept.png').waitFor();
  await set({ Prompt: 'a kept one', Seed: '12', 'Steps, exact value': '8' });
  await page.reload();
  await page.getByText('Starts from kept.png').waitFor({ timeout: 5_000 });
  const values = await Promise.all(['Prompt', 'Seed', 'Steps, exact value'].map((name) => field(name).inputValue()));
  assert.deepEqual(values, ['a kept one', '12', '8']);
  await button('Remove').click();
});

test('a value out of range is refused with the limits of the model, and fits them afterwards', async () => {
  const { parameters } = (await (await fetch(`${station.url}/api/v1/models`)).json()).models[0];
  const { minimum, maximum } = parameters.find(({ name }) => name === 'steps');
  await set({ 'Steps, exact value': String(maximum + 1) });
  const sentence = `Steps: ${maximum + 1} is out of range. Choose ${minimum} to ${maximum}.`;
  await page.locator('#why-not').getByText(sentence).waitFor();
  assert.equal(await page.getByRole('button', { name: /^Create/ }).getAttribute('aria-disabled'), 'true');
  assert.deepEqual(await seriousBarriers(page), []);
  await set({ 'Steps, exact value': String(maximum) });
  assert.equal(await page.locator('#why-not').innerText(), '');
});

test('a size at which the subject may repeat gives a hint', async () => {
  assert.equal(await button('Double').count(), 0);
  const width = Number(await field('Width in pixels').inputValue());
  await set({ 'Width in pixels': String(width * 2) });
  await page.getByText('its subject may repeat').waitFor();
  await set({ 'Width in pixels': String(width) });
  assert.equal(await page.getByText('its subject may repeat').count(), 0);
});

test('the focused control is never covered by the bar with Create', async () => {
  await page.setViewportSize({ width: 1280, height: 500 });
  await field('Prompt').focus();
  for (let i = 0; i < 25; i++) {
    const hidden = await page.evaluate(() => {
      const bar = document.querySelector('form > .sticky');
      const focus = document.activeElement;
      if (!focus || bar.contains(focus) || !focus.closest('form')) return '';
      const overlap = focus.getBoundingClientRect().bottom - bar.getBoundingClientRect().top;
      return overlap > 1 ? `${focus.outerHTML.slice(0, 120)} by ${overlap} px` : '';
    });
    assert.equal(hidden, '');
    await page.keyboard.press('Tab');
  }
  await page.setViewportSize({ width: 1280, height: 860 });
});

test('a file may be dropped anywhere, and the page shows this while it is held over it', async () => {
  const drag = (type) =>
    page.locator('header').evaluate((header, type) => {
      const transfer = new DataTransfer();
      const png = atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==');
      transfer.items.add(new File([Uint8Array.from(png, (c) => c.charCodeAt(0))], 'dot.png', { type: 'image/png' }));
      const event = new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
      header.dispatchEvent(event);
      return event.defaultPrevented;
    }, type);
  assert.ok(await drag('dragover'));
  await page.getByText('Drop the picture to start from it').waitFor();
  assert.ok(await drag('drop'));
  await page.getByText('Starts from dot.png').waitFor();
  assert.equal(await page.getByText('Drop the picture to start from it').count(), 0);
  await button('Remove').click();
});

test('models are searched again', async () => {
  await button('Look for new models').click();
  await page.getByText(/^\d+ models? (is|are) installed\.$/).waitFor({ timeout: 10_000 });
});

test('on a narrow window the picture is scrolled into view, large and without overlap', async () => {
  await page.close();
  page = await openPage(390, 844);
  await set({ Prompt: 'a dot', Seed: '21', 'Steps, exact value': '5' });
  await create();
  await ended(21);
  const box = await result().boundingBox();
  assert.ok(box.height > 200 && box.width > 200, `the picture has ${box.width} × ${box.height}`);
  assert.ok(box.y >= 0 && box.y + box.height <= 844, `it is in view: ${box.y}`);
  const strip = await page.getByRole('list', { name: 'Made so far' }).boundingBox();
  const download = await page.getByRole('link', { name: 'Download' }).boundingBox();
  assert.ok(download.y >= box.y + box.height && strip.y >= download.y + download.height, 'one below the other');
  const bar = await page.getByRole('button', { name: /^Create/ }).boundingBox();
  assert.ok(bar.y >= 0 && bar.y + bar.height <= box.y, 'Create stays in reach, above the picture');
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  assert.deepEqual(await seriousBarriers(page), []);
});

test('the browser reported no errors', () => {
  assert.deepEqual(complaints, []);
});
