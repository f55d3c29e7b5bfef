// Rules about models, without React.
import type { Model, ModelCard, Parameter } from '../../api/types';

// The models that serve a task, with its rows.
export const servedBy = (models: Model[], task: string): ModelCard[] =>
  models.flatMap(({ tasks, ...model }) =>
    tasks.filter((served) => served.task === task).map(({ parameters }) => ({ ...model, parameters })));

// The rows of a task as the selected model takes them, or the first one where none is selected. The choices of a row of
// kind 'model' are the usable models that serve the task; with one of them there is no choice and no row.
export function rowsFor(rows: Parameter[], cards: ModelCard[], selected: string): Parameter[] {
  const usable = cards.filter(({ problem }) => !problem);
  const card = usable.find(({ id }) => id === selected) ?? usable[0];
  return (card?.parameters ?? rows)
    .filter(({ kind }) => kind !== 'model' || usable.length > 1)
    .map((row) => {
      if (row.kind !== 'model') return row;
      return { ...row, choices: usable.map(({ id }) => id), choice_titles: usable.map(({ id, title }) => title || id) };
    });
}
