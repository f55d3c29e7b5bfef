import { useCallback, useState } from 'react';

import { ApiError } from '../../api/client';
import { useStatus } from './useStatus';

export interface Problem {
  text: string | null; // a sentence, or null
  fail: (error: Error) => void;
  clear: () => void;
}

// Why something failed. That the station did not answer is dropped as soon as it has answered again.
export function useProblem(): Problem {
  const [failure, setFailure] = useState<{ text: string; until: number } | null>(null);
  const { dataUpdatedAt: answeredAt } = useStatus();
  const fail = useCallback((error: Error) => {
    const unanswered = error instanceof ApiError && error.status === 0;
    setFailure({ text: error.message, until: unanswered ? Date.now() : Infinity });
  }, []);
  const clear = useCallback(() => setFailure(null), []);
  return { text: failure && answeredAt <= failure.until ? failure.text : null, fail, clear };
}
