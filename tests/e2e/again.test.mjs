// Batches and "Use settings" with the real engine: each picture of a batch can be shown, and made again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser, seriousBarriers, startStation } from './station.mjs';

let station, browser, page;

before(async () => {
  station = await startStation();
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  await page.goto(station.url);
});

after(async () => {
  await browser?.close();
  await station?.stop();
});

const field = (name) => page.getByLabel(name, { exact: true });
const button = (name) => page.getByRole('button', { name, exact: true });
const inStrip = (name) => page.getByRole('list', { name }).getByRole('button');
const result = () => page.getByTestId('result');
const set = async (values) => {
  for (const [name, value] of Object.entries(values)) await field(name).fill(value);
};
const create = () => page.getByRole('button', { name: /^Create/ }).click();
const jobs = async () => (await (await fetch(`${station.url}/api/v1/jobs?limit=20`)).json()).jobs;
const ended = (seed) => page.getByText(new RegExp(`seed ${seed}\\b`)).waitFor({ timeout: 120_000 });

test('each picture of a batch can be selected, and has its own seed and its own tile in the strip', async () => {
  await set({ Prompt: 'a red circle', Seed: '500', 'Steps, exact value': '3' });
  await page.getByText('More settings').click();
  await field('Pictures, exact value').fill('3');
  await create();
  await ended(500);
  assert.equal(await result().count(), 3);
  await button('Picture 3 of 3').focus();
  await page.keyboard.press('Enter');
  await page.getByText(/picture 3 of 3 · seed 502\b/).waitFor();
  const artifacts = (await jobs())[0].result.artifacts;
  const link = page.getByRole('link', { name: 'Download' });
  assert.equal(await link.getAttribute('href'), `/api/v1/artifacts/${artifacts[2]}`);
  assert.equal(await link.getAttribute('download'), 'atelier-502.png');
  await page.waitForFunction(() => document.querySelectorAll('[aria-label="Made so far"] button').length === 3);
  assert.deepEqual(await seriousBarriers(page), []);
  await inStrip('Made so far').nth(1).click();
  await page.getByText(/seed 501\b/).waitFor();
  assert.equal(await result().count(), 1);
  await button('Show all 3').click();
  assert.equal(await result().count(), 3);
  await field('Pictures, exact value').fill('1');
});

test('Use settings makes the same picture again, whatever was chosen meanwhile', async () => {
  const choices = await field('Sampler').locator('option').allInnerTexts();
  assert.equal(new Set(choices).size, choices.length, `each sampler once: ${choices}`);
  await field('Sampler').selectOption('Euler a');
  await field('Schedule').selectOption('Exponential');
  await field('CLIP skip, exact value').fill('2');
  await inStrip('Made so far').first().click();
  await button('Start from this').click();
  await page.getByText('Starts from a picture made here').waitFor();
  await field('Fit').selectOption('cover');
  await set({ Seed: '77', 'Strength, exact value': '0.5', 'Steps, exact value': '4' });
  await create();
  await ended(77);
  const asked = (await jobs())[0];

  await button('Remove').click();
  await field('Sampler').selectOption({ index: 0 });
  await field('Schedule').selectOption('Automatic');
  await field('CLIP skip, exact value').fill('0');
  await page.getByRole('button', { name: 'Wide' }).click();
  await set({ Prompt: 'something else', 'Negative prompt': 'dots', Seed: '1', 'Steps, exact value': '2', 'Pictures, exact value': '2' });
  await button('Use settings').click();
  await page.getByText('Starts from the same picture').waitFor();
  await create();
  await page.waitForFunction(
    async (before) => (await (await fetch('/api/v1/jobs?limit=1')).json()).jobs[0].id !== before, asked.id);
  const again = (await jobs())[0];
  assert.deepEqual(again.input, asked.input);
  await ended(77);
  await button('Remove').click();
});

test('the largest seed comes back to the last digit, and the picture after it has seed 0', async () => {
  await set({ Seed: '18446744073709551615', 'Steps, exact value': '2' });
  await field('Pictures, exact value').fill('2');
  await create();
  await ended('18446744073709551615');
  await button('Picture 2 of 2').click();
  await page.getByText(/picture 2 of 2 · seed 0\b/).waitFor();
  assert.equal((await jobs())[0].input.seed_text, '18446744073709551615');
  await set({ Seed: '' });
  await button('Use settings').click();
  await page.waitForFunction(() => document.querySelector('input[inputmode="numeric"]').value === '18446744073709551615');
});
