// The page against a station that starts late, answers late or not at all, while a person types already.
import { onlineManager, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { ModelCard, ModelList } from '../../api/types';
import { makeQueries } from '../../shared/lib/queries';
import { CreatePage } from './CreatePage';

const card: ModelCard = {
  id: 'small', title: 'Small', family: 'sd15', task: 'generation', description: '', format: 'diffusers',
  content_hash: '', source: 'starter', size_bytes: 0, problem: '', memory: { weights_bytes: 0, bytes_per_pixel: 0 },
  capabilities: ['text_to_image'], native_width: 128, native_height: 128, warnings: [],
  parameters: [
    { name: 'steps', kind: 'integer', title: 'Steps', help: '', minimum: 1, maximum: 100, step: 1,
      default_value: '20', choices: [] },
  ],
};
const ready: ModelList = { models: [card], reason: '' };

let root: Root;
let place: HTMLElement;
let models: () => Promise<ModelList>; // the station's answer
let jobs: (query: URLSearchParams) => unknown[];

beforeEach(() => {
  jobs = () => [];
  vi.stubGlobal('fetch', async (path: string) =>
    new Response(JSON.stringify(
      path === '/api/v1/models' ? await models() : { jobs: jobs(new URL(path, 'http://station').searchParams) })));
  place = document.body.appendChild(document.createElement('div'));
  root = createRoot(place);
});

afterEach(() => {
  root.unmount();
  place.remove();
  onlineManager.setOnline(true);
  vi.unstubAllGlobals();
});

const open = () =>
  root.render(
    <StrictMode>
      <QueryClientProvider client={makeQueries()}>
        <CreatePage />
      </QueryClientProvider>
    </StrictMode>,
  );
declare const setImmediate: (done: (nothing: unknown) => void) => void; // Node's, beneath jsdom
const turn = () => new Promise((resolve) => setImmediate(resolve)); // one of the event loop; React's scheduler takes them too
const find = <T extends Element>(selector: string) => place.querySelector<T>(selector);
const seed = () => find<HTMLInputElement>('input[inputmode="numeric"]');
const prompt = () => find<HTMLTextAreaElement>('textarea');
const button = () => find('button[type="submit"]');
const reason = () => find('#why-not')?.textContent;
const works = () => button()?.getAttribute('aria-disabled') === 'false';

const typeInto = (element: HTMLInputElement | HTMLTextAreaElement | null, text: string) => {
  if (!element) throw new Error('there is no such field');
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(element), 'value')?.set?.call(element, text);
  element.dispatchEvent(new Event('input', { bubbles: true }));
};

// Real time: what is tested is how the page's own clock takes it.
const within = (milliseconds: number, what: () => void) => vi.waitFor(what, { timeout: milliseconds, interval: 5 });

describe('the create page', () => {
  // React draws the card's arrival in several turns of the event loop; a busy machine puts a keystroke between any two.
  it.each([-1, 0, 1, 2, 3, 4, 5, 6])('keeps a seed typed %i turns after the card came', async (turns) => {
    let answer: ((list: ModelList) => void) | undefined;
    models = () => new Promise((resolve) => (answer = resolve));
    open();
    await within(1000, () => expect(answer).toBeDefined());
    expect(reason()).toMatch(/Asking the station/);
    const arrived = () => find('option[value="small"]') !== null;
    let typed = false;
    const watch = new MutationObserver(() => {
      if (turns >= 0 || typed || !arrived()) return;
      typed = true;
      typeInto(seed(), '3');
    });
    watch.observe(place, { childList: true, subtree: true });
    answer?.(ready);
    for (let i = 0; i < 10_000 && !arrived(); ++i) await turn();
    for (let i = 0; i < turns; ++i) await turn();
    if (!typed) typeInto(seed(), '3');
    typeInto(prompt(), 'a red circle');
    await within(500, () => expect(works()).toBe(true));
    watch.disconnect();
    expect(reason()).toBe('');
    expect(seed()?.value).toBe('3');
    expect(prompt()?.value).toBe('a red circle');
    expect(find<HTMLInputElement>('[aria-label="Width in pixels"]')?.value).toBe('128');
  });

  it('says that the station starts, asks again, and loses nothing that was typed', async () => {
    models = async () => ({ models: [], reason: 'the worker has not started yet' });
    open();
    await within(1000, () => expect(reason()).toBe('The worker has not started yet.'));
    typeInto(seed(), '3');
    typeInto(prompt(), 'a red circle');
    expect(works()).toBe(false);
    models = async () => ready;
    await within(1500, () => expect(works()).toBe(true));
    expect(seed()?.value).toBe('3');
    expect(prompt()?.value).toBe('a red circle');
  });

  it('says that the station does not answer, and recovers when it does', async () => {
    models = () => Promise.reject(new TypeError('Failed to fetch'));
    open();
    await within(1000, () => expect(reason()).toMatch(/does not answer/));
    typeInto(prompt(), 'a red circle');
    models = async () => ready;
    await within(1500, () => expect(works()).toBe(true));
  });

  it('shows what somebody should know of the chosen model', async () => {
    models = async () => ({ models: [{ ...card, warnings: ['1 tensor of its files is not used'] }], reason: '' });
    open();
    await within(1000, () => expect(place.textContent).toContain('1 tensor of its files is not used'));
  });

  it('works with a browser that believes to be offline', async () => {
    onlineManager.setOnline(false);
    models = async () => ready;
    open();
    await within(1000, () => expect(reason()).toBe('Write what you would like to see.'));
    typeInto(prompt(), 'a red circle');
    await within(500, () => expect(works()).toBe(true));
  });

  it('keeps the button reachable when it cannot work, and the reason with it', async () => {
    models = async () => ({ models: [], reason: '' });
    open();
    await within(1000, () => expect(reason()).toBe('No model that makes pictures is installed.'));
    expect(button()?.hasAttribute('disabled')).toBe(false);
    expect(button()?.getAttribute('aria-describedby')).toBe('why-not');
    expect(find('#why-not')?.getAttribute('role')).toBe('status');
  });

  it('fills the strip with what has succeeded, older ones with it', async () => {
    models = async () => ready;
    const made = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({
        id: `job-${from - i}`, state: 'succeeded', result: { artifacts: [`a${from - i}`], used: { prompt: 'a dot' } },
      }));
    jobs = (query) => {
      if (query.get('state') !== 'succeeded') return [];
      return query.get('before') === 'job-41' ? made(40, 3) : query.has('before') ? [] : made(100, 60);
    };
    open();
    await within(2000, () => expect(place.querySelectorAll('[aria-label="Made so far"] img')).toHaveLength(63));
  });
});
