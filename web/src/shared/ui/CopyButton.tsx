import { useState } from 'react';

import { Button } from './Button';

const shownMs = 2_000;

// Copies a text and shows whether it worked. Browsers refuse it on pages that are neither local nor HTTPS.
export function CopyButton({ text }: { text: string }) {
  const [outcome, setOutcome] = useState('');
  const show = (text: string) => {
    setOutcome(text);
    window.setTimeout(() => setOutcome(''), shownMs);
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      show('Copied');
    } catch {
      show('Select the text and copy it');
    }
  };
  return (
    <span className="flex items-center gap-2">
      <span role="status" className="text-xs text-stone-400">
        {outcome}
      </span>
      <Button onClick={() => void copy()}>Copy</Button>
    </span>
  );
}
