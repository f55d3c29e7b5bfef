// Rules about models, without React.
import type { Model, ModelCard, Parameter } from '../../api/types';
import type { Values } from './parameters';

// The models that serve a task, with its rows.
export const servedBy = (models: Model[], task: string): ModelCard[] =>
  models.flatMap(({ tasks, ...model }) =>
    tasks.filter((served) => served.task === task).map(({ parameters }) => ({ ...model, parameters })));

const usableOf = (cards: ModelCard[]): ModelCard[] => cards.filter(({ problem }) => !problem);

// Ids of the models that requests without one get, by task.
export type DefaultModels = Record<string, string>;

// The rows of a task as the selected models take them, or the default ones where none is selected. The choices of a row
// of kind 'model' are the usable models that serve the task, or the task that its `list` names; with one of them there
// is no choice and no row. A task without models of its own has the defaults of the models that its rows name.
export function rowsFor(
  rows: Parameter[], task: string, models: Model[], values: Values, defaults: DefaultModels,
): Parameter[] {
  const selected = (name: string, of: string) => {
    const offered = usableOf(servedBy(models, of));
    const wanted = [values[name], defaults[of]];
    return wanted.map((id) => offered.find((card) => card.id === id)).find(Boolean) ?? offered[0];
  };
  const table = selected('model', task)?.parameters ?? rows;
  const others = rows.filter(({ list, kind }) => list && kind === 'model')
    .map(({ name, list }) => selected(name, list)?.parameters ?? []);
  const defaultOf = ({ name }: Parameter) =>
    others.map((each) => each.find((row) => row.name === name)?.default_value).find(Boolean) ?? '';
  return table.flatMap((row) => {
    if (row.kind !== 'model') return row.default_value === '' ? [{ ...row, default_value: defaultOf(row) }] : [row];
    const offered = usableOf(servedBy(models, row.list || task));
    if (offered.length < 2) return [];
    const title = ({ id, title: given }: ModelCard) => given || id;
    const usual = offered.find(({ id }) => id === defaults[row.list || task]);
    return [
      {
        ...row, choices: offered.map(({ id }) => id), choice_titles: offered.map(title),
        help: usual ? row.help.replace(/\bempty: .*$/i, `empty: ${title(usual)}`) : row.help,
      },
    ];
  });
}
