import { useState } from 'react';

import { Button } from './Button';

const shownMs = 2_000;

// Copies a text and says what came of it. Browsers refuse it on pages that are neither local nor HTTPS.
export function CopyButton({ text }: { text: string }) {
  const [said, setSaid] = useState('');
  const say = (words: string) => {
    setSaid(words);
    window.setTimeout(() => setSaid(''), shownMs);
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say('Copied');
    } catch {
      say('Select the text and copy it');
    }
  };
  return (
    <span className="flex items-center gap-2">
      <span role="status" className="text-xs text-stone-400">
        {said}
      </span>
      <Button onClick={() => void copy()}>Copy</Button>
    </span>
  );
}
