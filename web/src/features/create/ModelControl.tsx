import type { ModelCard } from '../../api/types';
import { Field, inputLook } from '../../shared/ui/Field';
import { modelLabel, needsId } from './form';
import type { ModelRefresh } from './useModels';

interface Props {
  cards: ModelCard[];
  card: ModelCard | undefined;
  refresh: ModelRefresh;
  onModel: (id: string) => void;
}

// The model to use, the reasons why others cannot be used, and a search for newly installed ones.
export function ModelControl({ cards, card, refresh, onModel }: Props) {
  const broken = cards.filter((each) => each.problem);
  return (
    <div className="flex flex-col gap-1.5">
      <Field
        label="Model"
        title={card?.description}
        aside={
          <button
            type="button" className="text-xs text-stone-400 underline hover:text-stone-100"
            aria-disabled={refresh.busy} onClick={() => !refresh.busy && refresh.start()}
          >
            {refresh.busy ? 'Searching …' : 'Look for new models'}
          </button>
        }
      >
        {(attributes) => (
          <select {...attributes} className={inputLook} value={card?.id ?? ''} onChange={(e) => onModel(e.target.value)}>
            {cards.map((each) => (
              <option key={each.id} value={each.id} disabled={Boolean(each.problem)}>
                {modelLabel(each, cards)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {card && needsId(card, cards) && (
        <p className="text-xs break-words text-stone-400">{card.id}</p>
      )}
      {card?.warnings.map((sentence) => (
        <p key={sentence} className="text-xs break-words text-amber-300">
          {sentence}
        </p>
      ))}
      <p role="status" className="text-xs text-stone-400 empty:hidden">
        {refresh.found}
      </p>
      {broken.length > 0 && (
        <details open={broken.length < 3} className="text-xs text-amber-300">
          <summary className="cursor-pointer">
            {broken.length === 1 ? '1 model cannot be used' : `${broken.length} models cannot be used`}
          </summary>
          <ul className="mt-1 flex flex-col gap-1 break-words text-stone-300">
            {broken.map((each) => (
              <li key={each.id}>
                <b className="font-medium">{each.id}</b>: {each.problem}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
