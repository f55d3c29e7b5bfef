// The page with a station that starts late, replies late or does not reply, while the user types.
import { onlineManager, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { ModelList } from '../../api/types';
import { makeQueries } from '../../shared/lib/queries';
import { cardWith, modelOf, pictures, row, side } from '../../testing/values';
import { CreatePage } from './CreatePage';
import { storePictures } from './savedForm';

const card = cardWith([row('steps', 'integer', '20', { minimum: 1, maximum: 100 }), side('width'), side('height')]);
const ready: ModelList = { models: [modelOf(card)], reason: '' };

let root: Root;
let place: HTMLElement;
let models: () => Promise<ModelList>; // the station's answer
let jobs: (query: URLSearchParams) => unknown[];

beforeEach(() => {
  sessionStorage.clear();
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
        <CreatePage uses={[]} />
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

// In real time: the intervals of the page are tested.
const within = (milliseconds: number, what: () => void) => vi.waitFor(what, { timeout: milliseconds, interval: 5 });

describe('the create page', () => {
  // React draws the card's arrival in several turns of the event loop; a busy machine puts a keystroke between any two.
  it.each([-1, 0, 1, 2, 3, 4, 5, 6])('keeps a seed typed %i turns after the card came', async (turns) => {
    let answer: ((list: ModelList) => void) | undefined;
    models = () => new Promise((resolve) => (answer = resolve));
    open();
    await within(1000, () => expect(answer).toBeDefined());
    expect(reason()).toMatch(/Loading the list of models/);
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

  it('shows that the station starts, repeats the request, and keeps what was typed', async () => {
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

  it('shows that the station does not answer, and recovers when it does', async () => {
    models = () => Promise.reject(new TypeError('Failed to fetch'));
    open();
    await within(1000, () => expect(reason()).toMatch(/does not answer/));
    typeInto(prompt(), 'a red circle');
    models = async () => ready;
    await within(1500, () => expect(works()).toBe(true));
  });

  it('shows the warnings of the chosen model', async () => {
    models = async () => ({ models: [{ ...modelOf(card), warnings: ['1 tensor of its files is not used'] }], reason: '' });
    open();
    await within(1000, () => expect(place.textContent).toContain('1 tensor of its files is not used'));
  });

  it('works with a browser that reports to be offline', async () => {
    onlineManager.setOnline(false);
    models = async () => ready;
    open();
    await within(1000, () => expect(reason()).toBe('Describe the picture.'));
    typeInto(prompt(), 'a red circle');
    await within(500, () => expect(works()).toBe(true));
  });

  it('keeps the disabled button focusable, with the reason', async () => {
    models = async () => ({ models: [], reason: '' });
    open();
    await within(1000, () => expect(reason()).toBe('No model that makes pictures is installed.'));
    expect(button()?.hasAttribute('disabled')).toBe(false);
    expect(button()?.getAttribute('aria-describedby')).toBe('why-not');
    expect(find('#why-not')?.getAttribute('role')).toBe('status');
  });

  it('fills the strip with all finished pictures, older ones included', async () => {
    models = async () => ready;
    const made = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({
        id: `job-${from - i}`, state: 'succeeded', result: pictures([`a${from - i}`], { prompt: 'a dot' }),
      }));
    jobs = (query) => {
      if (query.get('state') !== 'succeeded' || query.get('task') !== 'generate') return [];
      return query.get('before') === 'job-41' ? made(40, 3) : query.has('before') ? [] : made(100, 60);
    };
    open();
    await within(2000, () => expect(place.querySelectorAll('[aria-label="Made so far"] img')).toHaveLength(63));
  });

  it('keeps the form and its picture across a reload', async () => {
    models = async () => ready;
    storePictures({ source: { dataUrl: 'data:image/png;base64,AA', name: 'dot.png' }, mask: null });
    open();
    await within(1000, () => expect(find('[aria-label="Steps, exact value"]')).not.toBeNull());
    typeInto(prompt(), 'a red circle');
    typeInto(find('[aria-label="Steps, exact value"]'), '9');
    await within(500, () => expect(works()).toBe(true));
    root.unmount();
    root = createRoot(place);
    open();
    await within(1000, () => expect(works()).toBe(true));
    expect(prompt()?.value).toBe('a red circle');
    expect(find<HTMLInputElement>('[aria-label="Steps, exact value"]')?.value).toBe('9');
    expect(place.textContent).toContain('Starts from dot.png');
  });

  it('names the limits of the card beside a value out of range, and sends nothing', async () => {
    models = async () => ready;
    open();
    await within(1000, () => expect(find('[aria-label="Steps, exact value"]')).not.toBeNull());
    typeInto(prompt(), 'a red circle');
    const steps = find<HTMLInputElement>('[aria-label="Steps, exact value"]');
    typeInto(steps, '101');
    await within(500, () => expect(reason()).toBe('Steps: 101 is out of range. Choose 1 to 100.'));
    expect(works()).toBe(false);
    expect(steps?.getAttribute('aria-invalid')).toBe('true');
    const described = steps?.getAttribute('aria-describedby')?.split(' ').map((id) => document.getElementById(id)?.textContent);
    expect(described).toEqual(['1 to 100', 'Steps: 101 is out of range. Choose 1 to 100.']);
  });
});
