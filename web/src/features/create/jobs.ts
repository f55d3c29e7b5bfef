// Rules about lists of jobs, without React: which go on, and the pictures of those that have ended.
import type { Job } from '../../api/types';

export const isLive = (job: Job): boolean => job.state === 'queued' || job.state === 'running';

// An answer that was under way when the job ended: an ended job never goes on.
export const isOutdated = (next: Job, known: Job | null): boolean =>
  known?.id === next.id && !isLive(known) && isLive(next);

// The list is asked for now and then, the followed job is told of at once: it knows better.
export function liveJobs(listed: Job[], followed: Job | null): Job[] {
  const live = listed.filter((job) => isLive(job) && job.id !== followed?.id);
  if (!followed || !isLive(followed)) return live;
  const at = listed.findIndex((job) => job.id === followed.id);
  live.splice(at < 0 ? 0 : at, 0, followed);
  return live;
}

// Which one a page that was just opened shows: what is drawn now, or else what comes next.
export const firstToFollow = (live: Job[]): Job | undefined =>
  live.find((job) => job.state === 'running') ?? live.at(-1);

export interface Made {
  job: Job;
  index: number; // in its batch
  artifact: string;
}

// Every picture of every job, each job once however often it was listed.
export function madePictures(pages: Job[][]): Made[] {
  const jobs = new Map(pages.flat().map((job) => [job.id, job]));
  return [...jobs.values()].flatMap((job) =>
    (job.result?.artifacts ?? []).map((artifact, index) => ({ job, index, artifact })));
}

// The id to go on from; undefined at the end, which is also where a page brings nothing new.
export function olderThan(last: Job[], pages: Job[][], pageLength: number): string | undefined {
  const earlier = new Set(pages.slice(0, -1).flat().map((job) => job.id));
  const fresh = last.some((job) => !earlier.has(job.id));
  return last.length >= pageLength && fresh ? last.at(-1)?.id : undefined;
}

// Picture i of a batch was made with seed + i, and 0 follows the largest. Seeds are texts here: they have 64 bits,
// which a number of JavaScript does not hold.
export const seedOf = (job: Job, index: number): string =>
  String(BigInt.asUintN(64, BigInt(job.result?.used.seed_text ?? 0) + BigInt(index)));
