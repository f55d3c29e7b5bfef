// The tasks page with a station that lists tasks: their forms, requests and results.
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { QueryClientProvider } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { App } from '../../app/App';
import { makeQueries } from '../../shared/lib/queries';
import { cardWith, jobWith, modelOf, pictures, row } from '../../testing/values';

const common = { available: true, previews: false, streams_text: false, default_model: '' };
const tasks = [
  { ...common, id: 'generate', title: 'Create', summary: '', parameters: [], attachments: [], outputs: ['picture'] },
  {
    ...common, id: 'classify', title: 'Classify', summary: 'Rates a picture.', outputs: ['labels'],
    parameters: [
      row('top', 'integer', '3', { minimum: 1, maximum: 5, help: 'How many labels' }),
      row('inside', 'boolean', 'false', { needs: 'mask' }),
    ],
    attachments: [
      { role: 'image', media: 'picture', title: 'Picture', required: true },
      { role: 'mask', media: 'picture', title: 'Mask', required: false },
    ],
  },
  {
    ...common, streams_text: true, id: 'write', title: 'Write', summary: 'Writes a text.', parameters: [row('question', 'text')], attachments: [],
    outputs: ['text'],
  },
];

let listed: typeof tasks;
let models: object[];
let ended: object | null; // the job that the station sends as its last event; null: it has not ended
let recent: object[]; // the jobs that the station lists
let reachable: boolean; // the station answers
let sent: { path: string; body: unknown }[];

class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static last: FakeEventSource;
  readyState = 1;
  onerror = null;
  constructor() {
    super();
    FakeEventSource.last = this;
    setTimeout(() => ended && this.send('end', { job: ended }));
  }
  send(type: string, data: object) {
    act(() => void this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) })));
  }
  close() {
    this.readyState = FakeEventSource.CLOSED;
  }
}

class LoadedImage {
  onload: (() => void) | null = null;
  set src(_: string) {
    setTimeout(() => this.onload?.());
  }
}

const replyTo = (path: string, method: string): object => {
  if (path === '/api/v1/artifacts/a1') return {};
  if (path === '/api/v1/tasks') return { tasks: listed };
  if (path === '/api/v1/models') return { models, reason: '' };
  if (path === '/api/v1/status') return { workers: [], notices: [], running: 0, queued: 0, memory_total_mb: 0 };
  if (method === 'POST') return jobWith({ task: 'classify', state: 'queued' });
  return { jobs: recent, next: '' };
};

beforeEach(() => {
  listed = tasks;
  models = [];
  recent = [];
  reachable = true;
  sent = [];
  sessionStorage.clear();
  window.location.hash = '#tasks/';
  vi.stubGlobal('EventSource', FakeEventSource);
  vi.stubGlobal('Image', LoadedImage);
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
    if (!reachable) return Promise.reject(new TypeError('Failed to fetch'));
    const body = typeof init?.body === 'string' ? (JSON.parse(init.body) as unknown) : undefined;
    if (init?.method === 'POST') sent.push({ path, body });
    const headers = { 'Content-Type': path.includes('/artifacts/') ? 'image/png' : 'application/json' };
    return Promise.resolve(new Response(JSON.stringify(replyTo(path, init?.method ?? 'GET')), { headers }));
  });
});

afterEach(() => {
  cleanup();
  window.location.hash = '';
  vi.unstubAllGlobals();
});

const open = async () => {
  const queries = makeQueries();
  render(
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>,
  );
  await screen.findByRole('link', { name: 'Tasks' });
  return queries;
};
const submit = (name: string) => screen.getByRole('button', { name });
const choose = async (label: string) => {
  fireEvent.change(screen.getByLabelText(label), { target: { files: [new File(['x'], 'cat.png', { type: 'image/png' })] } });
  await screen.findByText(`${label}: cat.png`);
};
const labels = [{ label: 'plain', score: 0.25 }, { label: 'marked', score: 0.75 }];
const resultOf = (kind: string, value: unknown) => ({
  used: {}, outputs: [{ kind, artifact: '', media_type: '', value }],
});

