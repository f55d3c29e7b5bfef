// What the page offers for a picture that was made, with the starter models: enlarge, classify, enhance.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser, seriousBarriers, startStation } from './station.mjs';

const side = 128; // of the starter model's pictures
let station, browser, page;
const complaints = [];

before(async () => {
  station = await startStation();
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(station.url);
  await page.getByLabel('Seed', { exact: true }).fill('3');
  await page.getByLabel('Prompt', { exact: true }).fill('a red circle on a blue background');
  await page.getByRole('button', { name: /^Create/ }).click();
  await page.getByTestId('result').waitFor({ timeout: 120_000 });
});

after(async () => {
  await browser?.close();
  await station?.stop();
});

const result = () => page.getByRole('region', { name: 'Result' });

// Opens the task from the finished picture and runs it on it.
async function run(title) {
  await page.goto(station.url);
  await page.getByRole('list', { name: 'Made so far' }).getByRole('button').first().click();
  await page.getByRole('link', { name: title }).click();
  await page.getByText(': a picture made here').waitFor({ timeout: 30_000 });
  await page.getByRole('button', { name: title }).click();
}

const sizeOfResult = async () => {
  const image = result().getByRole('img').first();
  await image.waitFor({ timeout: 120_000 });
  return image.evaluate(async (element) => {
    await element.decode();
    return [element.naturalWidth, element.naturalHeight];
  });
};

test('the labels of a picture are shown with their scores, the highest first', async () => {
  await run('Classify a picture');
  const labels = result().getByRole('list', { name: 'Labels' }).getByRole('listitem');
  await labels.first().waitFor({ timeout: 60_000 });
  assert.match(await labels.first().innerText(), /^plain\s+\d/);
  assert.equal(await labels.count(), 2);
  assert.deepEqual(await seriousBarriers(page), []);
});

test('a picture is enlarged', async () => {
  await run('Upscale a picture');
  const [width, height] = await sizeOfResult();
  assert.equal(width, height);
  assert.ok(width > side && width % side === 0, `${width} pixels`);
});

test('the browser reported no errors', () => {
  assert.deepEqual(complaints, []);
});
