import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { api } from '../../api/client';
import type { ModelCard } from '../../api/types';
import { sentence } from '../../shared/lib/format';
import { servedBy } from '../../shared/lib/models';
import { generateTask } from './generation';

export interface Models {
  cards: ModelCard[]; // of the models that make pictures
  noModel: string; // why there is none, in a sentence
  problem: string | null; // the station does not answer
  refresh: ModelRefresh;
}

export interface ModelRefresh {
  start: () => void;
  busy: boolean;
  found: string; // the outcome, in a sentence
}

const waitingMs = 1_000; // the station has just been started, or does not answer
const knownMs = 15_000; // a model may be installed at any time

// A station that starts lists no models yet and gives the `reason`. The request is repeated until it lists them, also
// while the page is in the background. There are no other retries: the next request is the retry.
export function useModels(): Models {
  const queries = useQueryClient();
  const { data, error } = useQuery({
    queryKey: ['models'],
    queryFn: api.models,
    retry: false,
    refetchIntervalInBackground: true,
    refetchInterval: ({ state }) => (state.status === 'success' && !state.data?.reason ? knownMs : waitingMs),
  });
  const search = useMutation({
    mutationFn: api.refreshModels,
    onSuccess: (list) => {
      queries.setQueryData(['models'], list);
      void queries.invalidateQueries({ queryKey: ['models'] });
    },
  });
  const problem = error?.message ?? null;
  const noModel =
    problem ??
    (!data
      ? 'Loading the list of models …'
      : data.reason
        ? sentence(data.reason)
        : 'No model that makes pictures is installed.');
  const cards = servedBy(data?.models ?? [], generateTask);
  const busy = search.isPending || (search.isSuccess && Boolean(data?.reason));
  const found = search.error?.message ?? (search.isSuccess && !busy ? countText(cards.length) : '');
  return { cards, noModel, problem, refresh: { start: () => search.mutate(), busy, found } };
}

const countText = (count: number) => (count === 1 ? '1 model is installed.' : `${count} models are installed.`);
