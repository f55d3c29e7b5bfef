import { expect, test } from 'vitest';

import { jobWith } from '../../testing/values';
import { inOrder, priorityTitle, titleOf } from './queue';

test('a job is named by its prompt, or else by its task', () => {
  expect(titleOf(jobWith({ input: { prompt: 'a red circle' } }))).toBe('a red circle');
  expect(titleOf(jobWith({ task: 'remove_background', input: { prompt: ' ' } }))).toBe('Remove background');
  expect(titleOf(jobWith({ task: 'upscale' }))).toBe('Upscale');
});

test('priorities have names', () => {
  expect([3, 2, 1, 0, 9].map(priorityTitle)).toEqual(['Immediate', 'Interactive', 'Preload', 'Background', '9']);
});

test('waiting jobs keep the order of the queue, also those that the list of jobs does not have', () => {
  const queued = (id: string, position: number) => ({
    position, id, task: 'generate', client: 'c', model: '', priority: 2, created_ms: 0,
  });
  const waiting = inOrder([queued('b', 1), queued('a', 2), queued('z', 3)], [
    jobWith({ id: 'a', input: { prompt: 'first' } }), jobWith({ id: 'b', input: { prompt: 'second' } }),
  ]);
  expect(waiting.map(({ position, job }) => [position, titleOf(job)])).toEqual([
    [1, 'second'], [2, 'first'], [3, 'Generate'],
  ]);
});
