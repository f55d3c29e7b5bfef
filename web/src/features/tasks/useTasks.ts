import { queryOptions, useQuery } from '@tanstack/react-query';

import { api } from '../../api/client';
import type { Job, Task } from '../../api/types';
import { isLive } from '../../shared/lib/jobs';
import { rowsFor } from '../../shared/lib/models';
import type { Values } from '../../shared/lib/parameters';

const waitingMs = 2_000; // the station does not answer, or a task has no worker or model yet
const knownMs = 15_000; // a model may be installed at any time

const tasksQuery = queryOptions({ queryKey: ['tasks'], queryFn: api.tasks, retry: false });

// The tasks of the station, without those that have a page of their own; undefined until they are known.
export function useTasks(elsewhere: ReadonlySet<string>): Task[] | undefined {
  const { data, isPending } = useQuery({
    ...tasksQuery,
    refetchInterval: ({ state }) => (state.data?.every(({ available }) => available) ? knownMs : waitingMs),
  });
  return isPending ? undefined : (data ?? []).filter(({ id }) => !elsewhere.has(id));
}

const recentMax = 20;

// Jobs of one task, of every client and in every state, the newest first; undefined until they are known.
export function useRecent(task: string): Job[] | undefined {
  const { data } = useQuery({
    queryKey: ['jobs', 'recent', task],
    queryFn: async () => {
      const listed = await api.jobs({ task, states: '', limit: recentMax, before: '' });
      return listed.filter((job) => job.task === task);
    },
    retry: false,
    refetchInterval: ({ state }) => (state.data?.some(isLive) ? 1_000 : 5_000),
  });
  return data;
}

// The task with the rows of the selected models.
export function useTaskOf(task: Task, values: Values): Task {
  const { data } = useQuery({ queryKey: ['models'], queryFn: api.models });
  const { data: tasks = [] } = useQuery(tasksQuery);
  const defaults = Object.fromEntries(tasks.map(({ id, default_model }) => [id, default_model]));
  return { ...task, parameters: rowsFor(task.parameters, task.id, data?.models ?? [], values, defaults) };
}
