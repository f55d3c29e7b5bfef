import { expect, test } from 'vitest';

import { jobWith } from '../../testing/values';
import { isOutdated } from './jobs';

test('a reply from before the end of a job does not continue it', () => {
  const job = (id: string, state: 'running' | 'cancelled') => jobWith({ id, state });
  expect(isOutdated(job('a', 'running'), job('a', 'cancelled'))).toBe(true);
  expect(isOutdated(job('a', 'cancelled'), job('a', 'running'))).toBe(false);
  expect(isOutdated(job('b', 'running'), job('a', 'cancelled'))).toBe(false);
  expect(isOutdated(job('a', 'running'), null)).toBe(false);
});
