// Rules about the state of jobs, without React.
import type { Job } from '../../api/types';

export const isLive = ({ state }: Pick<Job, 'state'>): boolean => state === 'queued' || state === 'running';

// The job that a newly opened page shows, of a list with the newest first: the running one, or else the next in the
// queue.
export const firstToFollow = (listed: Job[]): Job | undefined =>
  listed.find(({ state }) => state === 'running') ?? listed.filter(isLive).at(-1);

// True for a reply that was sent before the job ended and arrived after it: an ended job never continues.
export const isOutdated = (next: Job, known: Job | null): boolean =>
  known?.id === next.id && !isLive(known) && isLive(next);
