// The jobs page with a station that has a queue.
import { QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { App } from '../../app/App';
import { makeQueries } from '../../shared/lib/queries';
import { jobWith } from '../../testing/values';

const queued = (id: string, position: number, priority = 2) => ({
  position, id, task: 'generate', client: '127.0.0.1 studio', model: '', priority, created_ms: 0,
});
const failure = { code: 'internal', sentence: 'the device failed', field: '' };

vi.setConfig({ testTimeout: 30_000 }); // the first render of a test program is slow on a busy machine

let priorities: { priority: number; queued: number; queued_max: number; paused: boolean }[];
let waiting: ReturnType<typeof queued>[];
let live: object[];
let failed: object[];
let refusal: string; // of every change; '' is none
let sent: { path: string; body: unknown }[];

const replyTo = (path: string): object => {
  if (path === '/api/v1/tasks') return { tasks: [] };
  if (path === '/api/v1/status') return { workers: [], notices: [], running: 0, queued: 0, memory_total_mb: 0 };
  if (path === '/api/v1/queue') return { priorities, running: 1 };
  if (path.startsWith('/api/v1/queue/jobs')) return { jobs: waiting, next: '' };
  if (path.includes('state=failed') && path.includes('repeated=false')) return { jobs: failed, next: '' };
  return { jobs: live, next: '' };
};

beforeEach(() => {
  priorities = [3, 2, 1, 0].map((priority) => ({ priority, queued: priority === 2 ? 2 : 0, queued_max: 64, paused: priority === 0 }));
  waiting = [queued('b', 1), queued('a', 2)];
  live = [
    jobWith({ id: 'b', state: 'queued', input: { prompt: 'a cat' } }), jobWith({ id: 'a', state: 'queued', input: { prompt: 'a dog' } }),
    jobWith({ id: 'r', state: 'running', input: { prompt: 'a house' }, progress: { ...jobWith().progress, fraction: 0.25 } }),
  ];
  failed = [jobWith({ id: 'f', state: 'failed', input: { prompt: 'a tree' }, failure })];
  refusal = '';
  sent = [];
  window.location.hash = '#jobs';
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
    const headers = { 'Content-Type': 'application/json' };
    if (init?.method !== 'POST') return Promise.resolve(new Response(JSON.stringify(replyTo(path)), { headers }));
    sent.push({ path, body: typeof init.body === 'string' ? JSON.parse(init.body) : null });
    const body = refusal ? { detail: refusal } : path.includes('/jobs/') ? jobWith() : { priorities, running: 1, jobs: [], refused: [] };
    return Promise.resolve(new Response(JSON.stringify(body), { headers, status: refusal ? 429 : 200 }));
  });
});

afterEach(() => {
  cleanup();
  window.location.hash = '';
  vi.unstubAllGlobals();
});

const open = async () => {
  render(
    <QueryClientProvider client={makeQueries()}>
      <App />
    </QueryClientProvider>,
  );
  await screen.findByRole('list', { name: 'Waiting' });
};
const press = (name: string) => fireEvent.click(screen.getByRole('button', { name }));
const rows = (name: string) => within(screen.getByRole('list', { name })).getAllByRole('listitem').map((each) => each.textContent);

it('shows what runs, what waits in which order, and what failed and why', async () => {
  await open();
  expect(screen.getByRole('link', { name: 'Jobs' }).getAttribute('aria-current')).toBe('page');
  expect(rows('Waiting')[0]).toContain('1. a cat');
  expect(rows('Waiting')[1]).toContain('2. a dog');
  expect(rows('Waiting')[0]).toContain('Interactive · generate · 127.0.0.1 studio');
  expect(rows('Running')[0]).toContain('a house');
  expect(rows('Running')[0]).toContain('25 %');
  await screen.findByText('The device failed.');
  expect(rows('Failed')[0]).toContain('a tree');
  expect(screen.queryByRole('button', { name: 'Retry all failed' })).toBeNull(); // there is one
});

it('pauses and resumes a priority, reorders, cancels and retries', async () => {
  failed.push(jobWith({ id: 'g', state: 'failed', failure }));
  await open();
  press('Pause: Interactive');
  press('Resume: Background');
  press('Move to front: a dog');
  press('Cancel: a house');
  press('Cancel all waiting');
  fireEvent.click(await screen.findByRole('button', { name: 'Retry: a tree' }));
  press('Retry all failed');
  await waitFor(() => expect(sent).toHaveLength(7));
  expect(sent).toEqual([
    { path: '/api/v1/queue/pause', body: { priority: 2 } },
    { path: '/api/v1/queue/resume', body: { priority: 0 } },
    { path: '/api/v1/jobs/a/front', body: null },
    { path: '/api/v1/jobs/r/cancel', body: null },
    { path: '/api/v1/queue/cancel', body: {} },
    { path: '/api/v1/jobs/f/retry', body: null },
    { path: '/api/v1/queue/retry', body: { state: 'failed' } },
  ]);
});

it('shows why a change was refused, and the state after a change', async () => {
  await open();
  refusal = 'Queue is full: try again later.';
  failed = [];
  fireEvent.click(await screen.findByRole('button', { name: 'Retry: a tree' }));
  await screen.findByText('Queue is full: try again later.');
  await screen.findByText('No job has failed.');
});
