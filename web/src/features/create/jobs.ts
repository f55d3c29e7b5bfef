// Rules about the lists of jobs of the create page, without React.
import type { Job } from '../../api/types';
import { isLive } from '../../shared/lib/jobs';
import { picturesOf, usedOf } from './generation';

// The list is requested at intervals and the followed job is reported at once: the followed job is the newer state.
export function liveJobs(listed: Job[], followed: Job | null): Job[] {
  const live = listed.filter((job) => isLive(job) && job.id !== followed?.id);
  if (!followed || !isLive(followed)) return live;
  const at = listed.findIndex((job) => job.id === followed.id);
  live.splice(at < 0 ? 0 : at, 0, followed);
  return live;
}

export interface Made {
  job: Job;
  index: number; // in its batch
  artifact: string;
}

// Every picture of every job, each job once however often it is listed.
export function madePictures(pages: Job[][]): Made[] {
  const jobs = new Map(pages.flat().map((job) => [job.id, job]));
  return [...jobs.values()].flatMap((job) => picturesOf(job).map((artifact, index) => ({ job, index, artifact })));
}

// The id from which the list continues; undefined at the end, and where a page has only jobs that are known already.
export function olderThan(last: Job[], pages: Job[][], pageLength: number): string | undefined {
  const earlier = new Set(pages.slice(0, -1).flat().map((job) => job.id));
  const fresh = last.some((job) => !earlier.has(job.id));
  return last.length >= pageLength && fresh ? last.at(-1)?.id : undefined;
}

// Picture i of a batch was made with seed + i, and 0 follows the largest seed. Seeds are texts here: they have 64 bits,
// more than a number of JavaScript holds.
export const seedOf = (job: Job, index: number): string =>
  String(BigInt.asUintN(64, BigInt(usedOf(job)?.seed_text ?? 0) + BigInt(index)));
