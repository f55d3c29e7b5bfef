import { afterEach, expect, test, vi } from 'vitest';

import { api } from './client';

afterEach(() => {
  vi.unstubAllGlobals();
});

test.each([
  ['/input/image: this is SVG.', 'Image: this is SVG.'],
  ['/input/negative_prompt: it is too long.', 'Negative prompt: it is too long.'],
  ['/priority: choose 0 to 3.', 'Priority: choose 0 to 3.'],
  ['Queue is full: try again later.', 'Queue is full: try again later.'],
])('a refusal starts with the title of its field: %s', async (detail, shown) => {
  vi.stubGlobal('fetch', vi.fn(() => Promise.resolve(new Response(JSON.stringify({ detail }), { status: 422 }))));
  await expect(api.job('a')).rejects.toThrow(shown);
});

test('a list in several replies is joined', async () => {
  const answers = [
    { jobs: [{ id: 'd', result: null }, { id: 'c', result: null }], next: 'c' },
    { jobs: [{ id: 'b', result: null }], next: '' },
  ];
  const requests = vi.fn((path: string) => {
    void path;
    return Promise.resolve(new Response(JSON.stringify(answers.shift())));
  });
  vi.stubGlobal('fetch', requests);
  const listed = await api.jobs({ task: 'generate', states: 'succeeded', limit: 5, before: 'e' });
  expect(listed.map(({ id }) => id)).toEqual(['d', 'c', 'b']);
  expect(requests.mock.calls.map(([path]) => path)).toEqual([
    '/api/v1/jobs?task=generate&limit=5&state=succeeded&before=e',
    '/api/v1/jobs?task=generate&limit=3&state=succeeded&before=c',
  ]);
});
