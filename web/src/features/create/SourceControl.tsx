import { useRef } from 'react';

import { Button } from '../../shared/ui/Button';
import type { SourcePicture } from './form';
import { readPicture } from './readPicture';

interface Props {
  source: SourcePicture | null;
  onChange: (source: SourcePicture | null) => void;
  onProblem: (sentence: string) => void;
}

// The picture to start from: chosen here, dropped anywhere on the page, or taken from the strip.
export function SourceControl({ source, onChange, onProblem }: Props) {
  const picker = useRef<HTMLInputElement>(null);
  const take = (file: File | undefined) => {
    if (file) readPicture(file).then(onChange, (error: Error) => onProblem(error.message));
  };
  return (
    <div>
      <input
        ref={picker}
        type="file"
        accept="image/*"
        aria-label="Picture to start from"
        className="sr-only"
        tabIndex={-1}
        onChange={(event) => {
          take(event.target.files?.[0]);
          event.target.value = '';
        }}
      />
      {source ? (
        <div className="flex items-center gap-3 rounded-md border border-stone-700 p-2">
          <img src={source.dataUrl} alt="" className="size-14 rounded object-cover" />
          <p className="min-w-0 flex-1 truncate text-sm text-stone-300">Starts from {source.name}</p>
          <Button onClick={() => onChange(null)}>Remove</Button>
        </div>
      ) : (
        <button
          type="button"
          className="w-full rounded-md border border-dashed border-stone-700 px-3 py-2.5 text-sm text-stone-400 hover:border-stone-500 hover:text-stone-200"
          onClick={() => picker.current?.click()}
        >
          Drop a picture to start from, or choose one
        </button>
      )}
    </div>
  );
}
