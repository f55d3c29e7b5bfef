import { artifactUrl } from '../../../api/client';

// Which picture of several is selected, and whether it is shown without the others.
export interface Picked {
  index: number;
  alone: boolean;
}

interface Props {
  artifacts: string[];
  title: string; // what the pictures show
  picked: Picked;
  onPick: (picked: Picked) => void;
}

const fill = 'absolute inset-0 size-full object-contain';

// How several pictures are arranged, for a box of their shape.
export function gridOf(count: number, { alone }: Picked): { columns: number; rows: number } {
  if (count <= 1 || alone) return { columns: 1, rows: 1 };
  const columns = Math.ceil(Math.sqrt(count));
  return { columns, rows: Math.ceil(count / columns) };
}

// One picture, or a grid of several. It fills its parent, which is positioned. In the grid a first press selects a
// picture and a second one shows it large.
export function PictureResult({ artifacts, title, picked, onPick }: Props) {
  const only = artifacts.length === 1 || picked.alone ? artifacts[picked.index] : undefined;
  if (only) {
    const alt = artifacts.length > 1 ? `${title}, ${picked.index + 1}` : title;
    return <img key={only} src={artifactUrl(only)} data-testid="result" className={fill} alt={alt} />;
  }
  const { columns } = gridOf(artifacts.length, picked);
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
          <img src={artifactUrl(artifact)} alt={`${title}, ${index + 1}`} data-testid="result" className={`${fill} p-1`} />
        </button>
      ))}
    </div>
  );
}