it('draws the form of a task from its description, and shows what it lacks', async () => {
  await open();
  expect(screen.getByRole('link', { name: 'Classify' }).getAttribute('aria-current')).toBe('page');
  expect(screen.queryByRole('link', { name: 'Create', current: 'page' })).toBeNull();
  expect(screen.getByText('Rates a picture.')).toBeTruthy();
  expect(submit('Classify').getAttribute('aria-disabled')).toBe('true');
  expect(screen.getByText('Picture: choose a picture.')).toBeTruthy();
  await choose('Picture');
  expect(submit('Classify').getAttribute('aria-disabled')).toBe('false');
  fireEvent.change(screen.getByLabelText('Top, exact value'), { target: { value: '6' } });
  expect(screen.getAllByText('Top: 6 is out of range. Choose 1 to 5.')).toHaveLength(2); // at the field and at the button
  expect(screen.queryByLabelText('Inside')).toBeNull();
  await choose('Mask');
  expect(screen.getByLabelText('Inside')).toBeTruthy();
});

it('submits parameters and attachments, and shows labels with their scores', async () => {
  ended = jobWith({ task: 'classify', result: resultOf('labels', labels) });
  await open();
  await choose('Picture');
  fireEvent.change(screen.getByLabelText('Top, exact value'), { target: { value: '2' } });
  fireEvent.click(submit('Classify'));
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]?.path).toBe('/api/v1/jobs');
  expect(JSON.stringify(sent[0]?.body)).toMatch(/"classify".*"top":2.*"image":"data:image\/png;base64,eA=="/);
  const shown = await screen.findByRole('list', { name: 'Labels' });
  expect([...shown.children].map((each) => each.textContent)).toEqual(['marked75 %', 'plain25 %']);
});

it('shows a text that can be copied', async () => {
  const writeText = vi.fn(() => Promise.resolve());
  vi.stubGlobal('navigator', Object.assign(Object.create(navigator) as Navigator, { clipboard: { writeText } }));
  ended = jobWith({ task: 'write', result: resultOf('text', 'A cat.\nIt sleeps.') });
  window.location.hash = '#tasks/write';
  await open();
  fireEvent.click(submit('Write'));
  fireEvent.click(await screen.findByRole('button', { name: 'Copy' }));
  await screen.findByText('Copied');
  expect(writeText).toHaveBeenCalledWith('A cat.\nIt sleeps.');
});

it('shows the text of a running job as it grows', async () => {
  ended = null;
  window.location.hash = '#tasks/write';
  await open();
  fireEvent.click(submit('Write'));
  const log = await screen.findByRole('log', { name: 'Text so far' });
  expect(log.getAttribute('aria-live')).toBe('polite');
  const source = FakeEventSource.last;
  source.send('progress', { job: jobWith({ task: 'write', state: 'running' }) });
  source.send('text', { job: 'j', offset: 0, text: 'A cät' });
  source.send('text', { job: 'j', offset: 6, text: 's ear.\nIt' });
  expect(log.textContent).toBe('A cäts ear.\nIt');
  source.send('text', { job: 'j', offset: 0, text: 'Once' });
  expect(log.textContent).toBe('Once');
  source.send('end', { job: jobWith({ task: 'write', result: resultOf('text', 'Once more.') }) });
  await screen.findByText('Once more.');
  expect(screen.queryByRole('log')).toBeNull();
});

it('starts a failed job again', async () => {
  ended = jobWith({ task: 'write', state: 'failed', failure: { code: 'internal', sentence: 'the device failed', field: '' } });
  window.location.hash = '#tasks/write';
  await open();
  fireEvent.click(submit('Write'));
  await screen.findByText('The device failed.');
  ended = jobWith({ task: 'write', result: resultOf('text', 'done') });
  fireEvent.click(screen.getByRole('button', { name: 'Retry' }));
  await screen.findByText('done');
  expect(sent.map(({ path }) => path)).toEqual(['/api/v1/jobs', '/api/v1/jobs/j/retry']);
});

it('shows a running job to a page that is opened meanwhile, with what is done now', async () => {
  const progress = { ...jobWith().progress, stage: 'frame', step: 0, total: 2, fraction: 0.05 };
  ended = jobWith({ task: 'classify', state: 'running', progress });
  recent = [ended];
  await open();
  await screen.findByText(/^Frame 1 of 2/);
  expect(screen.queryByText('The result appears here.')).toBeNull();
});

