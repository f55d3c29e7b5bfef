// From the prompt to the picture with a browser, the station, the worker and the starter model.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { collectComplaints, meanColour, openBrowser, seriousBarriers, startStation } from './station.mjs';

let station, browser, page;
const complaints = [];

// The first picture starts the decoders that make previews, and may be finished before they are ready.
async function makeOne() {
  const body = JSON.stringify({ input: { prompt: 'a green square', steps: 2 } });
  const { id } = await (await fetch(`${station.url}/api/v1/jobs`, { method: 'POST', body })).json();
  await (await fetch(`${station.url}/api/v1/jobs/${id}/events`)).text(); // ends with the job
}

before(async () => {
  station = await startStation();
  await makeOne();
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  collectComplaints(page, complaints);
  await page.goto(station.url);
});

after(async () => {
  await browser?.close();
  await station?.stop();
});

const create = async (prompt) => {
  await page.getByLabel('Prompt', { exact: true }).fill(prompt);
  await page.getByRole('button', { name: /^Create/ }).click();
};

const resultImage = async () => {
  const image = page.getByTestId('result');
  await image.waitFor({ timeout: 120_000 });
  await image.evaluate((element) => element.decode());
  return image;
};

test('a prompt becomes a picture of what it names', async () => {
  await page.getByLabel('Seed', { exact: true }).fill('3');
  await page.getByLabel('Steps, exact value').fill('100'); // long enough to be seen on its way
  await create('a red circle on a blue background');
  await page.getByTestId('preview').waitFor({ timeout: 60_000 }); // it grows before it is done
  const image = await resultImage();
  const [r, g, b] = await meanColour(image, 0.06, 0.06, 0.08);
  assert.ok(b > r + 40 && b > g + 40, `the corner should be blue: ${[r, g, b]}`);
  const red = await image.evaluate((element) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [element.naturalWidth, element.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(element, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) count += data[i] > data[i + 2] + 60 && data[i] > data[i + 1] + 60;
    return count / (data.length / 4);
  });
  assert.ok(red > 0.02 && red < 0.7, `a red thing should be on it: ${red}`);
  await page.getByText(/seed 3\b/).waitFor();
  await page.getByLabel('Steps, exact value').fill('20');
});

test('finished pictures are in the strip after a reload', async () => {
  await page.reload();
  const strip = page.getByRole('list', { name: 'Made so far' });
  await strip.getByRole('button').first().click();
  await resultImage();
});

test('a picture can be the start of another', async () => {
  await page.getByRole('button', { name: 'Start from this' }).click();
  await page.getByText('Starts from a picture made here').waitFor();
  assert.ok(await page.getByLabel('Strength', { exact: true }).isVisible());
  await page.getByLabel('Seed', { exact: true }).fill('4');
  await create('a green circle on a blue background');
  await page.getByText(/seed 4\b/).waitFor({ timeout: 120_000 });
  await resultImage();
});

test('a picture that the browser cannot show is refused at once, and the next one clears the sentence', async () => {
  const choose = (name, mimeType, buffer) =>
    page.getByLabel('Picture to start from').setInputFiles({ name, mimeType, buffer });
  await page.getByRole('button', { name: 'Remove' }).click();
  await choose('broken.png', 'image/png', Buffer.from('89504e470d0a1a0a00000000', 'hex'));
  await page.getByRole('alert').getByText("The file 'broken.png' cannot be shown").waitFor({ timeout: 10_000 });
  await choose('drawing.svg', 'image/svg+xml', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'));
  await page.getByText('Starts from drawing.svg').waitFor({ timeout: 10_000 });
  assert.equal(await page.getByRole('alert').count(), 0);
  assert.ok(await page.getByLabel('Strength', { exact: true }).isVisible());
  assert.ok(await page.getByLabel('Fit').isVisible());
});

test('a picture that the station refuses is reported in a sentence, and the next request works', async () => {
  await create('a red circle'); // from the SVG, which is not read
  const alert = page.getByRole('alert');
  await alert.waitFor({ timeout: 30_000 });
  assert.match(await alert.innerText(), /^[A-Z].*\w+ \w+ \w+.*[.!?]$/s);
  await page.getByRole('button', { name: 'Remove' }).click();
  assert.equal(await alert.count(), 0);
  await page.getByLabel('Seed', { exact: true }).fill('5');
  await create('a yellow star');
  await page.getByText(/seed 5\b/).waitFor({ timeout: 120_000 });
});

test('the page has no serious accessibility violations', async () => {
  assert.deepEqual(await seriousBarriers(page), []);
});

test('the browser reported no errors', () => {
  // The refused picture above is a 4xx, which Chromium reports as a failed resource: that one is expected.
  assert.deepEqual(complaints.filter((text) => !/status of 4\d\d/.test(text)), []);
});
