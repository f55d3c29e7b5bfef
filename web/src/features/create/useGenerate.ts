import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';

import { api } from '../../api/client';
import { watchJob } from '../../api/events';
import type { Job, NewJob } from '../../api/types';
import { isLive, isOutdated } from './jobs';

export interface Generation {
  job: Job | null; // the one that is followed, running or ended
  problem: string | null; // why it could not be asked for
  busy: boolean;
  start: (job: NewJob) => void;
  follow: (job: Job) => void;
  cancel: (id: string) => void;
  dismiss: () => void; // what was said about a failure
}

// Asks for a picture and follows it to its end. A lost event stream falls back to asking once.
export function useGenerate(): Generation {
  const [job, setJob] = useState<Job | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const stop = useRef<(() => void) | null>(null);
  const turn = useRef(0); // the newest wish decides what is followed
  const latest = useRef<Job | null>(null);
  const queries = useQueryClient();

  useEffect(() => () => stop.current?.(), []);

  const fail = useCallback((error: Error) => setProblem(error.message), []);

  // The lists and the station's state are asked for again as soon as this job's state changes.
  const take = useCallback(
    (next: Job) => {
      const known = latest.current;
      if (isOutdated(next, known)) return;
      latest.current = next;
      setJob(next);
      if (known?.id === next.id && known.state === next.state) return;
      void queries.invalidateQueries({ queryKey: ['status'] });
      void queries.invalidateQueries({ queryKey: isLive(next) ? ['jobs', 'live'] : ['jobs'] });
    },
    [queries],
  );

  const follow = useCallback(
    (next: Job) => {
      turn.current += 1;
      stop.current?.();
      setProblem(null);
      take(next);
      stop.current = isLive(next) ? watchJob(next.id, take, () => void api.job(next.id).then(take, fail)) : null;
    },
    [take, fail],
  );

  const start = useCallback(
    (wish: NewJob) => {
      const mine = ++turn.current;
      setProblem(null);
      setAsking(true);
      api
        .submit(wish)
        .then((accepted) => {
          if (mine === turn.current) follow(accepted);
          else void queries.invalidateQueries({ queryKey: ['jobs', 'live'] });
        }, fail)
        .finally(() => setAsking(false));
    },
    [follow, fail, queries],
  );

  const cancel = useCallback(
    (id: string) => {
      api.cancel(id).then((ended) => {
        if (ended.id === job?.id) take(ended);
        else void queries.invalidateQueries({ queryKey: ['jobs', 'live'] });
      }, fail);
    },
    [job, take, fail, queries],
  );

  const dismiss = useCallback(() => {
    setProblem(null);
    setJob((before) => (before?.state === 'failed' ? null : before));
  }, []);

  return { job, problem, busy: asking || (job !== null && isLive(job)), start, follow, cancel, dismiss };
}
