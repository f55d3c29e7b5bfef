import { artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';
import { isLive } from '../../shared/lib/jobs';
import { gridOf, PictureResult, type Picked } from '../../shared/ui/results/PictureResult';
import { inputOf, picturesOf, promptOf, usedOf } from './generation';

interface Props {
  job: Job | null;
  picked: Picked;
  onPick: (picked: Picked) => void;
}

// The result of the job, its preview, or an invitation. On a wide window it fills the space that the other parts leave,
// on a narrow one it has the height of its pictures.
export function Picture({ job, picked, onPick }: Props) {
  const artifacts = job ? picturesOf(job) : [];
  return (
    <div
      data-testid="canvas"
      className="relative aspect-(--shape) max-h-[70vh] min-h-52 shrink-0 md:aspect-auto md:max-h-none md:min-h-40 md:flex-1 md:shrink"
      style={{ '--shape': shapeOf(job, artifacts.length, picked) } as React.CSSProperties}
    >
      {job && artifacts.length > 0 ? (
        <PictureResult artifacts={artifacts} title={promptOf(job) || 'picture'} picked={picked} onPick={onPick} />
      ) : (
        <Unfinished job={job} />
      )}
    </div>
  );
}

function shapeOf(job: Job | null, count: number, picked: Picked): string {
  const { width, height } = job ? { ...inputOf(job), ...usedOf(job) } : {};
  const { columns, rows } = gridOf(count, picked);
  return `${(width ?? 1) * columns} / ${(height ?? 1) * rows}`;
}

function Unfinished({ job }: { job: Job | null }) {
  if (job && isLive(job) && job.progress.preview_artifact) {
    return (
      <img
        src={artifactUrl(job.progress.preview_artifact)}
        alt={`Preview after step ${job.progress.step}`}
        data-testid="preview"
        className="preview-pixels absolute inset-0 size-full object-contain opacity-90"
      />
    );
  }
  return (
    <p className="absolute inset-0 m-auto h-fit max-w-sm text-center text-stone-400">
      {job && isLive(job)
        ? 'The picture appears here while it is made.'
        : 'Write a prompt and press Create, or drop a picture here to start from it.'}
    </p>
  );
}
