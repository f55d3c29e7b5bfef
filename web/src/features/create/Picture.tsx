import { artifactUrl } from '../../api/client';
import type { Job } from '../../api/types';
import { isLive } from './jobs';

// Which picture of a batch the buttons below speak of, and whether it is shown without the others.
export interface Picked {
  index: number;
  alone: boolean;
}

interface Props {
  job: Job | null;
  picked: Picked;
  onPick: (picked: Picked) => void;
}

const fill = 'absolute inset-0 size-full object-contain';

// Fills its box: on a wide window what is left between the rest, on a narrow one a height of its own.
export function Picture({ job, picked, onPick }: Props) {
  const artifacts = job?.result?.artifacts ?? [];
  const prompt = job?.result?.used.prompt || 'picture';
  const only = artifacts.length === 1 || picked.alone ? artifacts[picked.index] : undefined;
  const columns = only ? 1 : Math.max(1, Math.ceil(Math.sqrt(artifacts.length)));
  const rows = only ? 1 : Math.max(1, Math.ceil(artifacts.length / columns));
  return (
    <div
      data-testid="canvas"
      className="relative aspect-(--shape) max-h-[70vh] min-h-52 shrink-0 md:aspect-auto md:max-h-none md:min-h-40 md:flex-1 md:shrink"
      style={{ '--shape': shapeOf(job, columns, rows) } as React.CSSProperties}
    >
      {only ? (
        <img
          key={only} src={artifactUrl(only)} data-testid="result" className={fill}
          alt={artifacts.length > 1 ? `${prompt}, ${picked.index + 1}` : prompt}
        />
      ) : artifacts.length > 0 ? (
        <Batch artifacts={artifacts} prompt={prompt} columns={columns} picked={picked} onPick={onPick} />
      ) : (
        <Unfinished job={job} />
      )}
    </div>
  );
}

function shapeOf(job: Job | null, columns: number, rows: number): string {
  const width = job?.result?.used.width ?? job?.input.width ?? 1;
  const height = job?.result?.used.height ?? job?.input.height ?? 1;
  return `${width * columns} / ${height * rows}`;
}

interface BatchProps extends Omit<Props, 'job'> {
  artifacts: string[];
  prompt: string;
  columns: number;
}

// Pressed once a picture is the one that is meant, pressed again it is shown large.
function Batch({ artifacts, prompt, columns, picked, onPick }: BatchProps) {
  return (
    <div
      role="group" aria-label="Pictures of this batch"
      className="absolute inset-0 grid auto-rows-fr gap-2"
      style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
    >
      {artifacts.map((artifact, index) => (
        <button
          key={artifact} type="button" aria-pressed={index === picked.index}
          aria-label={`Picture ${index + 1} of ${artifacts.length}`}
          className={`relative min-h-0 rounded-md border-2 ${
            index === picked.index ? 'border-amber-500' : 'border-transparent hover:border-stone-600'
          }`}
          onClick={() => onPick({ index, alone: index === picked.index })}
        >
          <img src={artifactUrl(artifact)} alt={`${prompt}, ${index + 1}`} data-testid="result" className={`${fill} p-1`} />
        </button>
      ))}
    </div>
  );
}

function Unfinished({ job }: { job: Job | null }) {
  if (job && isLive(job) && job.progress.preview_artifact) {
    return (
      <img
        src={artifactUrl(job.progress.preview_artifact)}
        alt={`Preview after step ${job.progress.step}`}
        data-testid="preview"
        className={`${fill} preview-pixels opacity-90`}
      />
    );
  }
  return (
    <p className="absolute inset-0 m-auto h-fit max-w-sm text-center text-stone-400">
      {job && isLive(job)
        ? 'The picture appears here as it is drawn.'
        : 'Write a prompt and press Create, or drop a picture here to start from it.'}
    </p>
  );
}