it('says what was made, without the seed, and what was left out', async () => {
  const enlarged = { width: 800, height: 600, scale: 2, warnings: ["the file of 'image' is animated"] };
  const finished = [
    jobWith({ id: 'a', task: 'write', result: pictures(['p1'], enlarged) }),
    jobWith({ id: 'b', task: 'write', result: { ...resultOf('labels', []), used: { frame: 7, frames: 16, frames_total: 100 } } }),
  ];
  recent = finished.map((each) => ({ ...each, input: { seed: 5, question: 'why' } }));
  listed = tasks.map((task) => ({ ...task, parameters: [...task.parameters, row('seed', 'integer')] }));
  window.location.hash = '#tasks/write';
  await open();
  const buttons = await screen.findAllByRole('button', { name: /Finished/ });
  expect(buttons[1]?.textContent).toBe('16 of 100 frames, the scores are those of frame 7 · Question whyFinished');
  fireEvent.click(screen.getAllByRole('button', { name: /Finished/ })[0] as HTMLElement);
  await screen.findByText('Finished · 800 × 600 · 2 times as large · Question why');
  screen.getByText("The file of 'image' is animated.");
});

it('drops the message about a station that did not answer once it answers again', async () => {
  window.location.hash = '#tasks/write';
  const queries = await open();
  reachable = false;
  fireEvent.click(submit('Write'));
  const message = await screen.findByText(/^The station does not answer\./);
  expect(message).toBeTruthy();
  reachable = true;
  await new Promise((resolve) => setTimeout(resolve, 5)); // the clock moves on
  await act(() => queries.invalidateQueries({ queryKey: ['status'] }));
  await waitFor(() => expect(screen.queryByText(/^The station does not answer\./)).toBeNull());
});

it('shows no other page before the tasks are known', async () => {
  render(
    <QueryClientProvider client={makeQueries()}>
      <App />
    </QueryClientProvider>,
  );
  expect(screen.queryByLabelText('Prompt')).toBeNull();
  await screen.findByText('Rates a picture.');
});

it('takes a finished picture of the create page, once', async () => {
  window.location.hash = '#tasks/classify/a1';
  await open();
  await screen.findByText('Picture: a picture made here');
  expect(window.location.hash).toBe('#tasks/classify');
  expect(submit('Classify').getAttribute('aria-disabled')).toBe('false');
});

it('keeps the values of a task across a reload', async () => {
  await open();
  fireEvent.change(screen.getByLabelText('Top, exact value'), { target: { value: '5' } });
  cleanup();
  await open();
  expect((screen.getByLabelText('Top, exact value') as HTMLInputElement).value).toBe('5');
});

it('offers the models of the task, and takes the limits of the selected one', async () => {
  const model = (id: string, maximum: number) =>
    modelOf({ ...cardWith([row('model', 'model'), row('top', 'integer', '3', { minimum: 1, maximum })]), id, title: id }, 'classify');
  models = [model('large', 9), model('small', 4)];
  await open();
  await choose('Picture');
  fireEvent.change(await screen.findByLabelText('Model'), { target: { value: 'small' } });
  fireEvent.change(screen.getByLabelText('Top, exact value'), { target: { value: '5' } });
  expect(screen.getAllByText('Top: 5 is out of range. Choose 1 to 4.')).toHaveLength(2);
  fireEvent.change(screen.getByLabelText('Model'), { target: { value: 'large' } });
  expect(submit('Classify').getAttribute('aria-disabled')).toBe('false');
});

it('gives the reason why a task cannot run', async () => {
  listed = tasks.map((task) => ({ ...task, available: false }));
  await open();
  screen.getByText(/^Classify cannot run now: no installed model serves it/);
  expect(submit('Classify').getAttribute('aria-disabled')).toBe('true');
});

it('is absent where the station has no other task', async () => {
  listed = tasks.slice(0, 1);
  render(
    <QueryClientProvider client={makeQueries()}>
      <App />
    </QueryClientProvider>,
  );
  await screen.findByText('No model that makes pictures is installed.');
  expect(screen.queryByRole('link', { name: 'Tasks' })).toBeNull();
  expect(screen.getByLabelText('Prompt')).toBeTruthy();
});
