import { expect, test } from 'vitest';

import { cardWith, modelOf, row } from '../../testing/values';
import type { Model, Parameter } from '../../api/types';
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
  const models = [card('a', '2'), card('broken', '3', 'cut short'), card('b', '4')].map((each) => modelOf(each, 'upscale'));
  const rows = (table: Parameter[], some: Model[], selected: string) => rowsFor(table, 'upscale', some, selected);
  const [model, second] = rows([scale('1')], models, 'b');
  expect(model).toMatchObject({ choices: ['a', 'b'], choice_titles: ['Title of a', 'Title of b'] });
  expect(second?.default_value).toBe('4');
  expect(rows([], models, 'broken').map((each) => each.default_value)).toEqual(['', '2']);
  expect(rows([], models.slice(0, 1), '').map(({ name }) => name)).toEqual(['scale']); // nothing to choose
  expect(rows([scale('1')], [], '')).toEqual([scale('1')]);
});

test('a task without models of its own lists those of the tasks that its rows name', () => {
  const models = [modelOf(card('a', '2'), 'upscale'), modelOf(card('b', '4'), 'upscale'), modelOf(card('c', '1'), 'generate')];
  const table = [row('upscaler', 'model', '', { list: 'upscale' }), row('model', 'model', '', { list: 'generate' }), scale('2')];
  const rows = rowsFor(table, 'enhance', models, '');
  expect(rows.map(({ name }) => name)).toEqual(['upscaler', 'scale']); // one model refines
  expect(rows[0]).toMatchObject({ choices: ['a', 'b'] });
});
