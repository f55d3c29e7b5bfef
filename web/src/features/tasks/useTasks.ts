import { useQuery } from '@tanstack/react-query';

import { api } from '../../api/client';
import type { Job, Task } from '../../api/types';
import { isLive } from '../../shared/lib/jobs';
import { rowsFor } from '../../shared/lib/models';

const waitingMs = 2_000; // the station does not answer, or a task has no worker or model yet
const knownMs = 15_000; // a model may be installed at any time

// The tasks of the station, without those that have a page of their own.
export function useTasks(elsewhere: ReadonlySet<string>): Task[] {
  const { data } = useQuery({
    queryKey: ['tasks'],
    queryFn: api.tasks,
    retry: false,
    refetchInterval: ({ state }) => (state.data?.every(({ available }) => available) ? knownMs : waitingMs),
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

// The task with the rows of the selected model.
export function useTaskOf(task: Task, model: string): Task {
  const { data } = useQuery({ queryKey: ['models'], queryFn: api.models });
  return { ...task, parameters: rowsFor(task.parameters, task.id, data?.models ?? [], model) };
}
