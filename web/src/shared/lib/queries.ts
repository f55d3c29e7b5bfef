import { QueryClient } from '@tanstack/react-query';

// The station is most often on this machine: it answers while the browser believes to be offline. A page that
// comes back to the front asks again for what is old.
export const makeQueries = () =>
  new QueryClient({
    defaultOptions: {
      queries: { networkMode: 'always', retry: 1, staleTime: 10_000, refetchOnWindowFocus: true },
      mutations: { networkMode: 'always' },
    },
  });
