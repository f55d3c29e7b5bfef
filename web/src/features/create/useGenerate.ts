import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';

import { api } from '../../api/client';
import { watchJob } from '../../api/events';
import type { Job, NewJob } from '../../api/types';

export interface Generation {
  job: Job | null; // the newest one of this page, running or ended
  problem: string | null; // why it could not be asked for
  busy: boolean;
  start: (job: NewJob) => void;
  cancel: () => void;
}

// Asks for a picture and follows it to its end. A lost event stream falls back to asking once.
export function useGenerate(): Generation {
  const [job, setJob] = useState<Job | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const stop = useRef<(() => void) | null>(null);
  const queries = useQueryClient();

  useEffect(() => () => stop.current?.(), []);

  const follow = useCallback(
    (next: Job) => {
      setJob(next);
      if (next.state === 'queued' || next.state === 'running') return;
      void queries.invalidateQueries({ queryKey: ['jobs'] });
    },
    [queries],
  );

  const start = useCallback(
    (wish: NewJob) => {
      stop.current?.();
      setProblem(null);
      setAsking(true);
      api
        .submit(wish)
        .then((accepted) => {
          follow(accepted);
          stop.current = watchJob(accepted.id, follow, () => {
            api.job(accepted.id).then(follow, (error: Error) => setProblem(error.message));
          });
        })
        .catch((error: Error) => setProblem(error.message))
        .finally(() => setAsking(false));
    },
    [follow],
  );

  const cancel = useCallback(() => {
    if (job) api.cancel(job.id).then(follow, (error: Error) => setProblem(error.message));
  }, [job, follow]);

  const busy = asking || job?.state === 'queued' || job?.state === 'running';
  return { job, problem, busy, start, cancel };
}
