import { useEffect, useRef } from 'react';

import { artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';
import { picturesOf, promptOf } from './generation';
import type { Made } from './jobs';
import { LiveTile } from './LiveTile';
import { tileLook } from './tileLook';

interface Props {
  live: Job[];
  made: Made[];
  shown: { job: string | undefined; index: number };
  onFollow: (job: Job) => void;
  onCancel: (id: string) => void;
  onShow: (picture: Made) => void;
  loadOlder: (() => void) | undefined;
}

const nearEndPixels = 600;

// Jobs that are queued or running, then finished pictures, the newest first. Older ones are loaded near the end.
export function FilmStrip({ live, made, shown, onFollow, onCancel, onShow, loadOlder }: Props) {
  const strip = useRef<HTMLDivElement>(null);
  const loadWhenNearEnd = () => {
    const { scrollWidth = 0, scrollLeft = 0, clientWidth = 0 } = strip.current ?? {};
    if (scrollWidth - scrollLeft - clientWidth < nearEndPixels) loadOlder?.();
  };
  useEffect(loadWhenNearEnd);

  if (live.length + made.length === 0) return null;
  return (
    <div
      ref={strip} onScroll={loadWhenNearEnd}
      className="flex shrink-0 gap-2 overflow-x-auto border-t border-stone-800 px-5 py-3"
    >
      {live.length > 0 && (
        <ul aria-label="Under way" className="flex gap-2">
          {live.map((job) => (
            <LiveTile key={job.id} job={job} shown={job.id === shown.job} onFollow={onFollow} onCancel={onCancel} />
          ))}
        </ul>
      )}
      {made.length > 0 && (
        <ul aria-label="Made so far" className="flex gap-2">
          {made.map((picture) => (
            <MadeTile
              key={picture.artifact} picture={picture} onShow={onShow}
              shown={picture.job.id === shown.job && picture.index === shown.index}
            />
          ))}
        </ul>
      )}
    </div>
  );
}

function MadeTile({ picture, shown, onShow }: { picture: Made; shown: boolean; onShow: (picture: Made) => void }) {
  const { job, index } = picture;
  const count = picturesOf(job).length;
  return (
    <li className="shrink-0">
      <button
        type="button"
        aria-label={`Show: ${promptOf(job)}${count > 1 ? `, ${index + 1} of ${count}` : ''}`}
        aria-pressed={shown}
        className={tileLook(shown)}
        onClick={() => onShow(picture)}
      >
        <img src={artifactUrl(picture.artifact)} alt="" loading="lazy" className="size-full bg-stone-900 object-cover" />
      </button>
    </li>
  );
}
