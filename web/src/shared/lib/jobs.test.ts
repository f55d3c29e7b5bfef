import { expect, test } from 'vitest';

import type { JobState } from '../../api/types';
import { jobWith } from '../../testing/values';
import { firstToFollow, isOutdated } from './jobs';

test('a page that is opened follows the running job, or else the next one', () => {
  const job = (id: string, state: JobState) => jobWith({ id, state });
  expect(firstToFollow([job('c', 'queued'), job('b', 'running'), job('a', 'queued')])?.id).toBe('b');
  expect(firstToFollow([job('c', 'queued'), job('a', 'queued'), job('z', 'succeeded')])?.id).toBe('a');
  expect(firstToFollow([job('z', 'failed')])).toBeUndefined();
});

test('a reply from before the end of a job does not continue it', () => {
  const job = (id: string, state: 'running' | 'cancelled') => jobWith({ id, state });
  expect(isOutdated(job('a', 'running'), job('a', 'cancelled'))).toBe(true);
  expect(isOutdated(job('a', 'cancelled'), job('a', 'running'))).toBe(false);
  expect(isOutdated(job('b', 'running'), job('a', 'cancelled'))).toBe(false);
  expect(isOutdated(job('a', 'running'), null)).toBe(false);
});
