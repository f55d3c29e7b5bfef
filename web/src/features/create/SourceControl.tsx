import { useRef, type ReactNode } from 'react';

import { Button } from '../../shared/ui/Button';
import type { SourcePicture } from './form';

interface Props {
  source: SourcePicture | null;
  onFile: (file: File) => void;
  onRemove: () => void;
  children: ReactNode; // what is asked only with a picture
}

// The picture to start from: chosen here, dropped anywhere on the page, or taken from the strip.
export function SourceControl({ source, onFile, onRemove, children }: Props) {
  const picker = useRef<HTMLInputElement>(null);
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
          const file = event.target.files?.[0];
          if (file) onFile(file);
          event.target.value = '';
        }}
      />
      {source ? (
        <div className="flex flex-col gap-3 rounded-md border border-stone-700 p-2">
          <div className="flex items-center gap-3">
            <img src={source.dataUrl} alt="" className="size-14 rounded object-cover" />
            <p className="line-clamp-2 min-w-0 flex-1 text-sm break-words text-stone-300" title={source.name}>
              Starts from {source.name}
            </p>
            <Button onClick={onRemove}>Remove</Button>
          </div>
          {children}
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
