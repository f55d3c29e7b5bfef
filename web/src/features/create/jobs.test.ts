import { describe, expect, it } from 'vitest';

import type { Job, JobState } from '../../api/types';
import { jobWith, pictures } from '../../testing/values';
import { liveJobs, madePictures, olderThan, seedOf } from './jobs';

const job = (id: string, state: JobState, artifacts: string[] = []) =>
  jobWith({ id, state, result: artifacts.length > 0 ? pictures(artifacts, { seed_text: '500' }) : null });
const ids = (jobs: Job[]) => jobs.map((each) => `${each.id} ${each.state}`);

describe('lists of jobs', () => {
  it('take the state of the followed job over that of the list', () => {
    const listed = [job('c', 'queued'), job('b', 'queued'), job('a', 'running')];
    expect(ids(liveJobs(listed, job('b', 'running')))).toEqual(['c queued', 'b running', 'a running']);
    expect(ids(liveJobs(listed, job('a', 'succeeded')))).toEqual(['c queued', 'b queued']);
    expect(ids(liveJobs(listed, job('d', 'queued')))[0]).toBe('d queued');
    expect(ids(liveJobs([job('x', 'cancelled')], null))).toEqual([]);
  });
  it('show every picture of a batch, each job once', () => {
    const pages = [[job('b', 'succeeded', ['p', 'q']), job('x', 'cancelled')], [job('b', 'succeeded', ['p', 'q'])]];
    expect(madePictures(pages).map(({ artifact, index }) => `${artifact}${index}`)).toEqual(['p0', 'q1']);
    expect(seedOf(job('b', 'succeeded', ['p', 'q']), 1)).toBe('501');
  });
  it('name the seed of each picture to the last digit', () => {
    const made = (seed_text: string) => jobWith({ result: pictures(['p'], { seed: Number(seed_text), seed_text }) });
    expect(seedOf(made('9007199254740993'), 1)).toBe('9007199254740994');
    expect(seedOf(made('18446744073709551615'), 0)).toBe('18446744073709551615');
    expect(seedOf(made('18446744073709551615'), 1)).toBe('0'); // seed + i wraps
  });
  it('end where a page is short or has no new job', () => {
    const first = [job('d', 'succeeded'), job('c', 'succeeded')];
    const second = [job('b', 'succeeded'), job('a', 'succeeded')];
    expect(olderThan(first, [first], 2)).toBe('c');
    expect(olderThan(second, [first, second], 2)).toBe('a');
    expect(olderThan(first, [first, first], 2)).toBeUndefined();
    expect(olderThan(first, [first], 3)).toBeUndefined();
  });
});
