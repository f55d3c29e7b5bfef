import { QueryClient } from '@tanstack/react-query';

// The station usually runs on this machine and answers also while the browser reports to be offline. Data older than
// `staleTime` is requested again when the page gets the focus.
export const makeQueries = () =>
  new QueryClient({
    defaultOptions: {
      queries: { networkMode: 'always', retry: 1, staleTime: 10_000, refetchOnWindowFocus: true },
      mutations: { networkMode: 'always' },
    },
  });
