import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';

import { api } from '../../api/client';
import type { Job } from '../../api/types';
import { isLive } from '../../shared/lib/jobs';
import { useFollowFirst, type FollowedJob } from '../../shared/lib/useJob';
import { generateTask } from './generation';
import { liveJobs, madePictures, olderThan, type Made } from './jobs';

const pageLength = 60;
const liveMax = 100;

// Finished pictures, the newest first; older ones on request.
export function useMade(): { made: Made[]; loadOlder: (() => void) | undefined } {
  const { data, hasNextPage, isFetching, fetchNextPage } = useInfiniteQuery({
    queryKey: ['jobs', 'made', generateTask],
    queryFn: ({ pageParam }) =>
      api.jobs({ task: generateTask, states: 'succeeded', limit: pageLength, before: pageParam }),
    initialPageParam: '',
    getNextPageParam: (last, pages) => olderThan(last, pages, pageLength),
    refetchInterval: ({ state }) => (state.status === 'success' ? false : 2_000),
  });
  const loadOlder = hasNextPage && !isFetching ? () => void fetchNextPage() : undefined;
  return { made: madePictures(data?.pages ?? []), loadOlder };
}

// A page that is opened while nothing is under way shows why the newest job failed, where it did.
function useFollowFailed(live: Job[] | undefined, { job, busy, follow }: FollowedJob) {
  const looked = useRef(false);
  const { data } = useQuery({
    queryKey: ['jobs', 'newest', generateTask],
    queryFn: () => api.jobs({ task: generateTask, states: '', limit: 1, before: '' }),
    retry: false,
    staleTime: Infinity,
  });
  useEffect(() => {
    if (!live || !data || looked.current) return;
    looked.current = true;
    const newest = data[0];
    if (newest?.state === 'failed' && live.length === 0 && !job && !busy) follow(newest);
  }, [live, data, job, busy, follow]);
}

// Queued and running jobs of every client. A page that is opened meanwhile follows one of them.
export function useLive(followed: FollowedJob): Job[] {
  const queries = useQueryClient();
  const { data } = useQuery({
    queryKey: ['jobs', 'live', generateTask],
    queryFn: async () => {
      const listed = await api.jobs({ task: generateTask, states: 'queued,running', limit: liveMax, before: '' });
      return listed.filter(isLive);
    },
    retry: false,
    refetchInterval: ({ state }) => (state.data?.length ? 1_000 : 5_000),
  });

  const known = useRef<string | null>(null);
  const ids = data?.map((job) => job.id).join();
  useEffect(() => {
    if (ids === undefined) return;
    if (known.current !== null && known.current !== ids) {
      void queries.invalidateQueries({ queryKey: ['jobs', 'made'] });
      void queries.invalidateQueries({ queryKey: ['status'] });
    }
    known.current = ids;
  }, [ids, queries]);

  useFollowFirst(data, followed);
  useFollowFailed(data, followed);
  return liveJobs(data ?? [], followed.job);
}
