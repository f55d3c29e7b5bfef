import type { ReactNode } from 'react';

import { sentence } from '../lib/format';

// A failure, in a sentence, with what can be done about it beside it.
export function Notice({ text, children }: { text: string; children?: ReactNode }) {
  return (
    <div
      role="alert"
      className="flex flex-wrap items-center justify-between gap-3 rounded-md border border-red-900 bg-red-950/60 px-4 py-3 text-sm text-red-100"
    >
      <p className="min-w-0 flex-1 basis-60 break-words">{sentence(text)}</p>
      {children}
    </div>
  );
}
