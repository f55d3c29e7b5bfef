import { useRef, type ReactNode } from 'react';

import { acceptedPictures, type SourcePicture } from '../lib/readPicture';
import { Button } from './Button';

interface Props {
  label: string; // of the file field
  invitation: string; // on the button that opens it
  caption: (name: string) => string; // of the chosen picture
  picture: SourcePicture | null;
  onFile: (file: File) => void;
  onRemove: () => void;
  children?: ReactNode; // parameters that need the picture
}

// A picture that a request takes: chosen here, or set from elsewhere, for example by dropping a file on the page.
export function PictureInput({ label, invitation, caption, picture, onFile, onRemove, children }: Props) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <div>
      <input
        ref={picker} type="file" accept={acceptedPictures} aria-label={label} className="sr-only" tabIndex={-1}
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) onFile(file);
          event.target.value = '';
        }}
      />
      {picture ? (
        <div className="flex flex-col gap-3 rounded-md border border-stone-700 p-2">
          <div className="flex items-center gap-3">
            {picture.shown !== false && <img src={picture.dataUrl} alt="" className="size-14 rounded object-cover" />}
            <p className="line-clamp-2 min-w-0 flex-1 text-sm break-words text-stone-300" title={picture.name}>
              {caption(picture.name)}
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
          {invitation}
        </button>
      )}
    </div>
  );
}
