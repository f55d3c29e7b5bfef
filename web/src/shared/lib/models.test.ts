import { expect, test } from 'vitest';

import { cardWith, modelOf, row } from '../../testing/values';
import { rowsFor, servedBy } from './models';

const scale = (value: string) => row('scale', 'integer', value);
const card = (id: string, value: string, problem = '') => ({
  ...cardWith([row('model', 'model'), scale(value)]), id, title: `Title of ${id}`, problem,
});

test('models are listed for the tasks that they serve, with the rows of the task', () => {
  const models = [modelOf(card('a', '2'), 'upscale'), modelOf(card('b', '4'), 'classify')];
  expect(servedBy(models, 'upscale')).toEqual([card('a', '2')]);
  expect(servedBy(models, 'caption')).toEqual([]);
});

test('a form has the rows of the selected model, and lists the usable models', () => {
  const cards = [card('a', '2'), card('broken', '3', 'cut short'), card('b', '4')];
  const [model, second] = rowsFor([scale('1')], cards, 'b');
  expect(model).toMatchObject({ choices: ['a', 'b'], choice_titles: ['Title of a', 'Title of b'] });
  expect(second?.default_value).toBe('4');
  expect(rowsFor([], cards, 'broken').map((each) => each.default_value)).toEqual(['', '2']);
  expect(rowsFor([], [card('a', '2')], '').map(({ name }) => name)).toEqual(['scale']); // nothing to choose
  expect(rowsFor([scale('1')], [], '')).toEqual([scale('1')]);
});
