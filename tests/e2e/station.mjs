// Starts a station for one browser test, on a free port and in a new folder.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';

export const root = new URL('../..', import.meta.url).pathname;
const fromWeb = createRequire(join(root, 'web/package.json'));
export const { chromium } = fromWeb('playwright-core');
const axeSource = fromWeb('axe-core').source;

// Serious accessibility violations that axe finds, as "id: how to fix it".
export async function seriousBarriers(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations
    .filter((each) => ['serious', 'critical'].includes(each.impact))
    .map((each) => `${each.id}: ${each.help}`);
}

// Errors that the page writes to the console or does not catch are added to `complaints`.
export function collectComplaints(page, complaints) {
  // A preview is deleted at the end of its job, perhaps just before the browser requests it.
  const late = (message) => /404/.test(message.text()) && message.location().url.includes('/preview-');
  page.on('console', (message) => {
    if (message.type() === 'error' && !late(message)) complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
}

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

// `until`: 'models' (it can make pictures) or 'listening' (its worker may still be starting).
export async function startStation({ env = {}, args = [], until = 'models' } = {}) {
  const bin = process.env.ATELIER_BIN ?? join(root, 'build/release/bin');
  const port = await freePort();
  const home = mkdtempSync(join(tmpdir(), 'atelier-e2e-'));
  const child = spawn(join(bin, 'atelier'), ['serve', '--port', String(port), ...args], {
    env: { ...process.env, ATELIER_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stdout.on('data', (text) => (log += text));
  child.stderr.on('data', (text) => (log += text));
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(home, { recursive: true, force: true });
  };
  for (let waited = 0; ; waited += 200) {
    if (child.exitCode !== null || waited > 60_000) {
      await stop();
      throw new Error(`the station did not start:\n${log}`);
    }
    const ready = await fetch(`${url}/api/v1/models`)
      .then(async (r) => r.ok && (until === 'listening' || (await r.json()).models.length > 0))
      .catch(() => false);
    if (ready) return { url, stop, log: () => log };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

// As root Chromium has no sandbox; the other flags prevent requests to other hosts.
export const openBrowser = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  });

// Mean colour of a square of `size` (share of the width) around a point, both in shares of the picture.
export const meanColour = (image, x, y, size) =>
  image.evaluate(
    (element, [x, y, size]) => {
      const canvas = document.createElement('canvas');
      canvas.width = element.naturalWidth;
      canvas.height = element.naturalHeight;
      const context = canvas.getContext('2d');
      context.drawImage(element, 0, 0);
      const side = Math.max(1, Math.round(canvas.width * size));
      const { data } = context.getImageData(
        Math.round(canvas.width * x - side / 2), Math.round(canvas.height * y - side / 2), side, side);
      const sum = [0, 0, 0];
      for (let i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++) sum[c] += data[i + c];
      return sum.map((value) => value / (data.length / 4));
    },
    [x, y, size],
  );
