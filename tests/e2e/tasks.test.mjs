// What the page offers for a picture that was made, with the starter models: enlarge, classify, enhance.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { collectComplaints, openBrowser, seriousBarriers, startStation } from './station.mjs';

const side = 128; // of the starter model's pictures
let station, browser, page;
const complaints = [];

before(async () => {
  station = await startStation();
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  collectComplaints(page, complaints);
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

// An uncompressed grey TIFF: a header, the directory of its tags, the pixels.
function tiff(width, height) {
  const tags = [[256, width], [257, height], [258, 8], [259, 1], [262, 1], [273, 0], [277, 1], [278, height], [279, width * height]];
  const pixelsAt = 8 + 2 + 12 * tags.length + 4;
  const bytes = new DataView(new ArrayBuffer(pixelsAt + width * height));
  bytes.setUint32(0, 0x49492a00);
  bytes.setUint32(4, 8, true);
  bytes.setUint16(8, tags.length, true);
  tags.forEach(([tag, value], i) => {
    const at = 10 + 12 * i;
    bytes.setUint16(at, tag, true);
    bytes.setUint16(at + 2, 4, true); // 32 bits
    bytes.setUint32(at + 4, 1, true);
    bytes.setUint32(at + 8, tag === 273 ? pixelsAt : value, true);
  });
  new Uint8Array(bytes.buffer, pixelsAt).fill(128);
  return bytes.buffer;
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
  await result().getByText(`${width} × ${width} · ${width / side} times as large`).waitFor({ timeout: 5_000 });
});

test('formats are offered that this device computes in, and lists explain their first choice', async () => {
  const list = page.getByLabel('Number format', { exact: true });
  assert.deepEqual(await list.locator('option').allInnerTexts(), ['Automatic', 'Fp32', 'Bf16']);
  await page.getByText('Of the computation; Automatic: the fastest of the device').waitFor({ timeout: 5_000 });
});

test('the first step count of a refinement is the default of its model', async () => {
  await page.getByRole('link', { name: 'Enhance a picture' }).click();
  const steps = page.getByLabel('Steps', { exact: true });
  await steps.waitFor({ timeout: 5_000 });
  assert.ok(Number(await steps.inputValue()) > 1);
});

test('a TIFF file is classified, which the browser does not show', async () => {
  await page.getByRole('link', { name: 'Classify a picture' }).click();
  const buffer = Buffer.from(tiff(16, 16));
  await page.getByLabel('Picture to classify').setInputFiles({ name: 'scan.tif', mimeType: 'image/tiff', buffer });
  await page.getByText('Picture to classify: scan.tif').waitFor({ timeout: 5_000 });
  await page.getByRole('button', { name: 'Classify a picture' }).click();
  await result().getByRole('list', { name: 'Labels' }).waitFor({ timeout: 60_000 });
});

test('no tab is cut off in a narrow window', async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  for (const tab of await page.getByRole('navigation').getByRole('link').all()) {
    const { x, width } = await tab.boundingBox();
    assert.ok(x >= 0 && x + width <= 390, `${await tab.innerText()}: ${x} to ${x + width}`);
  }
  await page.setViewportSize({ width: 1280, height: 860 });
});

test('the browser reported no errors', () => {
  assert.deepEqual(complaints, []);
});
