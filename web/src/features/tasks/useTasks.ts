import { useQuery } from '@tanstack/react-query';

import { api } from '../../api/client';
import type { Job, Task } from '../../api/types';
import { isLive } from '../../shared/lib/jobs';

const waitingMs = 2_000; // the station does not answer
const knownMs = 60_000; // a station that was updated may have new tasks

// The tasks of the station, without those that have a page of their own.
export function useTasks(elsewhere: ReadonlySet<string>): Task[] {
  const { data } = useQuery({
    queryKey: ['tasks'],
    queryFn: api.tasks,
    retry: false,
    refetchInterval: ({ state }) => (state.status === 'success' ? knownMs : waitingMs),
  });
  return (data ?? []).filter(({ id }) => !elsewhere.has(id));
}

const recentMax = 20;

// Jobs of one task, of every client and in every state, the newest first.
export function useRecent(task: string): Job[] {
  const { data } = useQuery({
    queryKey: ['jobs', 'recent', task],
    queryFn: async () => {
      const listed = await api.jobs({ task, states: '', limit: recentMax, before: '' });
      return listed.filter((job) => job.task === task);
    },
    retry: false,
    refetchInterval: ({ state }) => (state.data?.some(isLive) ? 1_000 : 5_000),
  });
  return data ?? [];
}
