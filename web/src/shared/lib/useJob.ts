import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';

import { api } from '../../api/client';
import { watchJob } from '../../api/events';
import type { Job, NewJob } from '../../api/types';
import { firstToFollow, isLive, isOutdated } from './jobs';
import { useProblem } from './useProblem';

export interface FollowedJob {
  job: Job | null; // the job that is followed, running or ended
  problem: string | null; // why a request was refused
  busy: boolean;
  start: (job: NewJob) => void;
  retry: (id: string) => void; // an ended job, as a new one with the same input
  follow: (job: Job) => void;
  cancel: (id: string) => void;
  dismiss: () => void; // the message about a failure
}

// A page that is opened while jobs are queued or running follows one of them. Only the first list counts.
export function useFollowFirst(listed: Job[] | undefined, { job, busy, follow }: FollowedJob) {
  const looked = useRef(false);
  useEffect(() => {
    if (!listed || looked.current) return;
    looked.current = true;
    const first = firstToFollow(listed);
    if (first && !job && !busy) follow(first);
  }, [listed, job, busy, follow]);
}

// Submits a job and follows its events until it ends. When the event stream is lost, the job is requested once.
export function useJob(): FollowedJob {
  const [job, setJob] = useState<Job | null>(null);
  const { text: problem, fail, clear } = useProblem();
  const [submitting, setSubmitting] = useState(false);
  const stop = useRef<(() => void) | null>(null);
  const turn = useRef(0); // only the newest request decides which job is followed
  const latest = useRef<Job | null>(null);
  const queries = useQueryClient();

  useEffect(() => () => stop.current?.(), []);


  // The lists of jobs and the status are requested again as soon as the state of this job changes.
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
      clear();
      take(next);
      stop.current = isLive(next) ? watchJob(next.id, take, () => void api.job(next.id).then(take, fail)) : null;
    },
    [take, fail, clear],
  );

  const request = useCallback(
    (accepted: Promise<Job>) => {
      const mine = ++turn.current;
      clear();
      setSubmitting(true);
      accepted
        .then((next) => {
          if (mine === turn.current) follow(next);
          else void queries.invalidateQueries({ queryKey: ['jobs', 'live'] });
        }, fail)
        .finally(() => setSubmitting(false));
    },
    [follow, fail, clear, queries],
  );
  const start = useCallback((wanted: NewJob) => request(api.submit(wanted)), [request]);
  const retry = useCallback((id: string) => request(api.retry(id)), [request]);

  const cancel = useCallback(
    (id: string) => {
      api.cancel(id).then((ended) => {
        if (ended.id === latest.current?.id) take(ended);
        else void queries.invalidateQueries({ queryKey: ['jobs', 'live'] });
      }, fail);
    },
    [take, fail, queries],
  );

  const dismiss = useCallback(() => {
    clear();
    setJob((before) => (before?.state === 'failed' ? null : before));
  }, [clear]);

  return { job, problem, busy: submitting || (job !== null && isLive(job)), start, retry, follow, cancel, dismiss };
}
