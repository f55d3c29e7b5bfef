import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';

import { api } from '../../api/client';
import type { Job } from '../../api/types';
import { firstToFollow, isLive, liveJobs, madePictures, olderThan, type Made } from './jobs';
import type { Generation } from './useGenerate';

const pageLength = 60;

// What was made, newest first; older ones when they are asked for.
export function useMade(): { made: Made[]; loadOlder: (() => void) | undefined } {
  const { data, hasNextPage, isFetching, fetchNextPage } = useInfiniteQuery({
    queryKey: ['jobs', 'made'],
    queryFn: ({ pageParam }) => api.madeJobs(pageLength, pageParam),
    initialPageParam: '',
    getNextPageParam: (last, pages) => olderThan(last, pages, pageLength),
    refetchInterval: ({ state }) => (state.status === 'success' ? false : 2_000),
  });
  const loadOlder = hasNextPage && !isFetching ? () => void fetchNextPage() : undefined;
  return { made: madePictures(data?.pages ?? []), loadOlder };
}

// What waits or is drawn, whoever asked for it. A page that is opened meanwhile follows it.
export function useLive(generation: Generation): Job[] {
  const queries = useQueryClient();
  const { data } = useQuery({
    queryKey: ['jobs', 'live'],
    queryFn: async () => (await api.liveJobs()).filter(isLive),
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

  const looked = useRef(false);
  const { job, busy, follow } = generation;
  useEffect(() => {
    if (!data || looked.current) return;
    looked.current = true;
    const first = firstToFollow(data);
    if (first && !job && !busy) follow(first);
  }, [data, job, busy, follow]);

  return liveJobs(data ?? [], generation.job);
}
