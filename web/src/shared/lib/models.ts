// Rules about models, without React.
import type { Model, ModelCard, Parameter } from '../../api/types';

// The models that serve a task, with its rows.
export const servedBy = (models: Model[], task: string): ModelCard[] =>
  models.flatMap(({ tasks, ...model }) =>
    tasks.filter((served) => served.task === task).map(({ parameters }) => ({ ...model, parameters })));

const usableOf = (cards: ModelCard[]): ModelCard[] => cards.filter(({ problem }) => !problem);

// The rows of a task as the selected model takes them, or the first one where none is selected. The choices of a row of
// kind 'model' are the usable models that serve the task, or the task that its `list` names; with one of them there is
// no choice and no row.
export function rowsFor(rows: Parameter[], task: string, models: Model[], selected: string): Parameter[] {
  const usable = usableOf(servedBy(models, task));
  const card = usable.find(({ id }) => id === selected) ?? usable[0];
  return (card?.parameters ?? rows).flatMap((row) => {
    if (row.kind !== 'model') return [row];
    const offered = row.list ? usableOf(servedBy(models, row.list)) : usable;
    if (offered.length < 2) return [];
    return [
      { ...row, choices: offered.map(({ id }) => id), choice_titles: offered.map(({ id, title }) => title || id) },
    ];
  });
}
