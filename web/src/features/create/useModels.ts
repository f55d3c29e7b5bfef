import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { api } from '../../api/client';
import type { ModelCard } from '../../api/types';
import { sentence } from '../../shared/lib/format';
import { withListedDefaults } from './form';

export interface Models {
  cards: ModelCard[]; // those that make pictures
  noModel: string; // why there is none, in a sentence
  problem: string | null; // the station does not answer
  refresh: ModelRefresh;
}

export interface ModelRefresh {
  look: () => void;
  busy: boolean;
  found: string; // what came of it, in a sentence
}

const waitingMs = 1_000; // the station has just been started, or is away
const knownMs = 15_000; // a model may be installed at any time

// A station that starts has no models to name yet and says so in `reason`; it is asked again until it has, also by
// a page in the background. No retries beside that: the next question is the retry.
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
      ? 'Asking the station for its models …'
      : data.reason
        ? sentence(data.reason)
        : 'No model that makes pictures is installed.');
  const cards = (data?.models ?? []).filter((card) => card.task === 'generation').map(withListedDefaults);
  const busy = search.isPending || (search.isSuccess && Boolean(data?.reason));
  const found = search.error?.message ?? (search.isSuccess && !busy ? foundWords(cards.length) : '');
  return { cards, noModel, problem, refresh: { look: () => search.mutate(), busy, found } };
}

const foundWords = (count: number) => (count === 1 ? '1 model is installed.' : `${count} models are installed.`);
