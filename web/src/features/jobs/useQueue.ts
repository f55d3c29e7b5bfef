import { useQuery, useQueryClient } from '@tanstack/react-query';

import { api } from '../../api/client';
import type { Job, Queue } from '../../api/types';
import { useProblem } from '../../shared/lib/useProblem';
import { inOrder, type Waiting } from './queue';

const shownMax = 100;
const refetchInterval = 2_000;

export interface QueueState {
  queue: Queue | undefined; // undefined until it is known
  running: Job[];
  waiting: Waiting[]; // at the head of the queue
  failed: Job[]; // that were not run again yet, the newest first
  problem: string | null; // why a request was refused
  act: (request: Promise<unknown>) => void; // shows its failure, and then the new state
}

export function useQueue(): QueueState {
  const queries = useQueryClient();
  const { text: problem, fail, clear } = useProblem();
  const { data: queue } = useQuery({ queryKey: ['queue'], queryFn: api.queue, refetchInterval });
  const { data: live } = useQuery({
    queryKey: ['jobs', 'live', 'all'],
    queryFn: async () => {
      const [queued, listed] = await Promise.all([
        api.queuedJobs(shownMax),
        api.jobs({ task: '', states: 'queued,running', limit: shownMax, before: '' }),
      ]);
      return { running: listed.filter(({ state }) => state === 'running'), waiting: inOrder(queued, listed) };
    },
    refetchInterval,
  });
  const { data: failed = [] } = useQuery({
    queryKey: ['jobs', 'failed'],
    queryFn: () => api.jobs({ task: '', states: 'failed', limit: shownMax, before: '', notRepeated: true }),
    refetchInterval,
  });
  const act = (request: Promise<unknown>) => {
    clear();
    request.then(undefined, fail).finally(() => {
      for (const key of ['queue', 'jobs', 'status']) void queries.invalidateQueries({ queryKey: [key] });
    });
  };
  return { queue, running: live?.running ?? [], waiting: live?.waiting ?? [], failed, problem, act };
}
